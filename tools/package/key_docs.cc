// key_docs FORMAT TEMPLATE: prints the template, in which each line
//
//   @keys SECTION [TYPE] [without NAME...]@      (in a page: <!-- keys --> ... <!-- end of keys -->)
//
// becomes the keys of that section, from the program's tables: names, defaults, ranges and texts. FORMAT: man
// (roff), sample (TOML, commented out) or readme (a Markdown table of all keys). SECTION: top, worker,
// dispatch, ..., pool, listen, tls.certificate, service, service.host, service.location. TYPE: a service
// type; without it, all types.
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/config/keys.h"
#include "common/config/module_declaration.h"
#include "common/config/setting_value.h"
#include "worker/module/module_settings.h"
#include "worker/services/echo.h"
#include "worker/services/http_service_type.h"
#include "worker/services/status_service.h"

namespace preforkd {
namespace {

struct Row {
  std::string section;               // "top", "worker", "pool", ...
  std::string name;                  // without the section
  std::optional<std::string> value;  // the default
  Setting setting;
  std::vector<std::string> types;   // the service types that have it; empty: all
  std::vector<std::string> tables;  // of such a service, which have it too
};

template <typename Item, typename Value>
bool Contains(const std::vector<Item>& items, const Value& value) {
  return std::find(items.begin(), items.end(), value) != items.end();
}

// ---- the rows ----

template <typename Section>
Row RowOf(std::string section, std::string name, const Key<Section>& key) {
  const std::optional<SettingValue> value = key.get(Section{});
  Row row{std::move(section), std::move(name), std::nullopt, key.setting, {}, {}};
  // An empty text where an empty one is not allowed means that there is no default.
  const bool none = !value || (IsTextKind(key.setting.kind) && value->text.empty() && key.setting.min != "0");
  if (!none) row.value = PrintValue(key.setting, *value);
  return row;
}

void AddTopRows(std::vector<Row>& rows) {
  for (const Key<Config>& key : TopKeys()) {
    const std::string& name = key.setting.name;
    const std::size_t dot = name.find('.');
    const bool top = dot == std::string::npos;
    rows.push_back(RowOf(top ? "top" : name.substr(0, dot), top ? name : name.substr(dot + 1), key));
  }
}

// Only keys that a pool alone has; the others are documented at the top level.
void AddPoolRows(std::vector<Row>& rows) {
  for (const Key<PoolConfig>& key : PoolKeys()) {
    if (key.top.empty() || key.top.starts_with("workers"))
      rows.push_back(RowOf("pool", key.setting.name, key));
  }
}

// A setting that several types share is one row.
void AddSettingRow(const std::string& section, const Setting& setting, const std::string& type,
                   const std::vector<TableDeclaration>& tables, std::vector<Row>& rows) {
  const auto same = std::find_if(rows.begin(), rows.end(), [&](const Row& row) {
    return row.setting == setting && row.section == section;
  });
  if (same != rows.end()) return same->types.push_back(type);
  std::optional<std::string> value;
  if (!setting.required) value = PrintValue(setting, DefaultValue(setting));
  Row row{section, setting.name, std::move(value), setting, {type}, {}};
  for (const TableDeclaration& table : tables) {
    if (Contains(table.settings, setting)) row.tables.push_back(table.name);
  }
  rows.push_back(std::move(row));
}

// What a table has and its service has not comes behind the keys of services.
void AddSettingRows(const ServiceTypes& types, std::vector<Row>& rows) {
  for (const auto& [type, traits] : types) {
    for (const Setting& setting : traits.settings)
      AddSettingRow("service", setting, type, traits.tables, rows);
  }
  for (const auto& [type, traits] : types) {
    for (const TableDeclaration& table : traits.tables) {
      for (const Setting& setting : table.settings) {
        if (!Contains(traits.settings, setting))
          AddSettingRow("service." + table.name, setting, type, {}, rows);
      }
    }
  }
}

std::vector<Row> AllRows() {
  std::vector<Row> rows;
  AddTopRows(rows);
  AddPoolRows(rows);
  for (const auto& key : ListenKeys()) rows.push_back(RowOf("listen", key.setting.name, key));
  for (const auto& key : CertificateKeys()) rows.push_back(RowOf("tls.certificate", key.setting.name, key));
  for (const auto& key : ServiceKeys()) rows.push_back(RowOf("service", key.setting.name, key));
  ServiceType module;
  module.settings = ModuleSettingTable();
  module.tables = HttpServiceType().tables;
  AddSettingRows({{"http", HttpServiceType()},
                  {"echo", EchoServiceType()},
                  {"status", StatusServiceType()},
                  {std::string(kModuleType), std::move(module)}},
                 rows);
  return rows;
}

// ---- the formats ----

std::string Joined(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : ", ") + word;
  return joined;
}

// "http, module (also in host, location): "
std::string Owners(const Row& row) {
  if (row.types.empty()) return {};
  const std::string also = row.tables.empty() ? "" : fmt::format(" (also in {})", Joined(row.tables));
  return fmt::format("{}{}: ", Joined(row.types), also);
}

// "http: between requests." Ends with a full stop.
std::string Sentences(const Row& row) {
  std::string text = row.setting.doc;
  if (row.types.empty()) {
    text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  } else {
    text = Owners(row) + text;
  }
  text += ".";
  if (!row.setting.more.empty()) text += " " + row.setting.more;
  if (IsQuantity(row.setting.kind)) {
    text += fmt::format(" Range: {} to {}.", row.setting.min, row.setting.max);
  }
  return text;
}

std::string Replaced(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

// Word by word, because a line that begins with a dot would be a roff request.
std::string Wrapped(const std::string& text) {
  constexpr std::size_t kWidth = 110;
  std::string wrapped;
  std::size_t column = 0;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const bool fits = column + word.size() < kWidth || word.front() == '.' || word.front() == '\'';
    if (column > 0) wrapped += fits ? ' ' : '\n';
    column = (column > 0 && fits ? column + 1 : 0) + word.size();
    wrapped += word;
  }
  return wrapped;
}

std::string Roff(const std::string& text) { return Replaced(text, "\\", "\\e"); }

std::string ManEntry(const Row& row) {
  const std::string key = row.section == "top" ? row.name : row.section + "." + row.name;
  const std::string value = row.value ? " = " + Replaced(Roff(*row.value), "\"", "\\(dq") : "";
  return fmt::format(".TP\n.B {}{}\n{}\n", key, value, Wrapped(Roff(Sentences(row))));
}

std::string SampleEntry(const Row& row) {
  constexpr std::size_t kCommentColumn = 31;
  // A flag without a default is shown as true.
  const std::string line = fmt::format("#{} = {}", row.name, row.value.value_or("true"));
  return fmt::format("{:<{}} # {}\n", line, kCommentColumn, row.setting.doc);
}

// "service.NAME.host." for "service.host".
std::string PrefixOf(const std::string& section) {
  if (section == "top") return {};
  const std::size_t name = std::min(section.find('.'), section.size());
  const std::string first = section.substr(0, name);
  const bool named = first == "service" || first == "pool";
  return fmt::format("{}{}{}.", first, named ? ".NAME" : "", section.substr(name));
}

std::string TableEntry(const Row& row) {
  const std::string prefix = PrefixOf(row.section);
  const bool empty = !row.value || *row.value == "\"\"" || *row.value == "[]";
  const std::string value = empty ? "" : fmt::format("`{}`", *row.value);
  return fmt::format("| `{}{}` | {} | {}{} |\n", prefix, row.name, value, Owners(row),
                     Replaced(row.setting.doc, "|", "\\|"));
}

// ---- the template ----

struct Request {
  std::string section;
  std::string type;
  std::vector<std::string> without;

