// Value: what stands behind a key, before it is known what the key takes; and Origin: where it stands.
//
// Plain data, filled by the TOML reader, the environment and the flags, read by the types of keys
// (key_types.h).
#ifndef PREFORKD_COMMON_CONFIG_VALUE_H_
#define PREFORKD_COMMON_CONFIG_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace preforkd {

struct Value {
  enum class Kind {
    kText,    // from a flag or a variable: the key's type says how to read it
    kString,  // from here on: from the file
    kInteger,
    kBoolean,
    kFloat,  // `text` is how it prints
    kTable,  // as an inline table, where a plain value could stand
    kArray,
    kDate,  // a date, a time, or both
  };
  Kind kind = Kind::kText;
  std::string text;  // kText, kString, kFloat
  std::int64_t integer = 0;
  bool boolean = false;

  [[nodiscard]] bool IsText() const { return kind == Kind::kText || kind == Kind::kString; }
  // For messages: "'abc'", "5", "true", "a table".
  [[nodiscard]] std::string Described() const;
};

Value TextValue(std::string text);

// A place that a problem can point at: a line of the file, a flag, or a variable.
struct Origin {
  std::string source;
  std::uint32_t line = 0;  // 0: not in a file; else both count from 1
  std::uint32_t column = 0;

  // "FILE:LINE:COL", "--workers".
  [[nodiscard]] std::string Text() const;
};

// As a TOML basic string, quotes included. Any bytes but NUL survive if they are UTF-8.
std::string TomlString(std::string_view text);

}  // namespace preforkd

#endif
