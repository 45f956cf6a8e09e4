#include "common/config/toml_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "common/base/quote.h"

// toml++ 3.3 asserts that a key follows `[`, and `[=` in a file breaks that; with NDEBUG the assertion is
// even a promise to the optimizer. The code behind each assertion reports the error properly, so there are
// none: a file must never end the master.
#undef NDEBUG
#define TOML_ASSERT(condition) static_cast<void>(0)
#include <toml++/toml.h>

namespace preforkd {
namespace {

// [service.NAME] key.key is one too deep already: enough to be named in full, and a bound for the recursion.
constexpr int kMaxDepth = 8;
// toml++ bounds the nesting of values (256) but not that of `a.a.a`, and takes the stack for each level.
constexpr int kMaxDotsInLine = 100;

// Where a walk through the text is; columns count characters, as toml++ does.
struct Cursor {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  int dots = 0;  // in this line so far

  // `previous`: the byte before `character`. Counts dots that have something before them, so that a ruler in
  // a comment is no key.
  void Pass(std::string_view character, char previous) {
    ++column;
    if (character == "." && previous != '.') ++dots;
    if (character == "\n") *this = Cursor{line + 1};
  }
};

// Why toml++ must not see the character that `text` begins with; empty if it may.
std::string Unsafe(std::string_view text, const Cursor& cursor) {
  if (text.front() == '\0') return "NUL byte; a configuration is text in UTF-8";
  if (CharacterLength(text) == 0) return "no UTF-8; a configuration is text in UTF-8";
  if (cursor.dots > kMaxDotsInLine)
    return fmt::format("more than {} dots in one line; no key is that deep", kMaxDotsInLine);
  return {};
}

// Refuses what toml++ reports at the wrong place, or dies of.
bool IsSafe(std::string_view text, const std::string& source, Problems& problems) {
  Cursor cursor;
  char previous = '\n';
  while (!text.empty()) {
    std::string why = Unsafe(text, cursor);
    if (!why.empty()) {
      problems.Add({source, cursor.line, cursor.column}, std::move(why));
      return false;
    }
    const std::size_t length = CharacterLength(text);
    cursor.Pass(text.substr(0, length), previous);
    previous = text.front();
    text.remove_prefix(length);
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
