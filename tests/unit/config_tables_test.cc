// Tables in the section of a service, [[service.NAME.host]]: read, checked, refused and printed.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "common/config/config_loader.h"
#include "tests/unit/config_files.h"

namespace preforkd::testing {
namespace {

// Refuses the motto "bad", and a door that is named "wrong".
std::vector<SettingsProblem> Check(const Settings& settings, const std::vector<SettingsTable>& tables) {
  std::vector<SettingsProblem> problems;
  if (settings.Text("motto") == "bad") problems.push_back({{}, "motto", "is bad; write a good one"});
  for (std::size_t i = 0; i < tables.size(); ++i) {
    for (std::size_t j = 0; j < tables[i].tables.size(); ++j) {
      const std::string& name = tables[i].tables[j].settings.Text("name");
      if (name == "wrong") problems.push_back({{i, j}, "name", "is wrong"});
      if (name == "worse") problems.push_back({{i, j}, "", "a door is worse"});
    }
  }
  return problems;
}

ServiceDeclaration HouseType() {
  const std::vector<Setting> settings = {
      {.name = "name", .min = "1", .max = "9", .doc = "a name", .required = true},
      {.name = "folder", .kind = SettingKind::kFolder, .doc = "a folder"},
      {.name = "height",
       .kind = SettingKind::kNumber,
       .min = "1",
       .max = "9",
       .fallback = "2",
       .doc = "a number"},
      {.name = "colours", .kind = SettingKind::kTexts, .doc = "texts"}};
  const TableDeclaration door{"door", settings, {}};
  return {
      "house",
      {{.name = "motto", .doc = "a text"},
       {.name = "rooms", .kind = SettingKind::kNumber, .min = "1", .max = "9", .fallback = "1", .doc = "d"}},
      true,
      {{"room", settings, {door}}, door},
      &Check};
}

ConfigInputs HouseInputs(const std::string& file) {
  ConfigInputs inputs = InputsFor(file);
  inputs.service_types.push_back(HouseType());
  return inputs;
}

// Line 6 is the head of [service.h], line 8 the first of `lines`.
std::string House(const std::string& lines) {
  return std::string(kMinimal) + "[service.h]\ntype = \"house\"\n" + lines;
}

ConfigOutcome Load(const std::string& lines) {
  const TempFile file(House(lines));
  return LoadConfig(HouseInputs(file.path()));
}

constexpr const char* kRooms = R"(motto = "m"
[[service.h.room]]
name = "hall"
[[service.h.room.door]]
name = "main"
height = 3
[[service.h.room.door]]
name = "back"
colours = ["red", "a, b"]
[[service.h.door]]
name = "roof"
[[service.h.room]]
name = "attic"
folder = ""
)";

TEST_CASE("tables are read with what they set, in the order of the file") {
  const Config config = Loaded(Load(kRooms));
  const ServiceConfig& service = config.services.at(1);
  CHECK(service.settings.Text("motto") == "m");
  CHECK(service.written.Of("motto").ends_with(":8:1"));
  CHECK(service.written.Of("rooms").empty());
  REQUIRE(service.tables.size() == 3);
  const SettingsTable& hall = service.tables[0];
  CHECK(hall.name == "room");
  CHECK(hall.settings.Text("name") == "hall");
  CHECK(hall.settings.Number("height") == 2);
  CHECK(hall.set == std::vector<std::string>{"name"});
  CHECK(hall.written.Of("name").ends_with(":10:1"));
  CHECK(hall.written.Of("").ends_with(":9:1"));
  REQUIRE(hall.tables.size() == 2);
  CHECK(hall.tables[0].settings.Number("height") == 3);
  CHECK(hall.tables[0].Sets("height"));
  CHECK_FALSE(hall.tables[1].Sets("height"));
  CHECK(hall.tables[1].settings.Texts("colours") == std::vector<std::string>{"red", "a, b"});
  CHECK(service.tables[1].settings.Text("name") == "attic");
  CHECK(service.tables[1].set == std::vector<std::string>{"name", "folder"});
  CHECK(service.tables[2].name == "door");
}

TEST_CASE("printed tables are read back to the same, and a table in the same place elsewhere is no change") {
  const Config config = Loaded(Load(kRooms));
  const std::string printed = PrintConfig(config);
  CAPTURE(printed);
  CHECK(printed.find("\n[[service.h.room.door]]\nname = \"main\"") != std::string::npos);
  CHECK(printed.find("height = 2") == std::string::npos);  // only what is set
  ConfigInputs inputs = HouseInputs("printed.toml");
  inputs.text = printed;
  const Config again = Loaded(LoadConfig(inputs));
  CHECK(again == config);
  CHECK(PrintConfig(again) == printed);
  const Config moved = Loaded(Load("\n\n" + std::string(kRooms)));
  CHECK(moved == config);
  std::string other = kRooms;
  other.replace(other.find("height = 3"), 10, "height = 4");
  CHECK_FALSE(Loaded(Load(other)) == config);
}

struct Wrong {
  const char* lines;
  const char* place;
  const char* says;
};

TEST_CASE("what is wrong in a table is a problem at its place") {
  for (const Wrong& wrong : std::vector<Wrong>{
           {"[[service.h.room]]\nname = \"a\"\nheigth = 3\n", "10:1",
            "unknown key 'heigth' in [[service.h.room]]; did you mean 'height'?"},
           {"[[service.h.room]]\nname = \"a\"\nmotto = \"m\"\n", "10:1",
            "unknown key 'motto' in [[service.h.room]]; it is a key of the service"},
           {"[[service.h.room]]\nname = \"a\"\nheight = 10\n", "10:1",
            "service.h.room.height: 10 is out of range"},
           {"[[service.h.room]]\nheight = 3\n", "8:1", "[[service.h.room]] has no name; write one: a name"},
           {"[[service.h.room]]\nname = \"a\"\nfolder = \"/no/such\"\n", "10:1",
            "service.h.room.folder: '/no/such' cannot be used"},
           {"[[service.h.rom]]\nname = \"a\"\n", "8:13",
            "unknown key 'service.h.rom'; did you mean 'service.h.room'?"},
           {"[service.h.room]\nname = \"a\"\n", "8:12",
            "service.h.room: is a list of tables; write [[service.h.room]] before each"},
           {"room = 5\n", "8:1", "service.h.room: is a list of tables"},
           {"room = []\n", "8:1", "service.h.room: is a list of tables"},
           {"motto = [{a = 1}]\n", "8:1", "an array does not fit"},
           {"[[service.h.room]]\nname = \"a\"\n[[service.h.room.door]]\nheight = 0\nname = \"b\"\n", "11:1",
            "service.h.room.door.height: 0 is out of range"},
           {"[[service.h.door]]\nname = \"a\"\n[[service.h.door.room]]\nname = \"b\"\n", "10:18",
            "unknown key 'room' in [[service.h.door]]; it is a key of the service"},
           {"motto = \"bad\"\n", "8:1", "service.h.motto: is bad"},
           {"[[service.h.room]]\nname = \"a\"\n[[service.h.room.door]]\nname = \"wrong\"\n", "11:1",
            "service.h.room.door.name: is wrong"},
           {"[[service.h.room]]\nname = \"a\"\n[[service.h.room.door]]\nname = \"worse\"\n", "10:1",
            "a door is worse"},
       }) {
    const TempFile file(House(wrong.lines));
    CAPTURE(wrong.lines);
    CheckOnlyProblem(LoadConfig(HouseInputs(file.path())), file.path() + ":" + wrong.place, wrong.says);
  }
}

TEST_CASE("only a type that declares tables has them") {
  const TempFile file(std::string(kMinimal) + "[[service.s.room]]\nname = \"a\"\n");
  CheckOnlyProblem(LoadConfig(HouseInputs(file.path())), file.path() + ":6:13",
                   "service.s.room: a service of type 'http' has no such key, one of type 'house' has");
}

TEST_CASE("a table is not set by key") {
  const TempFile file(House(kRooms));
  for (const char* key : {"service.h.room.name", "service.h.room[0].name"}) {
    ConfigInputs inputs = HouseInputs(file.path());
    inputs.flags = {{"--set", key, "x"}};
    CAPTURE(key);
    CheckOnlyProblem(LoadConfig(inputs), "--set", "a table is not set by key; write it in the file");
  }
}

TEST_CASE("a flag may set the type of the service, and then its tables count") {
  const TempFile file(std::string(kMinimal) +
                      "[service.h]\ntype = \"echo\"\n[[service.h.room]]\nname = \"a\"\n");
  ConfigInputs inputs = HouseInputs(file.path());
  inputs.flags = {{"--set", "service.h.type", "house"}};
  CHECK(Loaded(LoadConfig(inputs)).services.at(1).tables.size() == 1);
}

TEST_CASE("very many tables are refused") {
  std::string lines;
  for (std::size_t i = 0; i <= kMaxTables; ++i) lines += "[[service.h.door]]\nname = \"a\"\n";
  const TempFile file(House(lines));
  CheckOnlyProblem(LoadConfig(HouseInputs(file.path())), file.path() + ":6:10",
                   "[service.h] has 4097 tables; write 4096 at most");
}

}  // namespace
}  // namespace preforkd::testing
