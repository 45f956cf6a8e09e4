// Hosts and locations with the real program: a site of several hosts, over plain HTTP and TLS, through a
// reload, and what --check, --print-config and --explain say of it.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <filesystem>
#include <optional>
#include <string>

#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

namespace fs = std::filesystem;

class Site {
 public:
  Site() {
    Write("www/index.html", "www\n");
    Write("www/assets/a.css", "css\n");
    Write("www/.env", "secret\n");
    Write("www/closed/index.html", "closed\n");
    Write("iso/a.iso", "iso\n");
    Write("app/index.html", "app\n");
    Write("acme/token", "proof\n");
  }
  [[nodiscard]] std::string Path(const std::string& name) const { return folder_.Path(name); }
  void Write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(Path(name)).parent_path());
    WriteFile(Path(name), text);
  }
  // Each line is counted by the checks below.
  [[nodiscard]] std::string Config(const std::string& cached = "max-age=600") const {
    return fmt::format(R"(workers = 1
[[listen]]
address = "127.0.0.1:0"
service = "site"
[service.site]
type = "http"
denied = "404"
[[service.site.location]]
path = "/acme"
root = "{0}/acme"
[[service.site.host]]
name = ["www.example.org", "example.org"]
root = "{0}/www"
cache_control = "{1}"
header = ["X-Site: www"]
[[service.site.host.location]]
path = "/downloads"
root = "{0}/iso"
[[service.site.host.location]]
path = "/old"
redirect = "/new"
[[service.site.host.location]]
path = "/closed/index.html"
denied = "403"
[[service.site.host]]
name = "*.example.net"
root = "{0}/app"
fallback = "index.html"
)",
                       Path(""), cached);
  }

 private:
  TempDirectory folder_;
};

struct Seen {
  int status = 0;
  std::string body;
  std::string location;
  std::string cached;
  std::string site;
};