  [[nodiscard]] bool Wants(const Row& row) const {
    if (row.section != section || Contains(without, row.name)) return false;
    return type.empty() || row.types.empty() || Contains(row.types, type);
  }
};

std::optional<Request> RequestIn(const std::string& line) {
  constexpr std::string_view kBegin = "@keys ";
  if (!line.starts_with(kBegin) || !line.ends_with('@')) return std::nullopt;
  std::istringstream words(line.substr(kBegin.size(), line.size() - kBegin.size() - 1));
  Request request;
  words >> request.section;
  bool without = false;
  for (std::string word; words >> word;) {
    if (word == "without") {
      without = true;
    } else if (without) {
      request.without.push_back(word);
    } else {
      request.type = word;
    }
  }
  return request;
}

// False: a request without any keys is a mistake in the template.
bool FillIn(std::istream& lines, std::string (*entry)(const Row&), const std::vector<Row>& rows) {
  for (std::string line; std::getline(lines, line);) {
    const std::optional<Request> request = RequestIn(line);
    std::string keys;
    for (const Row& row : rows) {
      if (request && request->Wants(row)) keys += entry(row);
    }
    if (request && keys.empty()) return fmt::print(stderr, "{}: no such keys\n", line), false;
    fmt::print("{}", request ? keys : line + "\n");
  }
  return true;
}

bool ReplaceTable(const std::string& text, const std::vector<Row>& rows) {
  constexpr std::string_view kBegin = "<!-- keys -->\n";
  constexpr std::string_view kEnd = "<!-- end of keys -->\n";
  const std::size_t begin = text.find(kBegin);
  const std::size_t end = text.find(kEnd);
  if (begin == std::string::npos || end == std::string::npos || end < begin) {
    return fmt::print(stderr, "there is no table between {} and {}\n", kBegin, kEnd), false;
  }
  std::string table = "| key | default | |\n| --- | --- | --- |\n";
  for (const Row& row : rows) table += TableEntry(row);
  fmt::print("{}{}{}", text.substr(0, begin + kBegin.size()), table, text.substr(end));
  return true;
}

int Main(const std::vector<std::string>& words) {
  std::ifstream file(words.size() == 3 ? words[2] : "");
  if (!file) return fmt::print(stderr, "usage: key_docs man|sample|readme TEMPLATE\n"), EXIT_FAILURE;
  const std::vector<Row> rows = AllRows();
  bool done = false;
  if (words[1] == "man") done = FillIn(file, &ManEntry, rows);
  if (words[1] == "sample") done = FillIn(file, &SampleEntry, rows);
  if (words[1] == "readme") done = ReplaceTable({std::istreambuf_iterator<char>(file), {}}, rows);
  return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace preforkd

int main(int argc, char** argv) { return preforkd::Main({argv, argv + argc}); }
