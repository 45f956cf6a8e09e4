#include "common/config/toml_reader.h"

#include <fmt/core.h>
#include <toml++/toml.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "common/base/quote.h"

namespace preforkd {
namespace {

// [service.NAME] key.key is one too deep already: enough to be named in full, and a bound for the recursion.
constexpr int kMaxDepth = 8;
// toml++ bounds the nesting of values (256) but not that of `a.a.a`, and takes the stack for each level.
constexpr int kMaxDotsInLine = 100;

struct Cursor {
  std::uint32_t line = 1;
  std::uint32_t column = 1;

  void Pass(char c) {
    if (c == '\n') {
      ++line;
      column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) {
      ++column;  // characters, as toml++ counts
    }
  }
};

// What toml++ must not see: NUL bytes, which it names in a way nobody understands, and keys so deep that it
// runs out of stack. Counts dots with something before them, so that a comment's ruler is no key.
bool IsSafe(std::string_view text, const std::string& source, Problems& problems) {
  Cursor cursor;
  int dots = 0;
  char previous = '\n';
  for (const char c : text) {
    if (c == '\0') {
      problems.Add({source, cursor.line, cursor.column}, "NUL byte; a configuration is text in UTF-8");
      return false;
    }
    if (c == '\n') dots = 0;
    if (c == '.' && previous != '.' && ++dots > kMaxDotsInLine) {
      problems.Add({source, cursor.line, cursor.column},
                   fmt::format("more than {} dots in one line; no key is that deep", kMaxDotsInLine));
      return false;
    }
    cursor.Pass(c);
    previous = c;
  }
  return true;
}

class Converter {
 public:
  explicit Converter(const std::string& source) : source_(source) {}

  [[nodiscard]] Origin At(const toml::source_position& position) const {
    return {source_, position.line, position.column};
  }

  [[nodiscard]] TomlNode Convert(const toml::node& node, Origin origin, int depth) const {
    TomlNode converted;
    converted.value = Scalar(node);
    converted.origin = std::move(origin);
    if (depth >= kMaxDepth) return converted;
    if (const toml::table* table = node.as_table()) converted.members = Members(*table, depth + 1);
    if (const toml::array* array = node.as_array()) {
      for (const toml::node& element : *array) {
        converted.elements.push_back(Convert(element, At(element.source().begin), depth + 1));
      }
    }
    return converted;
  }

 private:
  [[nodiscard]] static Value Scalar(const toml::node& node) {
    using Kind = Value::Kind;
    if (const auto* text = node.as_string()) return {.kind = Kind::kString, .text = text->get()};
    if (const auto* integer = node.as_integer())
      return {.kind = Kind::kInteger, .text = {}, .integer = integer->get()};
    if (const auto* real = node.as_floating_point()) {
      return {.kind = Kind::kFloat, .text = fmt::format("{}", real->get())};
    }
    if (const auto* boolean = node.as_boolean()) {
      return {.kind = Kind::kBoolean, .text = {}, .integer = 0, .boolean = boolean->get()};
    }
    if (node.is_table()) return {.kind = Kind::kTable, .text = {}};
    if (node.is_array()) return {.kind = Kind::kArray, .text = {}};
    return {.kind = Kind::kDate, .text = {}};
  }

  // toml++ keeps a table sorted by key; the order of the file is in the positions.
  [[nodiscard]] std::vector<TomlMember> Members(const toml::table& table, int depth) const {
    std::vector<TomlMember> members;
    for (const auto& [key, node] : table) {
      members.push_back({std::string(key.str()), Convert(node, At(key.source().begin), depth)});
    }
    std::stable_sort(members.begin(), members.end(), [](const TomlMember& a, const TomlMember& b) {
      return std::tie(a.node.origin.line, a.node.origin.column) <
             std::tie(b.node.origin.line, b.node.origin.column);
    });
    return members;
  }

  const std::string& source_;
};

}  // namespace

std::optional<TomlNode> ReadToml(std::string_view text, const std::string& source, Problems& problems) {
  if (!IsSafe(text, source, problems)) return std::nullopt;
  const toml::parse_result result = toml::parse(text, std::string_view(source));
  const Converter converter(source);
  if (!result) {
    const toml::parse_error& error = result.error();
    problems.Add(converter.At(error.source().begin),
                 fmt::format("not TOML: {}", Escaped(error.description())));
    return std::nullopt;
  }
  return converter.Convert(result.table(), {source, 1, 1}, 0);
}

}  // namespace preforkd
