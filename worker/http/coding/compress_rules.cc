#include "worker/http/coding/compress_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/text/quote.h"
#include "worker/http/coding/coding_setting.h"
#include "worker/http/syntax/syntax.h"

namespace preforkd {
namespace {

// A media type in which '*' may stand for any text, once.
Status CheckPattern(const std::string& pattern) {
  if (pattern.find('/') != std::string::npos && pattern.find('*') == pattern.rfind('*')) return {};
  return Error{
      fmt::format("{} is no pattern of a media type; write it as \"text/html\", \"text/*\" or "
                  "\"application/*+json\"",
                  Quoted(pattern))};
}

bool Fits(std::string_view type, std::string_view pattern) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return http::EqualsNoCase(type, pattern);
  const std::string_view begin = pattern.substr(0, star);
  const std::string_view end = pattern.substr(star + 1);
  return type.size() >= begin.size() + end.size() &&
         http::EqualsNoCase(type.substr(0, begin.size()), begin) &&
         http::EqualsNoCase(type.substr(type.size() - end.size()), end);
}

std::vector<Setting> MakeTable() {
  return {
      {.name = "compress",
       .kind = SettingKind::kChoices,
       .doc = "codings with which answers of handlers are compressed; empty: none are",
       .more =
           "Files are not: they may have compressed siblings (precompressed). What an attacker may put into "
           "an answer must not be compressed together with a secret: its size would tell the secret "
           "(BREACH). Not compressed: what has a Content-Encoding, Cache-Control: no-transform, a part "
           "(206), and whole bodies above 512 KiB, which would keep the loop thread too long. A streamed "
           "answer is flushed with each piece.",
       .words = {"br", "gzip"}},
      {.name = "compress_types",
       .kind = SettingKind::kTexts,
       .fallback = "text/*, application/json, application/javascript, application/xml, application/wasm, "
                   "application/*+json, application/*+xml, image/svg+xml",
       .doc = "media types that are compressed",
       .check = &CheckPattern},
      {.name = "compress_min",
       .kind = SettingKind::kSize,
       .min = "0",
       .max = "256KiB",
       .fallback = "1KiB",
       .doc = "a smaller body is not compressed; a streamed one always is"},
  };
}

}  // namespace

const std::vector<Setting>& CompressSettingTable() {
  static const std::vector<Setting> table = MakeTable();
  return table;
}

CompressRules::CompressRules() : CompressRules(Settings(CompressSettingTable())) {}

CompressRules::CompressRules(const Settings& settings)
    : codings(http::CodingsIn(settings, "compress")),
      types(settings.Texts("compress_types")),
      min_size(settings.Size("compress_min")) {}

bool CompressRules::Covers(std::string_view content_type) const {
  const std::string_view type = http::TrimBlanks(content_type.substr(0, content_type.find(';')));
  return std::any_of(types.begin(), types.end(),
                     [type](const std::string& pattern) { return Fits(type, pattern); });
}

}  // namespace preforkd
