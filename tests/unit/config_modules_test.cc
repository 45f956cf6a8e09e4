// Services of type "module": what is asked for before a module is known, and how its keys are judged
// afterwards.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/config/config_loader.h"
#include "common/config/draft.h"
#include "common/config/keys.h"
#include "common/config/module_codec.h"
#include "tests/unit/config_files.h"

namespace preforkd::testing {
namespace {

using Kind = SettingKind;

ServiceDeclaration ModuleType() {
  return {
      "module",
      {{.name = "path", .kind = Kind::kPath, .min = "1", .max = "4095", .doc = "a file", .required = true},
       {.name = "threads", .kind = Kind::kNumber, .min = "1", .max = "64", .fallback = "1", .doc = "threads"},
       {.name = "max_body",
        .kind = Kind::kSize,
        .min = "0",
        .max = "1GiB",
        .fallback = "1MiB",
        .doc = "size"}},
      false};
}

ModuleDeclaration Shop() {
  ModuleDeclaration module;
  module.name = "shop";
  module.version = "2.1";
  module.kind = ModuleKind::kBlocking;
  module.system_calls = {CallSet::kNetwork, CallSet::kThreads};
  module.settings = {
      {.name = "greeting", .min = "1", .max = "20", .fallback = "hello", .doc = "the first word"},
      {.name = "mode", .kind = Kind::kChoice, .fallback = "fast", .doc = "how", .words = {"fast", "slow"}},
      {.name = "database", .kind = Kind::kPath, .min = "1", .max = "100", .doc = "where", .required = true}};
  module.counters = {{"sales", "things sold"}};
  return module;
}

constexpr const char* kShop = "/lib/shop.so";

// With the section [service.s] at line 4: `lines` are 7 and those after it.
std::string Text(const std::string& lines) {
  return "[[listen]]\naddress = \"127.0.0.1:0\"\nservice = \"s\"\n[service.s]\ntype = \"module\"\npath = "
         "\"/lib/shop.so\"\n" +
         lines;
}

ConfigInputs Inputs(const std::string& file) {
  ConfigInputs inputs = InputsFor(file);
  inputs.service_types.push_back(ModuleType());
  return inputs;
}

// `lines` with the module known as `module`.
ConfigOutcome Load(const std::string& lines, const Result<ModuleDeclaration>& module = Shop()) {
  const TempFile file(Text(lines));
  ConfigInputs inputs = Inputs(file.path());
  inputs.modules.insert_or_assign(kShop, module);
  return LoadConfig(inputs);
}

std::string At(const char* position) { return TestFolder() + "/preforkd.toml:" + position; }

}  // namespace

TEST_CASE("a module that is not known is wanted, and its keys are not judged") {
  const TempFile file(Text("gretting = 7\npool = \"app\"\n[pool.app]\nuser = \"daemon\"\nworkers = 3\n"));
  const ConfigOutcome outcome = LoadConfig(Inputs(file.path()));
  CHECK(outcome.config == nullptr);
  CHECK(ProblemText(outcome).empty());
  REQUIRE(outcome.modules_wanted.size() == 1);
  const ModuleWanted& wanted = outcome.modules_wanted[0];
  CHECK(wanted.path == kShop);
  CHECK(wanted.service == "s");
  CHECK(wanted.where == At("6:1"));
  REQUIRE(wanted.config->pools.size() == 1);
  CHECK(wanted.config->pools[0].name == "app");
  CHECK(wanted.config->pools[0].user == "daemon");
  REQUIRE(wanted.config->services.size() == 1);
  CHECK(wanted.config->services[0].settings.Text("path") == kShop);
  CHECK(wanted.config->PoolOf(wanted.config->services[0]).workers == 3);
}

TEST_CASE("modules are wanted beside other problems, each once") {
  const TempFile file("wrokers = 1\n" + Text("[service.t]\ntype = \"module\"\npath = \"/lib/shop.so\"\n"
                                             "[service.u]\ntype = \"module\"\npath = \"/lib/other.so\"\n"));
  const ConfigOutcome outcome = LoadConfig(Inputs(file.path()));
  CHECK(outcome.problems.size() == 1);
  REQUIRE(outcome.modules_wanted.size() == 2);
  CHECK(outcome.modules_wanted[0].service == "s");
  CHECK(outcome.modules_wanted[1].path == "/lib/other.so");
}

TEST_CASE("a module is not to be opened as another user than its pool's") {
  for (const char* lines : {"pool = \"app\"\n[pool.app]\nuser = 5\n", "pool = \"none\"\n"}) {
    CAPTURE(std::string(lines));
    const TempFile file(Text(lines));
    const ConfigOutcome outcome = LoadConfig(Inputs(file.path()));
    CHECK(outcome.modules_wanted.empty());
    CHECK(outcome.problems.size() == 1);
  }
}

TEST_CASE("a module without a path, or with one that cannot be used") {
  const TempFile without("[[listen]]\naddress = \":0\"\nservice = \"s\"\n[service.s]\ntype = \"module\"\n");
  CheckOnlyProblem(LoadConfig(Inputs(without.path())), At("4:10"),
                   "[service.s] has no path; write one: a file");
  const TempFile empty(
      "[[listen]]\naddress = \":0\"\nservice = \"s\"\n[service.s]\ntype = \"module\"\npath = \"\"\n");
  CheckOnlyProblem(LoadConfig(Inputs(empty.path())), At("6:1"), "service.s.path: must not be empty");
}

TEST_CASE("a module that cannot be opened is a problem of its path") {
  CheckOnlyProblem(Load("", Error{"'/lib/shop.so' is built for interface 2, this server has 1"}), At("6:1"),
                   "service.s.path: '/lib/shop.so' is built for interface 2, this server has 1");
}

TEST_CASE("the keys of a known module are read, checked and kept") {
  const Config config = Loaded(Load("database = \"/var/shop\"\ngreeting = \"hi\"\nthreads = 4\n"));
  const ServiceConfig& service = config.services.at(0);
  CHECK(service.module == Shop());
  CHECK(service.client_speaks_first);
  CHECK(service.settings.Text("path") == kShop);
  CHECK(service.settings.Number("threads") == 4);
  CHECK(service.settings.Size("max_body") == 1024 * 1024);
  CHECK(service.settings.Text("greeting") == "hi");
  CHECK(service.settings.Text("mode") == "fast");
  CHECK(service.settings.Text("database") == "/var/shop");
}

TEST_CASE("each problem of a module's key is at its line and column") {
  const std::string good = "database = \"/d\"\n";
  CheckOnlyProblem(Load(""), At("4:10"), "[service.s] has no database; write one: where");
  CheckOnlyProblem(Load(good + "greting = \"x\"\n"), At("8:1"),
                   "unknown key 'service.s.greting'; did you mean 'service.s.greeting'?");
  CheckOnlyProblem(Load(good + "greeting = \"\"\n"), At("8:1"), "service.s.greeting: must not be empty");
  CheckOnlyProblem(Load(good + "mode = \"fst\"\n"), At("8:1"), "did you mean 'fast'?");
  CheckOnlyProblem(Load(good + "threads = 65\n"), At("8:1"), "write 1 to 64");
  CheckOnlyProblem(Load(good + "root = \"/\"\n"), At("8:1"),
                   "a service of type 'module' has no such key, one of type 'http' has");
}

TEST_CASE("a module whose own keys cannot be used is refused at its path") {
  const auto with = [](const Setting& setting) {
    ModuleDeclaration module = Shop();
    module.settings.push_back(setting);
    return module;
  };
  const auto refused = [&](const Setting& setting, const std::string& why) {
    CheckOnlyProblem(Load("database = \"/d\"\n", with(setting)), At("6:1"),
                     "service.s.path: '/lib/shop.so' " + why);
  };
  for (const char* name : {"path", "threads", "max_body", "pool", "type", "greeting"}) {
    refused({.name = name, .doc = "x"},
            fmt::format("declares a setting '{}' that cannot be used: the name is taken", name));
  }
  refused({.name = "Big", .doc = "x"}, "declares a setting 'Big' that cannot be used: the name may have");
  refused({.name = "size", .kind = Kind::kSize, .min = "9", .max = "1", .fallback = "9", .doc = "x"},
          "declares a setting 'size' that cannot be used: the range: ");
}

TEST_CASE("the names that a module cannot have are those of the first interface, and no more") {
  // A name that is added here refuses modules that were built before. A new key of HTTP or of modules is no
  // reserved name: make it a setting of the type. A new key of every service (ServiceKeys) cannot be.
  CHECK(ReservedKeys() == std::vector<std::string>{"type", "pool", "system_calls", "path", "threads",
                                                   "max_body", "max_body_time", "max_header", "max_headers",
                                                   "max_requests", "body_timeout", "send_timeout", "min_rate",
                                                   "header_timeout", "keepalive_timeout", "request_timeout"});
  for (const std::string& name : KeyNames(ServiceKeys())) {
    CAPTURE(name);
    CHECK(std::count(ReservedKeys().begin(), ReservedKeys().end(), name) == 1);
  }
}

TEST_CASE("a key that the server got later does not refuse a module that has that name, which wins") {
  const auto load = [](const std::string& line) {
    const TempFile file(Text("database = \"/d\"\n" + line));
    ConfigInputs inputs = Inputs(file.path());
    inputs.service_types.back().settings.push_back(
        {.name = "greeting", .kind = Kind::kNumber, .min = "1", .max = "9", .fallback = "3", .doc = "later"});
    inputs.modules.insert_or_assign(kShop, Shop());
    return LoadConfig(inputs);
  };
  const Config config = Loaded(load("greeting = \"good day\"\n"));
  const Settings& settings = config.services.at(0).settings;
  CHECK(settings.Number("greeting") == 3);  // what the server reads
  REQUIRE(settings.Find("greeting") != nullptr);
  CHECK(settings.Find("greeting")->value.text == "good day");  // what the module reads
  const std::string printed = PrintConfig(config);
  CHECK(printed.find("greeting = \"good day\"") != std::string::npos);
  CHECK(printed.find("greeting = 3") == std::string::npos);
  CheckOnlyProblem(load("greeting = 4\n"), At("8:1"), "service.s.greeting: ");
}

TEST_CASE("the keys of a preload are there, and their names taken, only if the module has one") {
  const auto load = [](const std::string& line, bool preload, const char* own) {
    const TempFile file(Text("database = \"/d\"\n" + line));
    ConfigInputs inputs = Inputs(file.path());
    inputs.service_types.back().settings.push_back({.name = "preload_max",
                                                    .kind = Kind::kSize,
                                                    .min = "4KiB",
                                                    .max = "1TiB",
                                                    .fallback = "256MiB",
                                                    .doc = "bytes"});
    ModuleDeclaration module = Shop();
    module.preload = preload;
    module.settings[0].name = own;
    inputs.modules.insert_or_assign(kShop, module);
    return LoadConfig(inputs);
  };
  const Config with = Loaded(load("preload_max = \"1MiB\"\n", true, "greeting"));
  CHECK(with.services.at(0).settings.Size(kPreloadMax) == 1U << 20U);
  CheckOnlyProblem(load("preload_max = \"1MiB\"\n", false, "greeting"), At("8:1"),
                   "service.s.preload_max: a module without a preload has no such key");
  for (const char* name : {"preload_max", "preload_timeout"}) {
    CheckOnlyProblem(load("", true, name), At("6:1"), "the name is taken");
    const Config own = Loaded(load(fmt::format("{} = \"soon\"\n", name), false, name));
    CHECK(own.services.at(0).settings.Text(name) == "soon");
  }
}

TEST_CASE("a module with a protocol of its own has no keys of HTTP, and may not take their names") {
  ModuleDeclaration module = Shop();
  module.kind = ModuleKind::kProtocol;
  module.client_speaks_first = false;
  const Config config = Loaded(Load("database = \"/d\"\n", module));
  CHECK_FALSE(config.services[0].client_speaks_first);
  CHECK(config.services[0].settings.Items().size() == 4);
  CheckOnlyProblem(Load("database = \"/d\"\nthreads = 2\n", module), At("8:1"),
                   "a module with a protocol of its own has no such key");
  module.settings[0].name = "max_body";
  CheckOnlyProblem(Load("database = \"/d\"\n", module), At("6:1"), "the name is taken");
}

TEST_CASE("threads are for handlers that may block") {
  ModuleDeclaration module = Shop();
  module.kind = ModuleKind::kEvent;
  CheckOnlyProblem(Load("database = \"/d\"\nthreads = 2\n", module), At("8:1"),
                   "those of 'shop' run in the event loop");
}

TEST_CASE("variables and flags set the keys of a module, and its path") {
  const TempFile file(Text(""));
  ConfigInputs inputs = Inputs(file.path());
  inputs.environment = {{"PREFORKD_SERVICE_S_GREETING", "service_s_greeting", "moin"}};
  inputs.flags = {{"--set", "service.s.database", "/d"}, {"--set", "service.s.path", "/lib/new.so"}};
  CHECK(LoadConfig(inputs).modules_wanted.at(0).where == "--set");
  inputs.modules.insert_or_assign("/lib/new.so", Shop());
  const Config config = Loaded(LoadConfig(inputs));
  CHECK(config.services[0].settings.Text("greeting") == "moin");
  CHECK(config.services[0].settings.Text("path") == "/lib/new.so");
}

TEST_CASE("the printed configuration has the keys of a module, and reads back to the same") {
  ModuleDeclaration module = Shop();
  SUBCASE("its handlers block") {}
  SUBCASE("its handlers run in the loop") { module.kind = ModuleKind::kEvent; }
  const Config config = Loaded(Load("database = \"/d\"\n", module));
  const std::string printed = PrintConfig(config);
  CHECK(printed.find("greeting = \"hello\"") != std::string::npos);
  CHECK(printed.find("# the first word") != std::string::npos);
  const TempFile file(printed, "printed.toml");
  ConfigInputs inputs = Inputs(file.path());
  inputs.modules.insert_or_assign(kShop, module);
  CHECK(Loaded(LoadConfig(inputs)) == config);
}

// ---- --module ----

namespace {

ConfigInputs FlagInputs(std::vector<std::string> files, std::vector<std::string> listen) {
  ConfigInputs inputs = Inputs("");
  inputs.module_files = std::move(files);
  inputs.listen = std::move(listen);
  ModuleDeclaration plain;
  plain.name = "plain";
  for (const std::string& file : inputs.module_files) inputs.modules.insert_or_assign(file, plain);
  return inputs;
}

}  // namespace

TEST_CASE("--module serves a file under its name, on the default address or on every --listen") {
  const Config alone = Loaded(LoadConfig(FlagInputs({"./my hello.so"}, {})));
  REQUIRE(alone.services.size() == 1);
  CHECK(alone.services[0].name == "my-hello");
  REQUIRE(alone.listen.size() == 1);
  CHECK(alone.listen[0].address.text == "127.0.0.1:8080");
  CHECK(alone.listen[0].service == "my-hello");
  const Config two = Loaded(LoadConfig(FlagInputs({"hello.so"}, {"127.0.0.1:1", "127.0.0.1:2"})));
  CHECK(two.listen.at(0).service == "hello");
  CHECK(two.listen.at(1).service == "hello");
}

TEST_CASE("several modules go with the listeners in their order, and have different names") {
  const Config config =
      Loaded(LoadConfig(FlagInputs({"a/hello.so", "b/hello.so"}, {"127.0.0.1:1", "127.0.0.1:2"})));
  CHECK(config.listen.at(0).service == "hello");
  CHECK(config.listen.at(1).service == "hello-2");
  CHECK(config.services.at(1).settings.Text("path") == "b/hello.so");
  CheckOnlyProblem(LoadConfig(FlagInputs({"a.so", "b.so"}, {"127.0.0.1:1"})), "--module",
                   "there are 2 of it and 1 of --listen");
}

TEST_CASE("--module beside a file needs --listen, and goes with no other flag about what is served") {
  const TempFile file(kMinimal);
  ConfigInputs inputs = FlagInputs({"a.so"}, {});
  inputs.file = file.path();
  CheckOnlyProblem(LoadConfig(inputs), "--module", "add --listen ADDR");
  ConfigInputs root = FlagInputs({"a.so"}, {});
  root.root = "/";
  CheckOnlyProblem(LoadConfig(root), "--root", "is not for what --module serves");
}

TEST_CASE("blocking modules of one pool share its threads: another number is a problem at the second") {
  const std::string second = "[service.t]\ntype = \"module\"\npath = \"/lib/shop.so\"\ndatabase = \"d\"\n";
  const std::string first = "database = \"d\"\n";
  const ConfigOutcome same = Load(first + second);
  CHECK(same.config != nullptr);
  CHECK(same.warnings.empty());
  CHECK(Load("threads = 3\n" + first + second + "threads = 3\n").config != nullptr);
  const ConfigOutcome other = Load(first + second + "threads = 3\n");
  CheckOnlyProblem(other, At("12:1"), "it is 3, and that of [service.s] is 1");
  CheckOnlyProblem(Load("threads = 2\n" + first + second), At("9:10"),
                   "it is 1, and that of [service.s] is 2");
  CHECK(Load(first + second + "threads = 3\npool = \"t\"\n[pool.t]\nworkers = 1\n").config != nullptr);
}

// ---- the codec ----

TEST_CASE("a declaration and an error survive as bytes, and damaged bytes are an error") {
  const Result<ModuleDeclaration> module = DecodeModule(EncodeModule(Shop()));
  REQUIRE(module.Ok());
  CHECK(module.Value() == Shop());
  CHECK(DecodeModule(EncodeModule(Error{"no such file"})).Err().text == "no such file");
  const std::string bytes = EncodeModule(Shop());
  for (const std::string& bad :
       {std::string(), std::string("{"), std::string("7"), std::string("{\"module\":7}"),
        bytes.substr(0, bytes.size() / 2), std::string("{\"error\":{}}")}) {
    CAPTURE(bad);
    CHECK_FALSE(DecodeModule(bad).Ok());
  }
}

}  // namespace preforkd::testing
