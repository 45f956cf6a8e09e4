// --explain: what a URL is, and which listeners a client with it can reach.
#include "master/explain_url.h"

#include <doctest/doctest.h>

#include <string>
#include <variant>
#include <vector>

#include "master/options.h"

namespace preforkd::testing {
namespace {

TEST_CASE("URLs") {
  struct Row {
    const char* text;
    bool tls;
    const char* host;
    std::uint16_t port;
    const char* target;
  };
  for (const Row& row :
       {Row{"http://a", false, "a", 0, "/"}, Row{"https://a.b/", true, "a.b", 0, "/"},
        Row{"http://a:8080/x?y#z", false, "a", 8080, "/x?y"}, Row{"http://a?q", false, "a", 0, "/?q"},
        Row{"http://a:/", false, "a", 0, "/"}, Row{"http://[::1]:81/x", false, "[::1]", 81, "/x"},
        Row{"http://[::1]/", false, "[::1]", 0, "/"}}) {
    CAPTURE(row.text);
    const Result<Url> url = ParseUrl(row.text);
    REQUIRE(url.Ok());
    CHECK(url.Value().text == row.text);
    CHECK(url.Value().tls == row.tls);
    CHECK(url.Value().host == row.host);
    CHECK(url.Value().port == row.port);
    CHECK(url.Value().target == row.target);
  }
  for (const char* wrong :
       {"", "a", "/x", "a.b/c", "ftp://a/", "http:/a", "http://", "http:///x", "http://:80/", "http://a:0/",
        "http://a:65536/", "http://a:b/", "http://a b/", "http://a/ b", "HTTP://a/", "http://\xc3\xa4/"}) {
    CAPTURE(wrong);
    CHECK_FALSE(ParseUrl(wrong).Ok());
  }
}

std::string Reached(const std::vector<ListenConfig>& listeners, const char* url) {
  Config config;
  config.listen = listeners;
  std::string reached;
  for (const ListenConfig* listener : ListenersFor(config, ParseUrl(url).Value()))
    reached += (reached.empty() ? "" : " ") + listener->address.text;
  return reached;
}

ListenConfig At(const char* address, bool tls = false) {
  ListenConfig listener;
  listener.address = ParseListenAddress(address).Value();
  listener.tls = tls;
  return listener;
}

TEST_CASE("the listeners that a client can reach with a URL") {
  const std::vector<ListenConfig> all = {At(":80"),          At("127.0.0.1:8080"), At("[::1]:8080"),
                                         At("unix:/s"),      At(":443", true),     At("systemd:web"),
                                         At("0.0.0.0:8081"), At("10.0.0.1:80"),    At("systemd:tls", true)};
  CHECK(Reached(all, "http://a/") == ":80 unix:/s systemd:web 10.0.0.1:80");
  CHECK(Reached(all, "http://10.0.0.1/") == ":80 unix:/s systemd:web 10.0.0.1:80");
  CHECK(Reached(all, "http://10.0.0.2/") == ":80 unix:/s systemd:web");
  CHECK(Reached(all, "http://a:8080/") == "127.0.0.1:8080 [::1]:8080");
  CHECK(Reached(all, "http://127.0.0.1:8080/") == "127.0.0.1:8080");
  CHECK(Reached(all, "http://[0::1]:8080/") == "[::1]:8080");
  CHECK(Reached(all, "http://10.9.9.9:8081/") == "0.0.0.0:8081");
  CHECK(Reached(all, "https://a/") == ":443 systemd:tls");
  CHECK(Reached(all, "http://a:443/").empty());
  // Something in front may pass connections on.
  CHECK(Reached({At("127.0.0.1:8080"), At(":8443", true)}, "http://a/") == "127.0.0.1:8080");
  CHECK(Reached({At("127.0.0.1:8080"), At(":8443", true)}, "https://a/") == ":8443");
  CHECK(Reached({At("127.0.0.1:8080")}, "http://a:80/").empty());
}

TEST_CASE("the flag") {
  const auto parse = [](std::vector<const char*> words) {
    words.insert(words.begin(), "preforkd");
    return ParseOptions(static_cast<int>(words.size()), words.data());
  };
  const auto good = parse({"--explain", "http://a/x", "-c", "f"});
  REQUIRE(std::holds_alternative<Options>(good));
  CHECK(std::get<Options>(good).explain->target == "/x");
  const auto wrong = parse({"--explain", "a/x"});
  REQUIRE(std::holds_alternative<EarlyExit>(wrong));
  CHECK(std::get<EarlyExit>(wrong).code == ExitCode::kUsage);
  CHECK(std::get<EarlyExit>(wrong).text.find("--explain: 'a/x' is not a URL") != std::string::npos);
}

}  // namespace
}  // namespace preforkd::testing
