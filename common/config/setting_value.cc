#include "common/config/setting_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "common/net/address.h"
#include "common/text/nearest.h"
#include "common/text/quote.h"
#include "common/text/utf8.h"
#include "common/units/units.h"

namespace preforkd {
namespace {

using Kind = SettingKind;

constexpr std::uint64_t kMaxText = 4095;  // PATH_MAX without the terminating NUL

Error Wants(std::string_view what, const Written& written) {
  return Error{fmt::format("{} does not fit; write {}", written.Described(), what)};
}

Error OutOfRange(std::string_view shown, std::string_view range) {
  return Error{fmt::format("{} is out of range; write {}", shown, range)};
}

// The number in a text that is a number, a size or a duration.
Result<std::uint64_t> Parse(Kind kind, std::string_view text) {
  if (kind == Kind::kSize) return ParseSize(text);
  if (kind != Kind::kDuration) return ParseNumber(text);
  const Result<Duration> duration = ParseDuration(text);
  if (!duration.Ok()) return duration.Err();
  return static_cast<std::uint64_t>(duration.Value().count());
}

std::string Format(Kind kind, std::uint64_t number) {
  if (kind == Kind::kSize) return FormatSize(number);
  if (kind == Kind::kDuration) return FormatDuration(Duration(static_cast<Duration::rep>(number)));
  return fmt::format("{}", number);
}

struct Range {
  std::uint64_t min = 0;
  std::uint64_t max = 0;

