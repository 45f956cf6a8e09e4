// Which place a request is in, and what applies there.
#include "worker/http/place/place_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/http/place_bed.h"
#include "worker/http/place/file_choice.h"
#include "worker/http/place/host_name.h"
#include "worker/http/place/place_answer.h"

namespace preforkd::testing {
namespace {

using http::Place;
using http::PlaceKind;
using http::PlaceTable;

// Places tell by their index file which they are.
std::string IndexAt(const PlaceTable& table, const std::string& host, const std::string& path) {
  return table.Find(host, path).files->index;
}

TEST_CASE("the host: exact, then the longest wildcard, then *, then the service") {
  const PlaceTable table(ServiceSettings({{"index", "service"}}),
                         {HostTable("*.example.org", {{"index", "wild"}}),
                          HostTable("*.deep.example.org, other.org", {{"index", "deep"}}),
                          HostTable("www.example.org, [::1]", {{"index", "exact"}})});
  struct Row {
    const char* host;
    const char* index;
  };
  for (const Row& row :
       {Row{"www.example.org", "exact"}, Row{"WWW.example.ORG.:8080", "exact"}, Row{"[0::1]:443", "exact"},
        Row{"a.example.org", "wild"}, Row{"b.www.example.org", "wild"}, Row{"x.deep.example.org", "deep"},
        Row{"y.x.deep.example.org", "deep"}, Row{"deep.example.org", "wild"}, Row{"example.org", "service"},
        Row{"other.org", "deep"}, Row{"a.other.org", "service"}, Row{"", "service"}, Row{"[::2]", "service"},
        Row{"10.0.0.1", "service"}}) {
    CAPTURE(row.host);
    CHECK(IndexAt(table, row.host, "/") == row.index);
  }
  const PlaceTable any(ServiceSettings({{"index", "service"}}),
                       {HostTable("*", {{"index", "any"}}), HostTable("a", {{"index", "a"}})});
  CHECK(IndexAt(any, "a", "/") == "a");
  CHECK(IndexAt(any, "b", "/") == "any");
  CHECK(IndexAt(any, "", "/") == "any");
}

TEST_CASE("the location: the longest that is the path, or ends before a '/' of it") {
  const PlaceTable table(ServiceSettings({{"index", "service"}}),
                         {LocationTable("/a", {{"index", "a"}}), LocationTable("/a/b/", {{"index", "ab"}}),
                          LocationTable("/a b", {{"index", "blank"}})});
  struct Row {
    const char* path;
    const char* index;
  };
  for (const Row& row :
       {Row{"/", "service"}, Row{"/a", "a"}, Row{"/a/", "a"}, Row{"/a/x", "a"}, Row{"/ab", "service"},
        Row{"/a/b", "ab"}, Row{"/a/b/c/d", "ab"}, Row{"/a/bc", "a"}, Row{"/A", "service"},
        Row{"/a b/", "blank"}, Row{"*", "service"}, Row{"", "service"}}) {
    CAPTURE(row.path);
    CHECK(IndexAt(table, "h", row.path) == row.index);
  }
  const PlaceTable all(ServiceSettings({}), {LocationTable("/", {{"index", "all"}})});
  CHECK(IndexAt(all, "h", "/") == "all");
  CHECK(IndexAt(all, "h", "/x/y") == "all");
  CHECK(IndexAt(all, "h", "*") == "all");  // OPTIONS of the server: what guards / guards it too
}

TEST_CASE("a location has what it sets, then what its host sets, then the service") {
  const PlaceTable table(
      ServiceSettings({{"header", "A: service"}, {"cache_control", "no-store"}, {"fallback", "s"}}),
      {LocationTable("/l", {{"cache_control", "max-age=1"}}), LocationTable("/m", {{"fallback", "lm"}}),
       HostTable("h", {{"header", "A: host"}, {"fallback", "h"}},
                 {LocationTable("/l", {{"fallback", ""}}), LocationTable("/n", {})})});
  const Place& own = table.Find("h", "/l");
  CHECK(own.answer->lines.at(0).line == "A: host\r\n");
  CHECK(own.answer->cache_control == "Cache-Control: no-store\r\n");
  CHECK(own.fallback.empty());
  const Place& shared = table.Find("h", "/m");
  CHECK(shared.answer->lines.at(0).line == "A: host\r\n");
  CHECK(shared.fallback == "lm");
  CHECK(shared.source.host == 2);
  CHECK(shared.source.location == 1);
  CHECK_FALSE(shared.source.location_of_host);
  const Place& none = table.Find("h", "/n");
  CHECK(none.fallback == "h");
  CHECK(none.answer == table.Find("h", "/").answer);  // shared, not copied
  CHECK(none.source.location_of_host);
  const Place& of_service = table.Find("x", "/l/");
  CHECK(of_service.answer->lines.at(0).line == "A: service\r\n");
  CHECK(of_service.answer->cache_control == "Cache-Control: max-age=1\r\n");
}

TEST_CASE("what is nearest to the request says what answers") {
  const std::string root = "/tmp";
  const PlaceTable table(
      ServiceSettings({{"denied", "403"}}),
      {LocationTable("/acme", {{"root", root}}),
       HostTable("files", {{"root", root}},
                 {LocationTable("/no", {{"denied", "404"}}), LocationTable("/own", {{"root", ""}}),
                  LocationTable("/sub", {{"root", root}}), LocationTable("/old", {{"redirect", "/new"}})}),
       HostTable("moved", {{"redirect", "https://www/"}}, {LocationTable("/here", {{"redirect", ""}})}),
       HostTable("open", {{"denied", "no"}})});
  CHECK(table.Find("x", "/").kind == PlaceKind::kDenied);
  CHECK(table.Find("x", "/").denied == 403);
  CHECK(table.Find("files", "/").kind == PlaceKind::kFiles);
  CHECK(table.Find("files", "/").prefix == 0);
  CHECK(table.Find("files", "/no/x").kind == PlaceKind::kDenied);
  CHECK(table.Find("files", "/no/x").denied == 404);
  CHECK(table.Find("files", "/own").kind == PlaceKind::kOwn);
  CHECK(table.Find("files", "/sub/x").kind == PlaceKind::kFiles);
  CHECK(table.Find("files", "/sub/x").prefix == 4);
  CHECK(table.Find("files", "/old/x").kind == PlaceKind::kRedirect);
  CHECK(table.Find("files", "/old/x").redirect.prefix == 4);
  CHECK(table.Find("moved", "/x").kind == PlaceKind::kRedirect);
  CHECK(table.Find("moved", "/x").redirect.prefix == 0);
  CHECK(table.Find("moved", "/acme/x").kind == PlaceKind::kFiles);
  CHECK(table.Find("moved", "/here").kind == PlaceKind::kOwn);
  CHECK(table.Find("open", "/").kind == PlaceKind::kOwn);
}

TEST_CASE("where a redirect leads") {
  struct Row {
    const char* target;
    std::size_t prefix;
    const char* path;
    const char* query;
    const char* location;
  };
  for (const Row& row :
       {Row{"https://b/", 0, "/x/y", "", "https://b/x/y"},
        Row{"https://b", 0, "/x y", "q=1", "https://b/x%20y?q=1"},
        Row{"https://b/", 0, "/", "", "https://b/"}, Row{"/new", 4, "/old", "", "/new"},
        Row{"/new", 4, "/old/", "", "/new/"}, Row{"/new/", 4, "/old/a", "", "/new/a"},
        Row{"/new/", 4, "/old", "", "/new/"}, Row{"/new?a=1", 4, "/old", "b=2", "/new?a=1&b=2"},
        Row{"https://b/", 0, "*", "", "https://b/"}}) {
    CAPTURE(row.target);
    CAPTURE(row.path);
    const http::RedirectRules rules{row.target, 301, true, row.prefix};
    CHECK(http::RedirectTarget(rules, row.path, row.query) == row.location);
    const http::RedirectRules exact{row.target, 301, false, row.prefix};
    CHECK(http::RedirectTarget(exact, row.path, row.query) == row.target);
  }
}

TEST_CASE("hidden names") {
  for (const char* path :
       {"/.git/config", "/a/.env", "/.", "/.well-known", "/.well-known/.x", "/a/.well-known/x"}) {
    CAPTURE(path);
    CHECK(http::IsHidden(path));
  }
  for (const char* path : {"/", "/a", "/a.b/c", "/.well-known/acme-challenge/x", "/.well-known/", "/a./b"}) {
    CAPTURE(path);
    CHECK_FALSE(http::IsHidden(path));
  }
}

// ---- a walk through random tables, against a search that is as simple as can be ----

struct Expected {
  std::optional<std::size_t> host;
  std::optional<std::size_t> location;
  bool of_host = false;
};

// 0: it does not match; a longer match is larger.
std::size_t HostMatch(const std::string& name, const std::string& host) {
  if (name == host) return 10000;
  if (name == "*") return 1;
  if (!name.starts_with("*.")) return 0;
  const std::string suffix = name.substr(1);
  return host.size() >= suffix.size() && host.ends_with(suffix) ? 1 + suffix.size() : 0;
}

std::size_t PathMatch(std::string location, const std::string& path) {
  if (location.ends_with('/')) location.pop_back();
  return path == location || path.starts_with(location + "/") ? 1 + location.size() : 0;
}

void SearchLocations(const std::vector<SettingsTable>& tables, const std::string& path, bool of_host,
                     std::size_t& best, Expected& expected) {
  for (std::size_t i = 0; i < tables.size(); ++i) {
    if (tables[i].name != "location") continue;
    const std::size_t match = PathMatch(tables[i].settings.Text("path"), path);
    if (match <= best) continue;
    best = match;
    expected.location = i;
    expected.of_host = of_host;
  }
}

Expected Search(const std::vector<SettingsTable>& tables, const std::string& host, const std::string& path) {
  Expected expected;
  std::size_t best = 0;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    if (tables[i].name != "host") continue;
    for (const std::string& name : tables[i].settings.Texts("name")) {
      if (HostMatch(name, host) <= best) continue;
      best = HostMatch(name, host);
      expected.host = i;
    }
  }
  std::size_t longest = 0;
  if (expected.host) SearchLocations(tables[*expected.host].tables, path, true, longest, expected);
  SearchLocations(tables, path, false, longest, expected);
  return expected;
}

class Walk {
 public:
  explicit Walk(unsigned seed) : random_(seed) {}