// On the existing connection of the client.
Seen Ask(HttpClient& client, const std::string& host, const std::string& target) {
  const bool sent = client.Connection().SendAll("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  std::optional<HttpResponse> response = sent ? client.ReadResponse() : std::nullopt;
  if (!response) return {};
  auto& fields = response->headers;
  return {response->status, response->body, fields["location"], fields["cache-control"], fields["x-site"]};
}

TEST_CASE("several hosts on one address, and a reload that changes one of them") {
  const Site site;
  DaemonProcess daemon;
  daemon.WriteConfig(site.Config());
  daemon.Serve(1);
  HttpClient client(daemon.Address());
  CHECK(Ask(client, "www.example.org", "/").body == "www\n");
  CHECK(Ask(client, "Example.ORG:80", "/assets/a.css").body == "css\n");
  CHECK(Ask(client, "www.example.org", "/").cached == "max-age=600");
  CHECK(Ask(client, "www.example.org", "/none").status == 404);
  CHECK(Ask(client, "www.example.org", "/none").site == "www");
  CHECK(Ask(client, "www.example.org", "/none").cached.empty());
  CHECK(Ask(client, "www.example.org", "/.env").status == 404);
  CHECK(Ask(client, "www.example.org", "/downloads/a.iso").body == "iso\n");
  CHECK(Ask(client, "www.example.org", "/old/x?y").status == 301);
  CHECK(Ask(client, "www.example.org", "/old/x?y").location == "/new/x?y");
  CHECK(Ask(client, "a.b.example.net", "/any/thing").body == "app\n");
  CHECK(Ask(client, "a.example.net", "/acme/token").body == "proof\n");
  CHECK(Ask(client, "10.0.0.1", "/acme/token").body == "proof\n");
  CHECK(Ask(client, "10.0.0.1", "/").status == 404);
  CHECK(Ask(client, "other.org", "http://www.example.org/").body == "www\n");

  daemon.WriteConfig(site.Config("no-store"));
  CHECK(daemon.Reload());
  CHECK(WaitUntil(kTimeout, [&] { return Ask(client, "www.example.org", "/").cached == "no-store"; }));
}

TEST_CASE("--print-config prints hosts and locations so that they are read back") {
  const Site site;
  DaemonProcess first;
  first.WriteConfig(site.Config());
  REQUIRE(first.Run({"--print-config"}) == 0);
  const std::string printed = first.Output();
  CHECK(printed.find("\n[[service.site.host.location]]\npath = \"/old\"") != std::string::npos);
  DaemonProcess second;
  second.WriteConfig(printed);
  CHECK(second.Run({"--print-config"}) == 0);
  // Above it is the control socket of each server.
  const auto service = [](const std::string& text) { return text.substr(text.find("\n[service.site]")); };
  CHECK(service(second.Output()) == service(printed));
}

TEST_CASE("--check names the line and the column of a wrong place") {
  const Site site;
  struct Wrong {
    const char* line;
    const char* says;
  };
  for (const Wrong& wrong :
       {Wrong{"cache_contrl = \"x\"\n",
              ":29:1: unknown key 'cache_contrl' in [[service.site.host]]; did you mean"},
        Wrong{"denied = \"403\"\n", ":29:1: service.site.host.denied: root is set too; write one of the two"},
        Wrong{"header = [\"X: y\",\n \"Date: z\"]\n", "'Date' depends on the answer"},
        Wrong{"[[service.site.host]]\nname = \"EXAMPLE.org\"\n",
              ":30:1: service.site.host.name: 'EXAMPLE.org' is taken, at "},
        Wrong{"[[service.site.host.location]]\npath = \"x\"\n",
              ":30:1: service.site.host.location.path: 'x' does not begin with '/'"}}) {
    CAPTURE(wrong.line);
    DaemonProcess daemon;
    daemon.WriteConfig(site.Config() + wrong.line);
    daemon.ExpectExit(78);
    CHECK(daemon.Run({"--check"}) == 78);
    CHECK(daemon.Stderr().find(wrong.says) != std::string::npos);
  }
}

TEST_CASE("--explain says what answers a URL, and where that is written") {
  const Site site;
  struct Row {
    const char* url;
    std::vector<std::string> says;
  };
  const std::vector<Row> rows = {
      {"http://www.example.org/assets/a.css",
       {"service    site, of type http\n", "host       www.example.org, example.org, at ", ":11:1\n",
        "location   none\n", "/www/assets/a.css, 4 bytes\n", "cache_control = \"max-age=600\"", ":14:1\n"}},
      {"http://example.org/downloads/a.iso", {"location   /downloads, at ", "/iso/a.iso, 4 bytes\n"}},
      {"http://example.org/downloads/b.iso", {"answer     404: ", "/iso/b.iso: "}},
      {"http://example.org/downloads", {"301, to the same path with '/' at its end"}},
      {"http://example.org/assets", {"301, to the same path with '/' at its end"}},
      {"http://example.org/.env", {"404: a name in the path begins with a dot\n"}},
      {"http://example.org/old/a%20b?c", {"301, to /new/a%20b?c\n"}},
      {"http://x.example.net/y", {"/app/index.html, 4 bytes, the fallback, instead of 404: "}},
      {"http://example.org/closed/",
       {"location   none\n", "index      /closed/index.html, whose location decides: /closed/index.html, at ",
        "answer     403: denied\n", "denied = \"403\""}},
      {"http://unknown.org/", {"host       none of its hosts\n", "404: denied\n", "denied = \"404\""}},
      {"http://unknown.org/acme/token", {"location   /acme, at ", "/acme/token, 6 bytes\n"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.url);
    DaemonProcess daemon;
    daemon.WriteConfig(site.Config());
    CHECK(daemon.Run({"--explain", row.url}) == 0);
    CAPTURE(daemon.Output());
    const bool denied = daemon.Output().find(": denied\n") != std::string::npos;
    CHECK((daemon.Output().find("denied = ") != std::string::npos) == denied);  // else it has no effect
    for (const std::string& says : row.says) CHECK(daemon.Output().find(says) != std::string::npos);
  }
}

TEST_CASE("--explain fails as other commands do") {
  const Site site;
  const auto code = [&](const std::string& url, const std::string& text) {
    DaemonProcess daemon;
    daemon.WriteConfig(text);
    const int exit = daemon.Run({"--explain", url});
    daemon.ExpectExit(exit);
    return exit;
  };
  CHECK(code("example.org", site.Config()) == 64);
  CHECK(code("ftp://example.org/", site.Config()) == 64);
  CHECK(code("http://a b/", site.Config()) == 64);
  CHECK(code("http://example.org/../..", site.Config()) == 64);
  CHECK(code("https://example.org/", site.Config()) == 69);
  CHECK(code("http://example.org:81/", site.Config()) == 69);
  CHECK(code("http://example.org/", site.Config() + "x = 1\n") == 78);
}

}  // namespace
}  // namespace preforkd::testing
