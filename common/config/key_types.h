// The types of keys: what each takes, how it is read from a Value, how it is printed as TOML.
//
// A type is a small value with its range in it, the type that it reads to, and two functions:
//   using Held = T;
//   Result<T> Read(const Value&) const   the error says what is wrong and what would be right, not the key
//   std::optional<std::string> Print(const T&) const   as TOML; nullopt: the key is not set
#ifndef PREFORKD_COMMON_CONFIG_KEY_TYPES_H_
#define PREFORKD_COMMON_CONFIG_KEY_TYPES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/config/call_sets.h"
#include "common/config/value.h"
#include "common/net/address.h"

namespace preforkd {

struct NumberType {
  using Held = std::uint64_t;
  std::uint64_t min = 0;
  std::uint64_t max = 0;
  bool or_auto = false;  // "auto" is read as 0, and 0 printed as "auto"

  [[nodiscard]] Result<std::uint64_t> Read(const Value& value) const;
  [[nodiscard]] std::optional<std::string> Print(std::uint64_t number) const;
};

struct DurationType {
  using Held = Duration;
  Duration min{0};
  Duration max{0};

  [[nodiscard]] Result<Duration> Read(const Value& value) const;
  [[nodiscard]] std::optional<std::string> Print(Duration duration) const;
};

struct SizeType {
  using Held = std::uint64_t;
  std::uint64_t min = 0;
  std::uint64_t max = 0;

  [[nodiscard]] Result<std::uint64_t> Read(const Value& value) const;
  [[nodiscard]] std::optional<std::string> Print(std::uint64_t bytes) const;
};

struct BooleanType {
  using Held = std::optional<bool>;
  [[nodiscard]] Result<bool> Read(const Value& value) const;
  [[nodiscard]] std::optional<std::string> Print(const std::optional<bool>& value) const;
};

// The permissions of a file: up to four octal digits in quotes, as chmod(1) takes them, without set-user-ID and the like.
struct ModeType {
  using Held = std::optional<std::uint32_t>;
  [[nodiscard]] Result<std::uint32_t> Read(const Value& value) const;
  [[nodiscard]] std::optional<std::string> Print(const std::optional<std::uint32_t>& mode) const;
};

// Text of up to `max` bytes. Never holds a NUL byte: a system call would read only what stands before it.
struct StringType {
  using Held = std::string;
  std::size_t min = 0;
  std::size_t max = 4095;  // PATH_MAX without the terminating NUL

  [[nodiscard]] Result<std::string> Read(const Value& value) const;
  [[nodiscard]] std::optional<std::string> Print(const std::string& text) const;
};

struct AddressType {
  using Held = ListenAddress;
  [[nodiscard]] Result<ListenAddress> Read(const Value& value) const;
  [[nodiscard]] std::optional<std::string> Print(const ListenAddress& address) const;
};

// Names of sets in one text, with commas or blanks between them; each may stand once.
struct CallSetsType {
  using Held = CallSets;
  [[nodiscard]] Result<CallSets> Read(const Value& value) const;
  [[nodiscard]] std::optional<std::string> Print(CallSets sets) const;
};

// Names of environment variables in one text, with commas or blanks between them; the last character may be '*'.
struct VariablesType {
  using Held = std::vector<std::string>;
  [[nodiscard]] Result<std::vector<std::string>> Read(const Value& value) const;
  [[nodiscard]] std::optional<std::string> Print(const std::vector<std::string>& names) const;
};

// The position of the word among `words`; the error names them and the nearest.
Result<std::size_t> ReadWord(const Value& value, const std::vector<std::string>& words);

// One word of a fixed list, each standing for a value of the enumeration.
template <typename Enum>
struct ChoiceType {
  using Held = Enum;
  std::vector<std::pair<std::string, Enum>> choices;

  [[nodiscard]] Result<Enum> Read(const Value& value) const {
    std::vector<std::string> words;
    for (const auto& choice : choices) words.push_back(choice.first);
    const Result<std::size_t> index = ReadWord(value, words);
    if (!index.Ok()) return index.Err();
    return choices[index.Value()].second;
  }
  [[nodiscard]] std::optional<std::string> Print(Enum chosen) const {
    for (const auto& [word, meaning] : choices) {
      if (meaning == chosen) return TomlString(word);
    }
    return std::nullopt;
  }
};

// "'a', 'b' or 'c'".
std::string WordList(const std::vector<std::string>& words);

}  // namespace preforkd

#endif