  std::size_t Below(std::size_t limit) { return random_() % limit; }

  std::string Host() {
    std::string host;
    for (std::size_t i = Below(4) + 1; i > 0; --i) host += (host.empty() ? "" : ".") + Word();
    return host;
  }
  std::string Path() {
    std::string path;
    for (std::size_t i = Below(4); i > 0; --i) path += "/" + Word();
    return path + (path.empty() || Below(3) == 0 ? "/" : "");
  }
  std::vector<SettingsTable> Locations() {
    std::vector<SettingsTable> tables;
    std::vector<std::string> taken;
    for (std::size_t i = Below(6); i > 0; --i) {
      const std::string path = Path();
      const std::string key(LocationKey(path));
      if (std::find(taken.begin(), taken.end(), key) != taken.end()) continue;
      taken.push_back(key);
      tables.push_back(LocationTable(path, {}));
    }
    return tables;
  }
  std::vector<SettingsTable> Tables() {
    std::vector<SettingsTable> tables;
    std::vector<std::string> taken;
    for (std::size_t i = Below(8); i > 0; --i) {
      const std::size_t kind = Below(9);
      const std::string name = kind == 0 ? "*" : kind < 4 ? "*." + Host() : Host();
      if (std::find(taken.begin(), taken.end(), name) != taken.end()) continue;
      taken.push_back(name);
      tables.push_back(HostTable(name, {}, Locations()));
    }
    for (SettingsTable& location : Locations()) tables.push_back(std::move(location));
    return tables;
  }

