// The builder of the tests' configuration files: what it writes, and that the product reads the same from it.
#include "tests/support/config_text.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/config_files.h"

namespace preforkd::testing {

TEST_CASE(
    "top-level keys come first, then listeners, then each section once, whatever the order of the calls") {
  const std::string text = ConfigText()
                               .Service("web", "http", {{"root", "/srv"}})
                               .Set("supervision.hang_timeout", "1s")
                               .Listen("web")
                               .Pool("app", {{"workers", 3}})
                               .Set("pid_file", "/run/p")
                               .Listen("app", "127.0.0.2:0", {{"proxy_protocol", true}})
                               .Set("supervision.max_requests", 7)
                               .Workers(2)
                               .Service("app", "echo", {{"pool", "app"}})
                               .Text();
  CHECK(text ==
        "pid_file = \"/run/p\"\n"
        "workers = 2\nworkers_max = 2\n"
        "[[listen]]\naddress = \"127.0.0.1:0\"\nservice = \"web\"\n"
        "[[listen]]\naddress = \"127.0.0.2:0\"\nservice = \"app\"\nproxy_protocol = true\n"
        "[service.web]\ntype = \"http\"\nroot = \"/srv\"\n"
        "[supervision]\nhang_timeout = \"1s\"\nmax_requests = 7\n"
        "[pool.app]\nworkers = 3\nworkers_max = 3\n"
        "[service.app]\ntype = \"echo\"\npool = \"app\"\n");
}

TEST_CASE("a key that is set again keeps its place and takes the new value") {
  const std::string text = ConfigText()
                               .Workers(2)
                               .Service("s", "echo")
                               .Set("service.s.idle_timeout", "1s")
                               .Set("service.s.type", "http")
                               .Workers(4)
                               .Text();
  CHECK(text == "workers = 4\nworkers_max = 4\n[service.s]\ntype = \"http\"\nidle_timeout = \"1s\"\n");
}

TEST_CASE("only strings are quoted") {
  const std::string text = ConfigText()
                               .Set("a", 0)
                               .Set("b", -5)
                               .Set("c", false)
                               .Set("d", "0")
                               .Set("e", std::string("true"))
                               .Text();
  CHECK(text == "a = 0\nb = -5\nc = false\nd = \"0\"\ne = \"true\"\n");
}

TEST_CASE("an empty pool is a section without keys, and no setting at all an empty text") {
  CHECK(ConfigText().Pool("app", {}).Text() == "[pool.app]\n");
  CHECK(ConfigText().Text().empty());
}

TEST_CASE("quotes, backslashes and control characters are escaped") {
  CHECK(ConfigText().Set("a", "\" \\ \n \x1b \x7f").Text() == "a = \"\\\" \\\\ \\u000a \\u001b \\u007f\"\n");
}

TEST_CASE("the product reads each value as it was set") {
  const std::string motto = "a \"b\" \\c\\ # [d]\tand \xc3\xa4";
  const Config config = Loaded(LoadText(
      ConfigText()
          .Workers(3)
          .Set("supervision.max_requests", 7)
          .Pool("app", {{"workers", 2}})
          .Listen("web")
          .Listen("shop", "127.0.0.2:0", {{"proxy_protocol", true}})
          .Service("web", "http")
          .Service("shop", "shop", {{"path", "/lib"}, {"motto", motto}, {"open", false}, {"pool", "app"}})
          .Text()));
  REQUIRE(config.FindPool("app") != nullptr);
  CHECK(config.FindPool("app")->workers == 2);
  CHECK(config.supervision.max_requests == 7);
  REQUIRE(config.listen.size() == 2);
  CHECK_FALSE(config.listen[0].proxy_protocol);
  CHECK(config.listen[1].proxy_protocol);
  REQUIRE(config.FindService("shop") != nullptr);
  CHECK(config.FindService("shop")->settings.Text("motto") == motto);
  CHECK_FALSE(config.FindService("shop")->settings.Flag("open"));
}

}  // namespace preforkd::testing
