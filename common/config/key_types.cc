#include "common/config/key_types.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/quote.h"
#include "common/base/utf8.h"
#include "common/config/nearest.h"
#include "common/config/units.h"

namespace preforkd {
namespace {

Error Wants(std::string_view what, const Value& value) {
  return Error{fmt::format("{} does not fit; write {}", value.Described(), what)};
}

Error OutOfRange(std::string_view shown, std::string_view range) {
  return Error{fmt::format("{} is out of range; write {}", shown, range)};
}

std::string NumberRange(const NumberType& type) {
  return fmt::format("{} to {}{}", type.min, type.max, type.or_auto ? " or \"auto\"" : "");
}

// A number written as text, the only way in for a flag and a variable; in the file it has no quotes.
Result<std::uint64_t> NumberIn(const Value& value, std::string_view range) {
  if (value.kind == Value::Kind::kText) return ParseNumber(value.text);
  if (value.kind != Value::Kind::kInteger) return Wants(fmt::format("a number, {}", range), value);
  if (value.integer < 0) return OutOfRange(value.Described(), range);
  return static_cast<std::uint64_t>(value.integer);
}

// Refuses what could not be printed as TOML and read back, or would not reach a system call whole.
Status CheckText(const Value& value) {
  if (!value.IsText()) return Wants("text in quotes", value);
  if (value.text.find('\0') != std::string::npos) return Wants("text without a NUL byte", value);
  // The file's is: toml++ has checked.
  if (value.kind == Value::Kind::kText && !IsUtf8(value.text)) return Wants("text in UTF-8", value);
  return {};
}

// What stands between commas and blanks.
std::vector<std::string> Words(std::string_view text) {
  constexpr std::string_view kBetween = ", ";
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find_first_of(kBetween));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (!word.empty()) words.emplace_back(word);
  }
  return words;
}

// A name as POSIX has it, and a '*' behind it at most.
bool IsVariable(std::string_view word) {
  if (word.ends_with('*')) word.remove_suffix(1);
  const auto fits = [](char c) { return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  return std::all_of(word.begin(), word.end(), fits) && (word.empty() || word.front() < '0' || word.front() > '9');
}

bool IsPlainZero(const Value& value) {
  return value.kind == Value::Kind::kInteger && value.integer == 0;
}

}  // namespace

Result<std::uint64_t> NumberType::Read(const Value& value) const {
  if (or_auto && value.IsText() && value.text == "auto") return std::uint64_t{0};
  const std::string range = NumberRange(*this);
  const Result<std::uint64_t> number = NumberIn(value, range);
  if (!number.Ok()) return number.Err();
  if (number.Value() < min || number.Value() > max) return OutOfRange(value.Described(), range);
  return number.Value();
}

std::optional<std::string> NumberType::Print(std::uint64_t number) const {
  return or_auto && number == 0 ? "\"auto\"" : fmt::format("{}", number);
}

Result<Duration> DurationType::Read(const Value& value) const {
  const std::string range = fmt::format("{} to {}", FormatDuration(min), FormatDuration(max));
  if (!value.IsText() && !IsPlainZero(value)) {
    return Wants(fmt::format("a duration such as \"250ms\", \"30s\" or \"5m\", {}", range), value);
  }
  const Result<Duration> duration = value.IsText() ? ParseDuration(value.text) : Duration::zero();
  if (!duration.Ok()) return duration.Err();
  if (duration.Value() < min || duration.Value() > max) return OutOfRange(value.Described(), range);
  return duration.Value();
}

std::optional<std::string> DurationType::Print(Duration duration) const {
  return TomlString(FormatDuration(duration));
}

Result<std::uint64_t> SizeType::Read(const Value& value) const {
  const std::string range = fmt::format("{} to {}", FormatSize(min), FormatSize(max));
  if (!value.IsText() && !IsPlainZero(value)) {
    return Wants(fmt::format("a size such as \"64KiB\" or \"10MB\", {}", range), value);
  }
  const Result<std::uint64_t> size = value.IsText() ? ParseSize(value.text) : std::uint64_t{0};
  if (!size.Ok()) return size.Err();
  if (size.Value() < min || size.Value() > max) return OutOfRange(value.Described(), range);
  return size.Value();
}

