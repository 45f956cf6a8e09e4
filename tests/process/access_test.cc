// Networks, passwords and error pages with the real program, asked by curl, through a reload, and what
// --check says of them.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/command.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

namespace fs = std::filesystem;

// Of "secret".
constexpr const char* kAnn = "ann:$2y$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u\n";
constexpr const char* kBob = "bob:$y$j9T$abcdefghijklmnop$3dL1LkYnZM.OVXuVdnnaKVDlLYT92dRwOzDZ5XiVCe.\n";

class Site {
 public:
  Site() {
    Write("users", kAnn);
    Write("www/index.html", "public\n");
    Write("www/private/index.html", "private\n");
    Write("www/inside/index.html", "inside\n");
    Write("errors/401.html", "who are you?\n");
    Write("errors/4xx.txt", "client error\n");
  }
  [[nodiscard]] std::string Path(const std::string& name) const { return folder_.Path(name); }
  void Write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(Path(name)).parent_path());
    WriteFile(Path(name), text);
  }
  [[nodiscard]] std::string Config(const std::string& listener = {}, const std::string& more = {}) const {
    return fmt::format(R"(workers = 1
[log]
access = "{0}/access.log"
[[listen]]
address = "127.0.0.1:0"
service = "site"
{1}[service.site]
type = "http"
root = "{0}/www"
error_pages = "{0}/errors"
[[service.site.location]]
path = "/private"
basic_auth = "{0}/users"
realm = "the \"office\""
[[service.site.location]]
path = "/inside"
allow = ["10.0.0.0/8", "2001:db8::/32"]
deny = "10.1.0.0/16"
{2})",
                       Path(""), listener, more);
  }

 private:
  TempDirectory folder_;
};

// Status, then the body, of one request.
std::string Curl(const DaemonProcess& daemon, const std::string& target,
                 const std::vector<std::string>& more = {}) {
  std::vector<std::string> words = {"/usr/bin/curl", "-sS", "-w", "%{stderr}%{http_code}"};
  words.insert(words.end(), more.begin(), more.end());
  words.push_back("http://" + daemon.Address() + target);
  const CommandResult result = RunCommand(words);
  return result.code == 0 ? result.err + " " + result.out : "curl failed: " + result.err;
}

bool AccessLogHas(const Site& site, const std::string& text) {
  return WaitUntil(kTimeout, [&] {
    std::ifstream file(site.Path("access.log"));
    std::stringstream all;
    all << file.rdbuf();
    return all.str().find(text) != std::string::npos;
  });
}

TEST_CASE("a password for one place of a site") {
  const Site site;
  DaemonProcess daemon;
  daemon.WriteConfig(site.Config());
  daemon.Serve(1);
  CHECK(Curl(daemon, "/") == "200 public\n");
  CHECK(Curl(daemon, "/private/") == "401 who are you?\n");
  CHECK(Curl(daemon, "/private/", {"-u", "ann:wrong"}) == "401 who are you?\n");
  CHECK(Curl(daemon, "/private/", {"-u", "bob:secret"}) == "401 who are you?\n");
  CHECK(Curl(daemon, "/private/", {"-u", "ann:secret"}) == "200 private\n");
  CHECK(Curl(daemon, "/private/", {"-u", "ann:secret"}) == "200 private\n");
  CHECK(Curl(daemon, "/private/none", {"-u", "ann:secret"}) == "404 client error\n");
  CHECK(Curl(daemon, "/private/", {"-u", "ann:secret", "-I"}).find("200 HTTP/1.1 200 OK") == 0);
  // curl asks without a password first, and takes what it is asked for.
  CHECK(Curl(daemon, "/private/", {"--anyauth", "-u", "ann:secret"}).find("200 ") == 0);
  const std::string head = Curl(daemon, "/private/", {"-D", "-", "-o", "/dev/null"});
  CHECK(head.find("WWW-Authenticate: Basic realm=\"the \\\"office\\\"\", charset=\"UTF-8\"\r\n") !=
        std::string::npos);
  CHECK(AccessLogHas(site, "127.0.0.1 - ann ["));
  CHECK(AccessLogHas(site, "127.0.0.1 - - ["));

  site.Write("users", kBob);
  CHECK(daemon.Reload());
  CHECK(WaitUntil(kTimeout, [&] {
    return Curl(daemon, "/private/", {"-u", "ann:secret"}) == "401 who are you?\n";
  }));
  CHECK(Curl(daemon, "/private/", {"-u", "bob:secret"}) == "200 private\n");
}

