#include "worker/http/answer/answer_rules.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/text/quote.h"
#include "worker/http/answer/response.h"
#include "worker/http/syntax/syntax.h"

namespace preforkd {
namespace {

constexpr std::string_view kHsts = "strict-transport-security";

struct NameAndValue {
  std::string_view name;
  std::string_view value;
};

NameAndValue Split(std::string_view line) {
  const std::size_t colon = std::min(line.find(':'), line.size());
  return {line.substr(0, colon),
          colon < line.size() ? http::TrimBlanks(line.substr(colon + 1)) : std::string_view()};
}

Status CheckHeaderLine(const std::string& line) {
  const auto [name, value] = Split(line);
  const bool hsts = http::EqualsNoCase(name, kHsts);
  if (hsts || IsOfTheSession(name) || http::EqualsNoCase(name, "content-type"))
    return Error{fmt::format("'{}' depends on the answer, and is set by the server; leave it out{}", name,
                             hsts ? ", and set hsts" : "")};
  if (line.size() > name.size() && http::IsToken(name) && http::IsFieldValue(value)) return {};
  return Error{fmt::format("{} is not a field; write \"Name: value\", in one line", Quoted(line))};
}

Status CheckCacheControl(const std::string& value) {
  if (http::IsFieldValue(value)) return {};
  return Error{
      fmt::format("{} is not the value of a field; write one such as \"max-age=3600\"", Quoted(value))};
}

std::vector<Setting> MakeTable() {
  return {
      {.name = "header",
       .kind = SettingKind::kTexts,
       .min = "3",
       .max = "4096",
       .doc = "fields of every answer: [\"Name: value\"]",
       .more = "Errors and redirects have them too. A handler that sets a field of that name itself decides "
               "alone. A host or a location that writes this key replaces the whole list.",
       .check = &CheckHeaderLine},
      {.name = "cache_control",
       .min = "0",
       .max = "1024",
       .doc = "the field Cache-Control of 200, 206 and 304, such as max-age=3600; empty: none",
       .more = "A handler that sets the field itself decides alone.",
       .check = &CheckCacheControl},
  };
}

}  // namespace

const std::vector<Setting>& AnswerSettingTable() {
  static const std::vector<Setting> table = MakeTable();
  return table;
}

AnswerRules::AnswerRules(const Settings& settings) {
  for (const std::string& line : settings.Texts("header")) {
    const auto [name, value] = Split(line);
    lines.push_back({std::string(name), fmt::format("{}: {}\r\n", name, value)});
  }
  const std::string& cached = settings.Text("cache_control");
  if (!cached.empty()) cache_control = fmt::format("Cache-Control: {}\r\n", cached);
}

Status CheckHeaderSize(const std::vector<std::string>& lines) {
  std::size_t bytes = 0;
  for (const std::string& line : lines) bytes += line.size() + 4;
  if (bytes <= AnswerRules::kMaxBytes) return {};
  return Error{fmt::format("has {} bytes; write {} at most", bytes, AnswerRules::kMaxBytes)};
}

}  // namespace preforkd
