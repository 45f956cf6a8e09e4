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

TEST_CASE("two settings of one name cannot be used") {
  const TempFile file(std::string(kMinimal) + "[service.m]\ntype = \"own\"\n");
  ConfigInputs inputs = InputsFor(file.path());
  inputs.service_types.push_back({"own", {{.name = "x", .doc = "d"}, {.name = "x", .doc = "d"}}});
  CheckOnlyProblem(LoadConfig(inputs), file.path() + ":7:1", "the name is taken");
}

TEST_CASE("the printed configuration documents each setting") {
  const std::string text = PrintConfig(Loaded(LoadText(Shop(""))));
  CHECK(text.find("\nspeed = \"auto\"                            # a number\n") != std::string::npos);
}

}  // namespace
}  // namespace preforkd::testing
