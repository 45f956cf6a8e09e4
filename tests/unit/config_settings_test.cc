// Settings that service types declare: read, checked and refused like any other key.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "common/config/config_loader.h"
#include "common/config/setting_value.h"
#include "tests/unit/config_files.h"

namespace preforkd::testing {
namespace {

// Line 6 is the head of [service.shop], line 9 the first of `lines`.
std::string Shop(const std::string& lines) {
  return std::string(kMinimal) + "[service.shop]\ntype = \"shop\"\npath = \"/lib/shop.so\"\n" + lines;
}

Settings ShopSettings(const std::string& lines) { return Loaded(LoadText(Shop(lines))).services[1].settings; }

TEST_CASE("a missing key has its declared default") {
  const Settings settings = ShopSettings("");
  CHECK(settings.Text("path") == "/lib/shop.so");
  CHECK(settings.Text("motto").empty());
  CHECK(settings.Number("speed") == 0);
  CHECK(settings.Flag("open"));
  CHECK(settings.Text("mode") == "fast");
  CHECK_FALSE(settings.Has("wants", "red"));
  CHECK(settings.Texts("names") == std::vector<std::string>{"one", "two, too"});
}

TEST_CASE("every kind is read") {
  const Settings settings =
      ShopSettings("motto = \"m\"\nspeed = 9\nopen = false\nmode = \"good\"\nwants = \"blue, red\"\n");
  CHECK(settings.Text("motto") == "m");
  CHECK(settings.Number("speed") == 9);
  CHECK_FALSE(settings.Flag("open"));
  CHECK(settings.Text("mode") == "good");
  CHECK(settings.Has("wants", "red"));
  CHECK_FALSE(settings.Has("wants", "green"));
  CHECK(settings.Has("wants", "blue"));
}

TEST_CASE("texts are an array, or one text; in a flag or a variable they have commas between them") {
  using Texts = std::vector<std::string>;
  const auto in_file = [](const std::string& value) {
    return ShopSettings("names = " + value + "\n").Texts("names");
  };
  CHECK(in_file("[]") == Texts{});
  CHECK(in_file("\"\"") == Texts{});
  CHECK(in_file("[\"aa\"]") == Texts{"aa"});
  CHECK(in_file("\"aa, bb\"") == Texts{"aa, bb"});
  CHECK(in_file("[\"aa\", 'b\\,b',\n  # a comment\n  \"\"\"c\nc\"\"\",]") == Texts{"aa", "b\\,b", "c\nc"});

  struct Word {
    const char* word;
    Texts texts;
  };
  for (const Word& each : std::vector<Word>{{"", {}},
                                            {"  ", {}},
                                            {"aa", {"aa"}},
                                            {" aa ,bb", {"aa", "bb"}},
                                            {"a a,b  b", {"a a", "b  b"}},
                                            {"a\\,a", {"a,a"}},
                                            {"a\\\\,bb", {"a\\", "bb"}},
                                            {"a\\\\\\,", {"a\\,"}},
                                            {"a\\b", {"a\\b"}},
                                            {"a\\", {"a\\"}}}) {
    CAPTURE(each.word);
    CHECK(SplitTexts(each.word) == each.texts);
    const TempFile file(Shop("names = \"file\"\n"));
    ConfigInputs flag = InputsFor(file.path());
    flag.flags = {{"--set", "service.shop.names", each.word}};
    CHECK(Loaded(LoadConfig(flag)).services[1].settings.Texts("names") == each.texts);
    ConfigInputs variable = InputsFor(file.path());
    variable.environment = {{"PREFORKD_SERVICE_SHOP_NAMES", "service_shop_names", each.word}};
    CHECK(Loaded(LoadConfig(variable)).services[1].settings.Texts("names") == each.texts);
  }
}

TEST_CASE("a wrong text of a list is a problem at the place of that text") {
  struct Element {
    const char* value;
    const char* place;  // line and column
    const char* says;
  };
  std::string many = "[";
  for (std::size_t i = 0; i <= kMaxTexts; ++i) many += "'aa',";
  many += "]";
  for (const Element& wrong : std::vector<Element>{
           {"5", "9:1", "5 does not fit; write texts in quotes between [ and ]"},
           {"{a = 1}", "9:1", "a table does not fit; write texts in quotes between [ and ]"},
           {"'a'", "9:1", "'a' with 1 bytes is out of range; write 2 to 9 bytes"},
           {"['aa', 5]", "9:16", "5 does not fit; write text in quotes"},
           {"['aa',\n 'bb', true]", "10:8", "true does not fit; write text in quotes"},
           {"[['aa']]", "9:10", "an array does not fit; write text in quotes"},
           {"[{a = 1}]", "9:10", "a table does not fit; write text in quotes"},
           {"['']", "9:10", "a text of a list must not be empty"},
           {"['aa', 'a']", "9:16", "'a' with 1 bytes is out of range; write 2 to 9 bytes"},
           {"['aa', '0123456789']", "9:16", "'0123456789' with 10 bytes is out of range"},
           {"[\"a\\u0000b\"]", "9:10", "'a\\x00b' does not fit; write text without a NUL byte"},
           {many.c_str(), "9:1", "has 1025 texts; write 1024 at most"},
       }) {
    const TempFile file(Shop("names = " + std::string(wrong.value) + "\n"));
    CAPTURE(wrong.value);
    CheckOnlyProblem(LoadConfig(InputsFor(file.path())), file.path() + ":" + wrong.place,
                     "service.shop.names: " + std::string(wrong.says));
  }
  const TempFile file(Shop(""));
  for (const char* word : {",", "aa,", "aa,,bb", " , aa"}) {
    ConfigInputs inputs = InputsFor(file.path());
    inputs.flags = {{"--set", "service.shop.names", word}};
    CAPTURE(word);
    CheckOnlyProblem(LoadConfig(inputs), "--set", "service.shop.names: a text of a list must not be empty");
  }
}

struct Wrong {
  const char* line;
  const char* says;
};

TEST_CASE("a wrong value, and a key that the type does not have, is a problem at its place") {
  for (const Wrong& wrong : std::vector<Wrong>{
           {"spede = 5\n", "unknown key 'service.shop.spede'; did you mean 'service.shop.speed'?"},
           {"root = \"/\"\n",
            "service.shop.root: a service of type 'shop' has no such key, one of type 'http' has"},
           {"colour = 5\n", "unknown key 'service.shop.colour'; --print-config shows all keys"},
           {"speed = 10\n", "service.shop.speed: 10 is out of range; write 1 to 9 or \"auto\""},
           {"speed = \"quick\"\n", "'quick' does not fit; write a number, 1 to 9 or \"auto\""},
           {"speed = 1.5\n", "1.5 does not fit"},
           {"open = 1\n", "1 does not fit; write true or false"},
           {"open = \"true\"\n", "'true' does not fit; write true or false"},
           {"mode = \"god\"\n", "write 'fast', 'cheap' or 'good'; did you mean 'good'?"},
           {"wants = \"red gren\"\n",
            "'gren' does not fit; write 'red', 'green' or 'blue'; did you mean 'green'?"},
           {"motto = {a = 1}\n", "a table does not fit; write text in quotes"},
           {"motto = [\"m\"]\n", "an array does not fit; write text in quotes"},
           {"speed = [1]\n", "an array does not fit; write a number"},
           {"open = [true]\n", "an array does not fit; write true or false"},
           {"mode = [\"fast\"]\n", "an array does not fit; write 'fast'"},
           {"wants = [\"red\"]\n", "an array does not fit; write any of"},
           {"inner.motto = 1\n", "unknown key 'service.shop.inner'"},
       }) {
    const TempFile file(Shop(wrong.line));
    CAPTURE(wrong.line);
    CheckOnlyProblem(LoadConfig(InputsFor(file.path())), file.path() + ":9:1", wrong.says);
  }
}

TEST_CASE("a setting without a default must be written") {
  const TempFile file(std::string(kMinimal) + "[service.shop]\ntype = \"shop\"\n");
  CheckOnlyProblem(LoadConfig(InputsFor(file.path())), file.path() + ":6:10",
                   "[service.shop] has no path; write one: of a library");
  const TempFile empty(std::string(kMinimal) + "[service.shop]\ntype = \"shop\"\npath = \"\"\n");
  CheckOnlyProblem(LoadConfig(InputsFor(empty.path())), empty.path() + ":8:1",
                   "service.shop.path: must not be empty");
}

TEST_CASE("a declaration that cannot be used is refused where the type is named") {
  struct Broken {
    Setting setting;
    const char* says;
  };
  const std::vector<Broken> cases = {
      {{.name = "Speed", .doc = "d"}, "the name may have lower-case letters"},
      {{.name = "", .doc = "d"}, "the name may have lower-case letters"},
      {{.name = "9lives", .doc = "d"}, "the name may have lower-case letters"},
      {{.name = "type", .doc = "d"}, "the name is taken"},
      {{.name = "system_calls", .doc = "d"}, "the name is taken"},
      {{.name = "x"}, "the description is not one line of UTF-8"},
      {{.name = "x", .doc = "two\nlines"}, "the description is not one line of UTF-8"},
      {{.name = "x", .kind = SettingKind::kNumber, .min = "1", .fallback = "1", .doc = "d"}, "the range: "},
      {{.name = "x", .kind = SettingKind::kNumber, .min = "2", .max = "1", .fallback = "1", .doc = "d"},
       "is not a range"},
      {{.name = "x",
        .kind = SettingKind::kDuration,
        .min = "0",
        .max = "1 hour",
        .fallback = "0",
        .doc = "d"},
       "the range: "},
      {{.name = "x", .kind = SettingKind::kSize, .min = "0", .max = "1KiB", .fallback = "2KiB", .doc = "d"},
       "the default: '2KiB' is out of range"},
      {{.name = "x", .kind = SettingKind::kFlag, .doc = "d"}, "the default: "},
      {{.name = "x", .kind = SettingKind::kChoice, .doc = "d"}, "there are 0 words to choose from"},
      {{.name = "x", .kind = SettingKind::kTexts, .min = "3", .max = "2", .doc = "d"}, "is not a range"},
      {{.name = "x", .kind = SettingKind::kTexts, .min = "one", .max = "2", .doc = "d"}, "the range: "},
      {{.name = "x", .kind = SettingKind::kTexts, .min = "1", .max = "2", .fallback = "a,bcd", .doc = "d"},
       "the default: 'bcd' with 3 bytes is out of range"},
      {{.name = "x", .kind = SettingKind::kMode, .fallback = "0999", .doc = "d"}, "the default: "},
      {{.name = "x", .kind = static_cast<SettingKind>(99), .doc = "d"},
       "the default: is of a kind that this version"},
  };
  for (const Broken& broken : cases) {
    const TempFile file(std::string(kMinimal) + "[service.m]\ntype = \"own\"\n");
    ConfigInputs inputs = InputsFor(file.path());
    inputs.service_types.push_back({"own", {broken.setting}});
    CAPTURE(broken.says);
    CheckOnlyProblem(LoadConfig(inputs), file.path() + ":7:1", broken.says);
  }
}

// A rule of the test's.
Status NoPercent(const std::string& text) {
  if (text.find('%') == std::string::npos) return {};
  return Error{"'" + text + "' has a %; write another letter"};
}

ConfigOutcome LoadChecked(const std::string& lines, const std::string& path) {
  const TempFile file(std::string(kMinimal) + "[service.m]\ntype = \"own\"\n" + lines);
  CHECK(file.path() == path);
  ConfigInputs inputs = InputsFor(file.path());
  inputs.service_types.push_back(
      {"own",
       {{.name = "text", .doc = "d", .check = &NoPercent},
        {.name = "texts", .kind = SettingKind::kTexts, .doc = "d", .check = &NoPercent},
        {.name = "file", .kind = SettingKind::kFile, .doc = "d", .check = &NoPercent}}});
  return LoadConfig(inputs);
}

TEST_CASE("a rule of the declaration is a problem at the place of the text, and of the element") {
  const std::string path = TestFolder() + "/preforkd.toml";
  CHECK(LoadChecked("text = \"a\"\ntexts = [\"b\", \"c\"]\n", path).problems.empty());
  CHECK(LoadChecked("text = \"\"\ntexts = []\nfile = \"\"\n", path).problems.empty());
  CheckOnlyProblem(LoadChecked("text = \"a%\"\n", path), path + ":8:1",
                   "service.m.text: 'a%' has a %; write another letter");
  CheckOnlyProblem(LoadChecked("texts = \"a%\"\n", path), path + ":8:1",
                   "service.m.texts: 'a%' has a %; write another letter");
  CheckOnlyProblem(LoadChecked("texts = [\"a\", \"%\"]\n", path), path + ":8:15",
                   "service.m.texts: '%' has a %; write another letter");
}

TEST_CASE("a file must be a regular one that can be read, and then its rule is asked") {
  const std::string path = TestFolder() + "/preforkd.toml";
  const TempFile good("g", "good");
  const TempFile bad("b", "ba%");
  const auto load = [&](const std::string& value) { return LoadChecked("file = \"" + value + "\"\n", path); };
  CHECK(Loaded(load(good.path())).services[1].settings.Text("file") == good.path());
  CheckOnlyProblem(load(bad.path()), path + ":8:1", "ba%' has a %; write another letter");
  CheckOnlyProblem(load(TestFolder()), path + ":8:1", "is not a regular file; write a file that can be read");
  CheckOnlyProblem(
      load("/no%/such"), path + ":8:1",
      "'/no%/such' cannot be used: No such file or directory (ENOENT); write a file that can be read");
  CheckOnlyProblem(load("/dev/null"), path + ":8:1", "'/dev/null' is not a regular file");
}

TEST_CASE("two settings of one name cannot be used") {
  const TempFile file(std::string(kMinimal) + "[service.m]\ntype = \"own\"\n");
  ConfigInputs inputs = InputsFor(file.path());
  inputs.service_types.push_back({"own", {{.name = "x", .doc = "d"}, {.name = "x", .doc = "d"}}});
  CheckOnlyProblem(LoadConfig(inputs), file.path() + ":7:1", "the name is taken");
}

TEST_CASE("the printed configuration documents each setting") {
  const std::string text = PrintConfig(Loaded(LoadText(Shop(""))));
  CHECK(text.find("\nspeed = \"auto\"                            # a number\n") != std::string::npos);
  CHECK(text.find("\nnames = [\"one\", \"two, too\"] ") != std::string::npos);
}

}  // namespace
}  // namespace preforkd::testing