std::optional<std::string> SizeType::Print(std::uint64_t bytes) const {
  return TomlString(FormatSize(bytes));
}

Result<bool> BooleanType::Read(const Value& value) const {
  if (value.kind == Value::Kind::kBoolean) return value.boolean;
  if (value.kind == Value::Kind::kText && value.text == "true") return true;
  if (value.kind == Value::Kind::kText && value.text == "false") return false;
  return Wants("true or false", value);
}

std::optional<std::string> BooleanType::Print(const std::optional<bool>& value) const {
  if (!value) return std::nullopt;
  return *value ? "true" : "false";
}

Result<std::uint32_t> ModeType::Read(const Value& value) const {
  constexpr std::size_t kMostDigits = 4;
  const Error wanted = Wants("a mode in quotes, octal, \"0000\" to \"0777\", such as \"0660\"", value);
  if (!value.IsText() || value.text.empty() || value.text.size() > kMostDigits) return wanted;
  std::uint32_t mode = 0;
  for (const char digit : value.text) {
    if (digit < '0' || digit > '7') return wanted;
    mode = mode * 8 + static_cast<std::uint32_t>(digit - '0');
  }
  if (mode > 0777) return wanted;
  return mode;
}

std::optional<std::string> ModeType::Print(const std::optional<std::uint32_t>& mode) const {
  if (!mode) return std::nullopt;
  return TomlString(fmt::format("{:04o}", *mode));
}

Result<std::string> StringType::Read(const Value& value) const {
  const Status text = CheckText(value);
  if (!text.Ok()) return text.Err();
  if (value.text.size() < min) return Error{"must not be empty"};
  if (value.text.size() > max) {
    return OutOfRange(fmt::format("{} with {} bytes", value.Described(), value.text.size()),
                      fmt::format("{} to {} bytes", min, max));
  }
  return value.text;
}

std::optional<std::string> StringType::Print(const std::string& text) const {
  return TomlString(text);
}

Result<ListenAddress> AddressType::Read(const Value& value) const {
  if (!value.IsText()) return Wants("an address in quotes, such as \"127.0.0.1:8080\"", value);
  const Status text = CheckText(value);
  if (!text.Ok()) return text.Err();
  return ParseListenAddress(value.text);
}

std::optional<std::string> AddressType::Print(const ListenAddress& address) const {
  return TomlString(address.text);
}

Result<CallSets> CallSetsType::Read(const Value& value) const {
  std::vector<std::string> names;
  for (const auto& [name, set] : kCallSetNames) names.emplace_back(name);
  if (!value.IsText()) return Wants(fmt::format("any of {} in one text, with commas between them", WordList(names)), value);
  CallSets sets;
  for (const std::string& word : Words(value.text)) {
    const Result<std::size_t> index = ReadWord(TextValue(word), names);
    if (!index.Ok()) return index.Err();
    sets.Add(kCallSetNames.at(index.Value()).second);
  }
  return sets;
}

std::optional<std::string> CallSetsType::Print(CallSets sets) const {
  std::string names;
  for (const auto& [name, set] : kCallSetNames) {
    if (sets.Has(set)) names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  }
  return TomlString(names);
}

Result<std::vector<std::string>> VariablesType::Read(const Value& value) const {
  const std::string wanted = "names of variables in one text, with commas between them, such as \"PATH, LC_*\"";
  if (!value.IsText()) return Wants(wanted, value);
  std::vector<std::string> names = Words(value.text);
  for (const std::string& name : names) {
    if (IsVariable(name)) continue;
    return Error{fmt::format("{} is no name of a variable; write {}{}", Quoted(name), wanted,
                             name.find('=') == std::string::npos ? "" : "; its value is the one that the server was started with")};
  }
  return names;
}

std::optional<std::string> VariablesType::Print(const std::vector<std::string>& names) const {
  return TomlString(fmt::format("{}", fmt::join(names, ", ")));
}

Result<std::size_t> ReadWord(const Value& value, const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (value.IsText() && value.text == words[i]) return i;
  }
  return Wants(WordList(words) + (value.IsText() ? DidYouMean(value.text, words) : ""), value);
}

std::string WordList(const std::vector<std::string>& words) {
  std::string list;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) list += i + 1 == words.size() ? " or " : ", ";
    list += Quoted(words[i]);
  }
  return list;
}

}  // namespace preforkd
