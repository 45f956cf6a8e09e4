// Broken files: each problem at its line and column, with what to write instead.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <string>
#include <vector>

#include "common/config/config_loader.h"
#include "tests/unit/config_files.h"

namespace preforkd::testing {
namespace {

struct Broken {
  std::string text;
  const char* position;
  const char* says;
  bool complete = false;  // as it is; else kMinimal is put after it
};

// `lines` after a listener and up to the end of a service of type http: the first is line 6.
std::string InService(const std::string& lines) { return kMinimal + lines; }
// The first of `lines` is line 6 of a whole file, inside its second listener.
std::string InListener(const std::string& lines) { return std::string(kMinimal) + "[[listen]]\n" + lines; }

void CheckBroken(const Broken& broken) {
  const TempFile file(broken.complete ? broken.text : broken.text + kMinimal);
  const ConfigOutcome outcome = LoadConfig(InputsFor(file.path()));
  CAPTURE(broken.text);
  CAPTURE(ProblemText(outcome));
  CHECK(outcome.config == nullptr);
  REQUIRE(outcome.problems.size() == 1);
  CHECK(outcome.problems[0].where == file.path() + ":" + broken.position);
  CHECK(outcome.problems[0].text.find(broken.says) != std::string::npos);
}

TEST_CASE("syntax") {
  for (const Broken& broken : std::vector<Broken>{
           {"workers = \n", "1:11", "not TOML: "},
           {"workers = 1\nworkers = 2\n", "2:11", "cannot redefine"},
           {"\n[log\n", "2:5", "not TOML: "},
           {"user = \"abc\n", "1:12", "not TOML: "},
           {"user = \"\xff\"\n", "1:9", "invalid UTF-8"},
           {"# \xc3\xa9\nuser = \"\xc3\xa9\xc3\n", "2:10", "invalid UTF-8"},
           {"\xc3\xa9 = 1\n", "1:1", "saw '\xc3\xa9'"},
           {"user = \xc3\xa9\n", "1:8", "not TOML: "},
           {"[=\n", "1:2", "not TOML: "},
           {"[\n", "1:2", "not TOML: "},
           {"[[#]]\n", "1:3", "not TOML: "},
           {"workers = 1 2\n", "1:13", "not TOML: "},
           {"# ok\nuser = \"" + std::string("\0", 1) + "\"\n", "2:9", "NUL byte"},
           {"workers = 99999999999999999999\n", "1:31", "not representable"},
           {InService("[service.s]\n"), "6:1", "cannot redefine", true},
           {"a" + std::string(5000, '.') + "\n", "1:3", "not TOML: "},
       }) {
    CheckBroken(broken);
  }
}

TEST_CASE("unknown keys, with the nearest") {
  for (const Broken& broken : std::vector<Broken>{
           {"wokers = 2\n", "1:1", "unknown key 'wokers'; did you mean 'workers'?"},
           {"worker = 2\n", "1:1",
            "'worker' is one section; write [worker] and its keys below; did you mean 'workers'?"},
           {"[dispach]\n policy = \"x\"\n", "2:2",
            "unknown key 'dispach.policy'; did you mean 'dispatch.policy'?"},
           {"dispatch.polcy = 1\n", "1:10", "did you mean 'dispatch.policy'?"},
           {"hang_timeout = \"1s\"\n", "1:1", "did you mean 'supervision.hang_timeout'?"},
           {"colour = 1\n", "1:1", "unknown key 'colour'; --print-config shows all keys"},
           {"[empty]\n", "1:2", "unknown key 'empty'"},
           {"\"dispatch.policy\" = \"round-robin\"\n", "1:1", "unknown key '\"dispatch.policy\"'"},
           {"\"a\\nb\" = 1\n", "1:1", "unknown key '\"a\\u000Ab\"'"},
           {"a.b.c.d.e.f.g.h.i.j.k = 1\n", "1:15", "unknown key 'a.b.c.d.e.f.g.h'"},
           {InListener("address = \":1\"\nservice = \"s\"\nbacklgo = 1\n"), "9:1",
            "unknown key 'backlgo' in [[listen]]; did you mean 'backlog'?", true},
           {InService("rot = \"/\"\n"), "6:1", "unknown key 'service.s.rot'; did you mean 'service.s.root'?",
            true},
       }) {
    CheckBroken(broken);
  }
}

TEST_CASE("types and ranges") {
  for (const Broken& broken : std::vector<Broken>{
           {"workers = 0\n", "1:1", "workers: 0 is out of range; write 1 to 256 or \"auto\""},
           {"workers = 257\n", "1:1", "257 is out of range"},
           {"workers = -1\n", "1:1", "-1 is out of range"},
           {"workers = \"2\"\n", "1:1", "'2' does not fit; write a number, 1 to 256 or \"auto\""},
           {"workers = 1.5\n", "1:1", "1.5 does not fit"},
           {"workers = {}\n", "1:1", "a table does not fit"},
           {"workers = [1]\n", "1:1", "an array does not fit"},
           {"workers = 2020-01-01\n", "1:1", "a date or time does not fit"},
           {"user = 5\n", "1:1", "user: 5 does not fit; write text in quotes"},
           {"user = \"a\\u0000\"\n", "1:1", "without a NUL byte"},
           {"control = \"/" + std::string(107, 'x') + "\"\n", "1:1", "out of range; write 0 to 107 bytes"},
           {"scheduling = \"fifo\"\n", "1:1", "scheduling: 'fifo' does not fit; write 'batch' or 'normal'"},
           {"[dispatch]\npolicy = \"least-connection\"\n", "2:1", "did you mean 'least-connections'?"},
           {"[dispatch]\nmax_queue = 257\n", "2:1", "1 to 256"},
           {"[parking]\nafter = 250\n", "2:1", "250 does not fit; write a duration such as \"250ms\""},
           {"[parking]\nafter = \"250\"\n", "2:1", "'250' is not understood; write a number and a unit"},
           {"[parking]\nafter = \"61m\"\n", "2:1", "'61m' is out of range; write 0 to 1h"},
           {"[supervision]\nhang_timeout = \"99ms\"\n", "2:1", "write 100ms to 24h"},
           {"[supervision]\nmax_memory = 512\n", "2:1", "512 does not fit; write a size such as \"64KiB\""},
           {"[supervision]\nmax_memory = \"17TiB\"\n", "2:1", "write 0 to 16TiB"},
           {"[log]\nlevel = \"warn\"\n", "2:1", "log.level: 'warn' does not fit; write 'debug', 'info'"},
           {InListener("address = \":1\"\nservice = \"s\"\ndefer_accept = \"yes\"\n"), "9:1",
            "listen.defer_accept: 'yes' does not fit; write true or false", true},
           {InListener("service = \"s\"\naddress = \"localhost:80\"\n"), "8:1", "not a numeric address",
            true},
           {InListener("service = \"s\"\naddress = 80\n"), "8:1",
            "80 does not fit; write an address in quotes", true},
           {InService("max_header = \"1B\"\n"), "6:1", "'1B' is not understood", true},
       }) {
    CheckBroken(broken);
  }
}

TEST_CASE("sections of the wrong shape") {
  for (const Broken& broken : std::vector<Broken>{
           {"dispatch = 5\n", "1:1", "'dispatch' is one section; write [dispatch]"},
           {"[[dispatch]]\n", "1:3", "'dispatch' is one section"},
           {"[listen]\naddress = \":1\"\n", "1:2", "write [[listen]] before each listener", true},
           {"listen = \":80\"\n", "1:1", "write [[listen]]", true},
           {"listen = [\":80\"]\n", "1:11", "listen: ':80' is not a section", true},
           {"[[service]]\n[[listen]]\naddress=\":1\"\n", "1:3", "write [service.NAME]", true},
           {"[service]\nx = 1\n", "2:1", "service.x: 1 is not a section"},
           {"[service.\"a b\"]\ntype = \"http\"\n", "1:10", "'a b' is not a valid name of a service"},
           {"[service." + std::string(65, 'n') + "]\ntype = \"http\"\n", "1:10", "1 to 64 letters"},
           {"[service.\"\"]\ntype = \"http\"\n", "1:10", "'' is not a valid name"},
       }) {
    const TempFile file(broken.complete ? broken.text : broken.text + kMinimal);
    const ConfigOutcome outcome = LoadConfig(InputsFor(file.path()));
    CAPTURE(broken.text);
    CAPTURE(ProblemText(outcome));
    CHECK(outcome.config == nullptr);
    REQUIRE_FALSE(outcome.problems.empty());
    // A listener that could not be read is also one that is missing.
    bool found = false;
    for (const ConfigProblem& problem : outcome.problems) {
      found = found || (problem.where == file.path() + ":" + broken.position &&
                        problem.text.find(broken.says) != std::string::npos);
    }
    CHECK(found);
  }
}

TEST_CASE("values that do not fit each other, this version or this machine") {
  for (
      const Broken& broken : std::vector<Broken>{
          {"workers = 4\nworkers_max = 3\n", "2:1", "workers_max: 3 is less than workers = 4"},
          {"[supervision]\nbackoff_max = \"50ms\"\n", "2:1", "100ms is more than backoff_max = 50ms"},
          {"[supervision]\nbackoff_max = \"1s\"\nbackoff_min = \"2s\"\n", "3:1",
           "2s is more than backoff_max = 1s"},
          {"user = \"no-such-user\"\n", "1:1", "user: there is no user 'no-such-user'"},
          {"group = \"no-such-group\"\n", "1:1", "group: there is no group 'no-such-group'"},
          {"[log]\nfile = \"syslog:local8\"\n", "2:1",
           "is not a syslog facility; write syslog: and 'kern', "},
          {"[log]\naccess_format = \"jsno\"\n", "2:1", "write 'combined' or 'json'; did you mean 'json'?"},
          {InListener("address = \"systemd:web\"\nservice = \"s\"\n[[listen]]\naddress = \"systemd:web\"\n"
                      "service = \"s\"\n"),
           "10:1", "taken by another listener", true},
          {InListener("address = \"unix:/x\"\nservice = \"s\"\ndefer_accept = true\n"), "9:1",
           "a Unix socket cannot defer", true},
          {InListener("address = \"127.0.0.1:0\"\nservice = \"s\"\n"), "7:1", "taken by another listener",
           true},
          {InListener("service = \"s\"\n"), "6:1", "[[listen]] has no address", true},
          {InListener("address = \":1\"\n"), "6:1", "[[listen]] has no service", true},
          {InListener("address = \":1\"\nservice = \"ss\"\n"), "8:1",
           "there is no [service.ss]; did you mean 's'?", true},
          {InListener("address = \":1\"\nservice = \"web\"\n"), "8:1", "there is no [service.web]; write 's'",
           true},
          {InService("[service.t]\nroot = \"/\"\n"), "6:10", "[service.t] has no type; write one of 'http'",
           true},
          {InService("[service.t]\ntype = \"htpp\"\n"), "7:1", "unknown type 'htpp'; write 'http', 'echo'",
           true},
          {InService("[service.t]\ntype = \"ehco\"\n"), "7:1", "did you mean 'echo'?", true},
          {InService("idle_timeout = \"1s\"\n"), "6:1", "a service of type 'http' has no such key", true},
          {InService("system_calls = \"files, netwrok\"\n"), "6:1",
           "service.s.system_calls: 'netwrok' does not fit; write 'network', 'files', 'processes', "
           "'threads' or 'code'; "
           "did you mean 'network'?",
           true},
          {InService("system_calls = [\"files\"]\n"), "6:1", "in one text, with commas between them", true},
          {"[worker]\nenvironment = 1\n", "2:1",
           "worker.environment: 1 does not fit; write names of variables in one text"},
          {"[worker]\nenvironment = \"PATH, A=b\"\n", "2:1",
           "worker.environment: 'A=b' is not the name of a variable; write names of variables in one text, "
           "with "
           "commas between "
           "them, such as \"PATH, LC_*\"; its value is the one that the server was started with"},
          {"[worker]\nenvironment = \"A*B\"\n", "2:1", "'A*B' is not the name of a variable"},
          {"[worker]\nenvironment = \"1A\"\n", "2:1", "'1A' is not the name of a variable"},
          {InListener("address = \"unix:/x\"\nservice = \"s\"\nmode = \"0888\"\n"), "9:1",
           "listen.mode: '0888' does not fit; write a mode in quotes, octal, \"0000\" to \"0777\"", true},
          {InListener("address = \"unix:/x\"\nservice = \"s\"\nmode = 432\n"), "9:1",
           "listen.mode: 432 does not fit; write a mode in quotes, octal", true},
          {InListener("address = \"unix:/x\"\nservice = \"s\"\nmode = \"1777\"\n"), "9:1",
           "listen.mode: '1777' does not fit", true},
          {InListener("address = \"unix:/x\"\nservice = \"s\"\nmode = \"0o66\"\n"), "9:1",
           "listen.mode: '0o66' does not fit", true},
          {InListener("address = \"unix:/x\"\nservice = \"s\"\nmode = \"\"\n"), "9:1",
           "listen.mode: '' does not fit", true},
          {InListener("address = \"unix:@x\"\nservice = \"s\"\nmode = \"0666\"\n"), "9:1",
           "listen.mode: 'unix:@x' is not a unix:/path, and only the file of such a socket has one; leave it "
           "out",
           true},
          {InListener("address = \":1\"\nservice = \"s\"\nuser = \"root\"\n"), "9:1",
           "listen.user: ':1' is not a unix:/path", true},
          {InListener("address = \"systemd:x\"\nservice = \"s\"\ngroup = \"root\"\n"), "9:1",
           "listen.group: 'systemd:x' is not a unix:/path, and only the file of such a socket has one; write "
           "SocketMode=",
           true},
          {InListener("address = \"unix:/x\"\nservice = \"s\"\nuser = \"no such user\"\n"), "9:1",
           "listen.user: there is no user 'no such user'; write the name of one that exists", true},
          {InListener("address = \"unix:/x\"\nservice = \"s\"\ngroup = \"no such group\"\n"), "9:1",
           "listen.group: there is no group 'no such group'", true},
          {"[worker]\nseccomp = \"lgo\"\n", "2:1", "write 'on', 'log' or 'off'; did you mean 'log'?"},
          {"[worker]\nseccomp = true\n", "2:1",
           "worker.seccomp: true does not fit; write 'on', 'log' or 'off'"},
          {"[limits]\nexempt = [\"::1\", \"10.0.0.0/33\"]\n", "2:18", "limits.exempt"},
          {"[limits]\nexempt = \"::1, 10.0.0.0/33\"\n", "2:1", "limits.exempt"},
          {"[worker]\nmax_files = 63\n", "2:1", "worker.max_files: 63 is too few; write at least 64, or 0"},
          {"[worker]\nmax_address_space = \"1MiB\"\n", "2:1", "1MiB is too little; write at least 128MiB"},
          {"[worker]\nchroot = \"/no/such/folder\"\n", "2:1",
           "worker.chroot: '/no/such/folder' cannot be used"},
          {"[worker]\nchroot = \"/etc/passwd\"\n", "2:1", "is not a folder"},
          {"[worker]\nchroot = \"/usr\"\n[log]\nfile = \"syslog\"\n", "2:1",
           "worker.chroot: workers look for '/dev/log' inside, and '/usr/dev/log' is not there"},
          {InService("root = \"/etc\"\n[worker]\nchroot = \"/usr\"\n"), "6:1",
           "service.s.root: '/etc' is not beneath the workers' root, '/usr'", true},
          {InService("root = \"/no/such/folder\"\n"), "6:1", "No such file or directory (ENOENT)", true},
          {InService("root = \"/etc/passwd\"\n"), "6:1", "is not a folder", true},
          {InService("[service.f]\ntype = \"shop\"\npath = \"/x\"\nmotto = [1]\n"), "9:1",
           "service.f.motto: an array does not fit; write text", true},
          {"", "1:1", "no [[listen]]: nothing would be served", true},
          {" \n# nothing\n", "1:1", "no [[listen]]", true},
      }) {
    CheckBroken(broken);
  }
}

TEST_CASE("all problems are reported, in the order of the file, flags last") {
  const TempFile file("worker = 1\n[log]\nlevel = 5\n[dispatch]\nmax_queue = 0\n");
  ConfigInputs inputs = InputsFor(file.path());
  inputs.flags = {{"--workers", "workers", "x"}};
  const ConfigOutcome outcome = LoadConfig(inputs);
  std::vector<std::string> places;
  for (const ConfigProblem& problem : outcome.problems) places.push_back(problem.where);
  const std::string& path = file.path();
  CHECK(places ==
        std::vector<std::string>{path + ":1:1", path + ":1:1", path + ":3:1", path + ":5:1", "--workers"});
}

void CheckRefused(const std::string& path, const std::string& where, const std::string& says) {
  const ConfigOutcome outcome = LoadConfig(InputsFor(path));
  CAPTURE(ProblemText(outcome));
  REQUIRE(outcome.problems.size() == 1);
  CHECK(outcome.problems[0].where == where);
  CHECK(outcome.problems[0].text.find(says) != std::string::npos);
}

TEST_CASE("the maximum numbers of listeners and services; the first one too many is named") {
  std::string text;
  for (std::size_t i = 0; i < kMaxListeners; ++i) {
    text += "[[listen]]\naddress = \"unix:@" + std::to_string(i) + "\"\nservice = \"s\"\n";
  }
  const std::string service = "[service.s]\ntype = \"http\"\n";
  CHECK(LoadText(text + service).config != nullptr);
  const std::string one_more = "[[listen]]\naddress = \"unix:@one more\"\nservice = \"s\"\n";
  const TempFile listeners(text + one_more + service);
  CheckOnlyProblem(LoadConfig(InputsFor(listeners.path())), listeners.path() + ":3073:1",
                   "there are 1025 listeners; write 1024 at most");

  text = kMinimal;
  for (std::size_t i = 1; i < kMaxServices; ++i)
    text += "[service.s" + std::to_string(i) + "]\ntype = \"http\"\n";
  CHECK(LoadText(text).config != nullptr);
  const TempFile services(text + "[service.more]\ntype = \"http\"\n");
  CheckOnlyProblem(LoadConfig(InputsFor(services.path())), services.path() + ":2052:10",
                   "there are 1025 services; write 1024 at most");
}

TEST_CASE("a path that is not a regular file is refused at once") {
  CheckRefused("/dev/zero", "/dev/zero:1:1", "is a device; a configuration must be a regular file");
  CheckRefused("/", "/:1:1", "is a folder");
  // Reports size 0, but is not empty: like a file that grows while it is read.
  CheckRefused("/proc/self/status", "/proc/self/status:1:1", "changes while it is read");
  CheckRefused("/no/such/file", "/no/such/file", "No such file or directory (ENOENT)");

  const std::string fifo = TestFolder() + "/fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CheckRefused(fifo, fifo + ":1:1", "is a FIFO");
  REQUIRE(::unlink(fifo.c_str()) == 0);
}

TEST_CASE("a file of up to 1 MiB is read, a larger one is not") {
  const TempFile large(std::string(1024 * 1024 - std::string(kMinimal).size(), '\n') + kMinimal, "large");
  CHECK(LoadConfig(InputsFor(large.path())).config != nullptr);
  const TempFile larger(std::string(1024 * 1024 + 1 - std::string(kMinimal).size(), '\n') + kMinimal,
                        "larger");
  CheckRefused(larger.path(), larger.path() + ":1:1",
               "is 1048577 bytes long; the maximum for a configuration is 1MiB");

  const TempFile huge("", "huge");
  REQUIRE(::truncate(huge.path().c_str(), off_t{1} << 30) == 0);
  CheckRefused(huge.path(), huge.path() + ":1:1", "1073741824 bytes");
}

TEST_CASE("a key of a hundred thousand levels does not exhaust the stack") {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "a.";
  CHECK(ProblemText(LoadText(deep + "a = 1\n")).find(":1:203: more than 100 dots") != std::string::npos);
  CHECK(ProblemText(LoadText("[" + deep + "a]\n")).find("more than 100 dots") != std::string::npos);
}

TEST_CASE("the deepest accepted nesting does not exhaust the stack") {
  std::string line = "a";
  for (int i = 0; i < 99; ++i) line += ".a";
  std::string text;
  for (int i = 0; i < 120; ++i) text += "[{" + line + " =\n";
  CHECK_FALSE(LoadText("x = " + text).problems.empty());
  std::string whole = "x = ";
  for (int i = 0; i < 120; ++i) whole += "[\n{" + line + " = ";
  whole += "1";
  for (int i = 0; i < 120; ++i) whole += "}]";
  CHECK_FALSE(LoadText(whole + "\n").problems.empty());
}

TEST_CASE("a file of another format is refused quickly, however many mistakes it has") {
  std::string top;
  std::string services;
  std::string pools;
  for (int i = 0; top.size() < 900'000; ++i) top += "worker" + std::to_string(i) + " = 1\n";
  for (int i = 0; services.size() < 900'000; ++i)
    services += "[service.n" + std::to_string(i) + "]\ntype = \"http\"\nrot = 1\n";
  for (int i = 0; pools.size() < 900'000; ++i) pools += "[pool.n" + std::to_string(i) + "]\n";
  for (const std::string& text : {top, services, pools}) {
    const std::clock_t begin = std::clock();
    const ConfigOutcome outcome = LoadText(text);
    CHECK(outcome.config == nullptr);
    CHECK(outcome.problems.size() <= 101);
    CHECK((std::clock() - begin) / CLOCKS_PER_SEC <
          30);  // of CPU time; it takes about one, more under sanitizers
  }
  const ConfigOutcome outcome = LoadText(top);
  CHECK(outcome.problems.size() == 101);
  CHECK(outcome.problems.back().text.find(" more problems") != std::string::npos);
}

TEST_CASE("a ruler of dots in a comment is not a key") {
  CHECK(LoadText("# " + std::string(200, '.') + "\n" + kMinimal).config != nullptr);
}

}  // namespace
}  // namespace preforkd::testing