  [[nodiscard]] bool Has(std::uint64_t number) const { return number >= min && number <= max; }
};

// For a text, and each of a list: a length in bytes, and may be missing.
Result<Range> RangeOf(const Setting& setting) {
  const bool text = IsTextKind(setting.kind) || setting.kind == Kind::kTexts;
  if (text && setting.min.empty() && setting.max.empty()) return Range{0, kMaxText};
  const Kind kind = text ? Kind::kNumber : setting.kind;
  const Result<std::uint64_t> min = Parse(kind, setting.min);
  if (!min.Ok()) return min.Err();
  const Result<std::uint64_t> max = Parse(kind, setting.max);
  if (!max.Ok()) return max.Err();
  if (min.Value() > max.Value())
    return Error{fmt::format("{} to {} is not a range", setting.min, setting.max)};
  return Range{min.Value(), max.Value()};
}

std::string RangeText(const Setting& setting) {
  return fmt::format("{} to {}{}", setting.min, setting.max, setting.or_auto ? " or \"auto\"" : "");
}

std::string HintFor(const Setting& setting) {
  const std::string range = RangeText(setting);
  if (setting.kind == Kind::kSize) return fmt::format("a size such as \"64KiB\" or \"10MB\", {}", range);
  if (setting.kind == Kind::kNumber) return fmt::format("a number, {}", range);
  return fmt::format("a duration such as \"250ms\", \"30s\" or \"5m\", {}", range);
}

// In the file a number has no quotes, a size or a duration has; 0 needs no unit. Flags and variables are
// text.
bool IsWrittenRight(Kind kind, const Written& written) {
  if (written.kind == Written::Kind::kWord) return true;
  if (kind == Kind::kNumber) return written.kind == Written::Kind::kInteger;
  return written.kind == Written::Kind::kString ||
         (written.kind == Written::Kind::kInteger && written.text == "0");
}

Result<SettingValue> ReadQuantity(const Setting& setting, const Written& written) {
  if (setting.or_auto && written.IsText() && written.text == "auto") return SettingValue{0};
  if (!IsWrittenRight(setting.kind, written)) return Wants(HintFor(setting), written);
  if (written.kind == Written::Kind::kInteger && written.text.starts_with('-')) {
    return OutOfRange(written.Described(), RangeText(setting));
  }
  const Result<std::uint64_t> number = Parse(setting.kind, written.text);
  if (!number.Ok()) return number.Err();
  const bool fits = RangeOf(setting).Value().Has(number.Value());
  if (!fits) return OutOfRange(written.Described(), RangeText(setting));
  return SettingValue{number.Value()};
}

std::string PrintQuantity(const Setting& setting, std::uint64_t number) {
  if (setting.or_auto && number == 0) return TomlString("auto");
  return setting.kind == Kind::kNumber ? fmt::format("{}", number) : TomlString(Format(setting.kind, number));
}

Result<SettingValue> ReadFlag(const Written& written) {
  const bool flag = written.kind == Written::Kind::kBoolean || written.kind == Written::Kind::kWord;
  if (flag && (written.text == "true" || written.text == "false"))
    return SettingValue{written.text == "true"};
  return Wants("true or false", written);
}

Result<SettingValue> ReadWord(const std::vector<std::string>& words, const Written& written) {
  const auto found = std::find(words.begin(), words.end(), written.text);
  if (written.IsText() && found != words.end()) {
    return SettingValue{static_cast<std::uint64_t>(found - words.begin())};
  }
  return Wants(WordList(words) + (written.IsText() ? DidYouMean(written.text, words) : ""), written);
}

Result<SettingValue> ReadWords(const std::vector<std::string>& words, const Written& written) {
  if (!written.IsText()) {
    return Wants(fmt::format("any of {} in one text, with commas between them", WordList(words)), written);
  }
  SettingValue all;
  for (const std::string& word : SplitWords(written.text)) {
    const Result<SettingValue> one = ReadWord(words, {Written::Kind::kWord, word});
    if (!one.Ok()) return one.Err();
    all.number |= std::uint64_t{1} << one.Value().number;
  }
  return all;
}

Result<SettingValue> ReadMode(const Written& written) {
  constexpr std::size_t kMaxDigits = 4;
  const bool octal =
      written.IsText() && !written.text.empty() && written.text.size() <= kMaxDigits &&
      std::all_of(written.text.begin(), written.text.end(), [](char c) { return c >= '0' && c <= '7'; });
  SettingValue mode;
  if (octal) std::from_chars(written.text.data(), written.text.data() + written.text.size(), mode.number, 8);
  if (octal && mode.number <= 0777) return mode;
  return Wants("a mode in quotes, octal, \"0000\" to \"0777\", such as \"0660\"", written);
}

// A name as POSIX defines it, optionally followed by one '*'.
bool IsVariable(std::string_view word) {
  if (word.ends_with('*')) word.remove_suffix(1);
  const bool digit_first = !word.empty() && word.front() >= '0' && word.front() <= '9';
  return word.empty() || (IsBareKey(word) && word.find('-') == std::string_view::npos && !digit_first);
}

Result<SettingValue> ReadVariables(const Written& written) {
  const std::string wanted =
      "names of variables in one text, with commas between them, such as \"PATH, LC_*\"";
  if (!written.IsText()) return Wants(wanted, written);
  const std::vector<std::string> names = SplitWords(written.text);
  for (const std::string& name : names) {
    if (IsVariable(name)) continue;
    const bool assigned = name.find('=') != std::string::npos;
    return Error{fmt::format("{} is not the name of a variable; write {}{}", Quoted(name), wanted,
                             assigned ? "; its value is the one that the server was started with" : "")};
  }
  return SettingValue{0, fmt::format("{}", fmt::join(names, ", "))};
}

// Refuses text that could not be printed as TOML and read back, or would be cut in a system call.
Result<SettingValue> ReadText(const Setting& setting, const Written& written) {
  const bool address = setting.kind == Kind::kAddress;
  if (!written.IsText()) {
    return Wants(address ? "an address in quotes, such as \"127.0.0.1:8080\"" : "text in quotes", written);
  }
  if (written.text.find('\0') != std::string::npos) return Wants("text without a NUL byte", written);
  // Text from the file is UTF-8: toml++ has checked it.
  if (written.kind == Written::Kind::kWord && !IsUtf8(written.text)) return Wants("text in UTF-8", written);
  if (address) {
    const Result<ListenAddress> parsed = ParseListenAddress(written.text);
    if (!parsed.Ok()) return parsed.Err();
    return SettingValue{0, written.text};
  }
  const Range range = RangeOf(setting).Value();
  if (written.text.empty() && range.min > 0) return Error{"must not be empty"};
  if (!range.Has(written.text.size())) {
    return OutOfRange(fmt::format("{} with {} bytes", written.Described(), written.text.size()),
                      fmt::format("{} to {} bytes", range.min, range.max));
  }
  if (setting.check != nullptr && !IsOnDisk(setting.kind) && !written.text.empty()) {
    const Status status = setting.check(written.text);
    if (!status.Ok()) return status.Err();
  }
  return SettingValue{0, written.text};
}

// ---- texts ----

Setting ElementOf(const Setting& texts) {
  return {.name = texts.name, .min = texts.min, .max = texts.max, .check = texts.check};
}

// No text of a list is empty.
Status CheckElement(const Setting& element, const Written& written) {
  if (written.IsText() && written.text.empty()) return Error{"a text of a list must not be empty"};
  const Result<SettingValue> value = ReadText(element, written);
  return value.Ok() ? Status() : value.Err();
}

// A single text stands for a list of one.
std::vector<Written> ElementsOf(const Written& written) {
  if (written.kind == Written::Kind::kArray) return written.elements;
  if (written.kind == Written::Kind::kString && written.text.empty()) return {};
  if (written.kind != Written::Kind::kWord) return {written};
  std::vector<Written> elements;
  for (std::string& text : SplitTexts(written.text))
    elements.push_back({Written::Kind::kWord, std::move(text)});
  return elements;
}

Result<SettingValue> ReadTexts(const Setting& setting, const Written& written) {
  if (!written.IsText() && written.kind != Written::Kind::kArray) {
    return Wants("texts in quotes between [ and ], with commas between them", written);
  }
  const Setting element = ElementOf(setting);
  SettingValue texts;
  for (Written& each : ElementsOf(written)) {
    const Status status = CheckElement(element, each);
    if (!status.Ok()) return status.Err();
    texts.texts.push_back(std::move(each.text));
  }
  if (texts.texts.size() <= kMaxTexts) return texts;
  return Error{fmt::format("has {} texts; write {} at most", texts.texts.size(), kMaxTexts)};
}

std::string PrintTexts(const std::vector<std::string>& texts) {
  std::string printed = "[";
  for (const std::string& text : texts) printed += (printed.size() > 1 ? ", " : "") + TomlString(text);
  return printed + "]";
}

std::string JoinedWords(const Setting& setting, std::uint64_t bits) {
  std::string joined;
  for (std::size_t i = 0; i < setting.words.size(); ++i) {
    if ((bits >> i & 1) != 0) joined += (joined.empty() ? "" : ", ") + setting.words[i];
  }
  return joined;
}

}  // namespace

std::string Written::Described() const { return IsText() ? Quoted(text) : text; }

Result<SettingValue> ReadValue(const Setting& setting, const Written& written) {
  switch (setting.kind) {
    case Kind::kText:
    case Kind::kPath:
    case Kind::kFolder:
    case Kind::kFile:
    case Kind::kAddress: return ReadText(setting, written);
    case Kind::kNumber:
    case Kind::kSize:
    case Kind::kDuration: return ReadQuantity(setting, written);
    case Kind::kFlag: return ReadFlag(written);
    case Kind::kChoice: return ReadWord(setting.words, written);
    case Kind::kChoices: return ReadWords(setting.words, written);
    case Kind::kMode: return ReadMode(written);
    case Kind::kVariables: return ReadVariables(written);
    case Kind::kTexts: return ReadTexts(setting, written);
  }
  return Error{"is of a kind that this version does not know"};
}

const Written* WrongElement(const Setting& setting, const Written& written) {
  if (setting.kind != Kind::kTexts) return nullptr;
  const Setting element = ElementOf(setting);
  const auto wrong = std::find_if(written.elements.begin(), written.elements.end(),
                                  [&](const Written& each) { return !CheckElement(element, each).Ok(); });
  return wrong == written.elements.end() ? nullptr : &*wrong;
}

std::string PrintValue(const Setting& setting, const SettingValue& value) {
  switch (setting.kind) {
    case Kind::kText:
    case Kind::kPath:
    case Kind::kFolder:
    case Kind::kFile:
    case Kind::kAddress:
    case Kind::kVariables: return TomlString(value.text);
    case Kind::kNumber:
    case Kind::kSize:
    case Kind::kDuration: return PrintQuantity(setting, value.number);
    case Kind::kFlag: return value.number != 0 ? "true" : "false";
    case Kind::kChoice: return TomlString(setting.words.at(value.number));
    case Kind::kChoices: return TomlString(JoinedWords(setting, value.number));
    case Kind::kMode: return TomlString(fmt::format("{:04o}", value.number));
    case Kind::kTexts: return PrintTexts(value.texts);
  }
  return TomlString("");
}

SettingValue DefaultValue(const Setting& setting) {
  if (setting.required) return {};
  return ReadValue(setting, {Written::Kind::kWord, setting.fallback}).Value();
}

Status CheckRange(const Setting& setting) {
  const bool ranged = IsQuantity(setting.kind) || setting.kind == Kind::kTexts ||
                      (IsTextKind(setting.kind) && setting.kind != Kind::kAddress);
  const Result<Range> range = ranged ? RangeOf(setting) : Range{};
  return range.Ok() ? Status() : range.Err();
}

bool IsQuantity(SettingKind kind) {
  return kind == Kind::kNumber || kind == Kind::kSize || kind == Kind::kDuration;
}

bool IsOnDisk(SettingKind kind) { return kind == Kind::kFolder || kind == Kind::kFile; }

bool IsTextKind(SettingKind kind) {
  return kind == Kind::kText || kind == Kind::kPath || IsOnDisk(kind) || kind == Kind::kAddress;
}

std::string TomlString(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') quoted.push_back('\\');
    if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(quoted), "\\u{:04X}", byte);
    } else {
      quoted.push_back(c);
    }
  }
  quoted.push_back('"');
  return quoted;
}

std::vector<std::string> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find_first_of(", "));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (!word.empty()) words.emplace_back(word);
  }
  return words;
}

std::vector<std::string> SplitTexts(std::string_view word) {
  std::vector<std::string> texts;
  if (word.find_first_not_of(' ') == std::string_view::npos) return texts;
  std::string text;
  std::size_t kept = 0;  // bytes of `text` without the blanks at its end
  const auto finish = [&] {
    text.resize(kept);
    texts.push_back(std::move(text));
    text.clear();
    kept = 0;
  };
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word[i] == ',') {
      finish();
      continue;
    }
    const char next = i + 1 < word.size() ? word[i + 1] : '\0';
    if (word[i] == '\\' && (next == ',' || next == '\\')) ++i;
    if (word[i] == ' ' && text.empty()) continue;
    text += word[i];
    if (word[i] != ' ') kept = text.size();
  }
  finish();
  return texts;
}

std::string WordList(const std::vector<std::string>& words) {
  std::string list;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) list += i + 1 == words.size() ? " or " : ", ";
    list += Quoted(words[i]);
  }
  return list;
}

bool IsBareKey(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

}  // namespace preforkd