TEST_CASE("the address behind the PROXY protocol decides") {
  const Site site;
  DaemonProcess daemon;
  daemon.WriteConfig(site.Config("proxy_protocol = true\n"));
  daemon.Serve(1);
  struct Row {
    const char* proxy;
    int status;
  };
  for (const Row& row :
       {Row{"PROXY TCP4 10.0.0.1 127.0.0.1 1 2", 200}, Row{"PROXY TCP4 10.1.0.1 127.0.0.1 1 2", 403},
        Row{"PROXY TCP4 192.0.2.1 127.0.0.1 1 2", 403}, Row{"PROXY TCP6 2001:db8::1 ::1 1 2", 200},
        Row{"PROXY TCP6 2001:db9::1 ::1 1 2", 403}, Row{"PROXY TCP6 ::ffff:10.0.0.1 ::1 1 2", 200},
        Row{"PROXY UNKNOWN", 403}}) {
    CAPTURE(row.proxy);
    HttpClient client(daemon.Address());
    REQUIRE(
        client.Connection().SendAll(std::string(row.proxy) + "\r\nGET /inside/ HTTP/1.1\r\nHost: a\r\n\r\n"));
    const std::optional<HttpResponse> response = client.ReadResponse();
    REQUIRE(response);
    CHECK(response->status == row.status);
    CHECK(response->body == (row.status == 200 ? "inside\n" : "client error\n"));
  }
}

TEST_CASE("a request that cannot be parsed gets the page of the service") {
  const Site site;
  DaemonProcess daemon;
  daemon.WriteConfig(site.Config());
  daemon.Serve(1);
  HttpClient client(daemon.Address());
  REQUIRE(client.Connection().SendAll("GET / HTTP/1.1\r\nHost : a\r\n\r\n"));
  const std::optional<HttpResponse> response = client.ReadResponse();
  REQUIRE(response);
  CHECK(response->status == 400);
  CHECK(response->body == "client error\n");
}

TEST_CASE("--check names what is wrong with networks, passwords and pages") {
  const Site site;
  site.Write("md5", std::string(kAnn) + "bob:$apr1$abcdefgh$UPFwP/.YFGdYHlZQ1hbR20\n");
  site.Write("bad/404.php", "x");
  struct Wrong {
    std::string line;
    std::string says;
  };
  for (const Wrong& wrong : std::vector<Wrong>{
           {"[[service.site.location]]\npath = \"/a\"\nallow = [\"10.0.0.0/8\",\n \"10.0.0.1/8\"]\n",
            ":22:2: service.site.location.allow: '10.0.0.1/8' is not a network: the address has bits behind "
            "the prefix"},
           {"[[service.site.location]]\npath = \"/a\"\nbasic_auth = \"" + site.Path("md5") + "\"\n",
            "/md5':2: user 'bob': it is an MD5 hash, which is too weak"},
           {"[[service.site.location]]\npath = \"/a\"\nbasic_auth = \"/no/such\"\n",
            "'/no/such' cannot be used"},
           {"[[service.site.location]]\npath = \"/a\"\nerror_pages = \"" + site.Path("bad") + "\"\n",
            "'404.php' is not the name of an error page"}}) {
    CAPTURE(wrong.line);
    DaemonProcess daemon;
    daemon.WriteConfig(site.Config({}, wrong.line));
    daemon.ExpectExit(78);
    CHECK(daemon.Run({"--check"}) == 78);
    CAPTURE(daemon.Stderr());
    CHECK(daemon.Stderr().find(wrong.says) != std::string::npos);
  }
  DaemonProcess daemon;
  daemon.WriteConfig(site.Config());
  CHECK(daemon.Run({"--check"}) == 0);
}

}  // namespace
}  // namespace preforkd::testing