 private:
  std::string Word() { return std::string(1 + Below(2), static_cast<char>('a' + Below(2))); }

  std::mt19937 random_;
};

TEST_CASE("a random walk agrees with a plain search") {
  Walk walk(20261127);
  std::size_t in_host = 0;
  std::size_t in_location = 0;
  for (int round = 0; round < 300; ++round) {
    const std::vector<SettingsTable> tables = walk.Tables();
    REQUIRE(CheckPlaces(ServiceSettings({}), tables).empty());
    const PlaceTable table(ServiceSettings({}), tables);
    for (int i = 0; i < 100; ++i) {
      const std::string host = walk.Host();
      const std::string path = walk.Path();
      const Expected expected = Search(tables, host, path);
      const http::PlaceSource& source = table.Find(host, path).source;
      CAPTURE(host);
      CAPTURE(path);
      REQUIRE(source.host == expected.host);
      REQUIRE(source.location == expected.location);
      if (source.location) REQUIRE(source.location_of_host == expected.of_host);
      in_host += std::size_t{expected.host.has_value()};
      in_location += std::size_t{expected.location.has_value()};
    }
  }
  CHECK(in_host > 3000);
  CHECK(in_location > 3000);
}

TEST_CASE("what does not fit in a service is a problem of the table that has it") {
  struct Row {
    std::vector<SettingsTable> tables;
    std::vector<std::size_t> table;
    const char* setting;
    const char* text;
  };
  const std::vector<Row> rows = {
      {{HostTable("a", {}), HostTable("b, A.", {})}, {1}, "name", "'A.' is taken"},
      {{LocationTable("/a", {}), LocationTable("/a/", {})}, {1}, "path", "'/a/' is taken"},
      {{HostTable("a", {}, {LocationTable("/", {}), LocationTable("/", {})})},
       {0, 1},
       "path",
       "'/' is taken"},
      {{HostTable("a", {{"root", "/tmp"}, {"denied", "404"}})}, {0}, "denied", "root is set too"},
      {{LocationTable("/a", {{"redirect", "/b"}, {"denied", "403"}})}, {0}, "denied", "redirect is set too"},
      {{HostTable("", {})}, {0}, "name", "must not be empty"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const std::vector<SettingsProblem> problems = CheckPlaces(ServiceSettings({}), row.tables);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].table == row.table);
    CHECK(problems[0].setting == row.setting);
    CHECK(problems[0].text.find(row.text) != std::string::npos);
  }
  CHECK(CheckPlaces(ServiceSettings({{"redirect", "/a"}, {"denied", "403"}}), {}).size() == 1);
  CHECK(CheckPlaces(Settings(), {}).empty());  // a module with a protocol of its own
  CHECK(CheckPlaces(ServiceSettings({}),
                    {HostTable("a", {{"root", "/tmp"}, {"denied", "no"}, {"redirect", ""}}),
                     HostTable("b", {}, {LocationTable("/", {})}), LocationTable("/", {})})
            .empty());
}

}  // namespace
}  // namespace preforkd::testing
