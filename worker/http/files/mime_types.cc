#include "worker/http/files/mime_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/text/quote.h"
#include "worker/http/files/media_types.h"
#include "worker/http/syntax/syntax.h"

namespace preforkd::http {
namespace {

constexpr std::string_view kUnknown = "application/octet-stream";
constexpr const char* kExample = "write it as \"m3u8 application/vnd.apple.mpegurl\"";

bool LessNoCase(std::string_view a, std::string_view b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return ToLower(x) < ToLower(y); });
}

// What is behind the last dot of the name; empty: nothing. ".profile" has no extension.
std::string_view ExtensionOf(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? std::string_view() : name.substr(dot + 1);
}

std::string_view ExtensionIn(const MediaTypeRow& row) {
  return kMediaTypeText.substr(row.extension_at, row.extension_size);
}

// Empty: the table does not have it.
std::string_view InTable(std::string_view extension) {
  const auto found = std::lower_bound(
      kMediaTypeRows.begin(), kMediaTypeRows.end(), extension,
      [](const MediaTypeRow& row, std::string_view wanted) { return LessNoCase(ExtensionIn(row), wanted); });
  if (found == kMediaTypeRows.end() || !EqualsNoCase(ExtensionIn(*found), extension)) return {};
  return kMediaTypeText.substr(found->type_at, found->type_size);
}

// A line in its two halves: the extensions, and the type with its parameters, which begins at the first word
// that has a '/'.
struct TypeLine {
  std::vector<std::string_view> extensions;
  std::string_view type;
};

TypeLine Split(std::string_view line) {
  TypeLine halves;
  for (line = TrimBlanks(line); !line.empty(); line = TrimBlanks(line)) {
    const std::string_view word = line.substr(0, line.find_first_of(" \t"));
    if (word.find('/') != std::string_view::npos) {
      halves.type = line;
      break;
    }
    halves.extensions.push_back(word);
    line.remove_prefix(word.size());
  }
  return halves;
}

// type "/" subtype, and parameters that nobody looks into (RFC 9110 section 8.3.1).
bool IsType(std::string_view type) {
  const std::string_view name = TrimBlanks(type.substr(0, type.find(';')));
  const std::size_t slash = name.find('/');
  return slash != std::string_view::npos && IsToken(name.substr(0, slash)) &&
         IsToken(name.substr(slash + 1)) && IsFieldValue(type);
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), ToLower);
  return lower;
}

}  // namespace

std::string_view MimeTypeOf(std::string_view path) {
  const std::string_view type = InTable(ExtensionOf(path));
  return type.empty() ? kUnknown : type;
}

Status CheckTypeLine(const std::string& line) {
  constexpr std::size_t kMaxType = 200;
  const TypeLine halves = Split(line);
  if (halves.type.empty()) return Error{fmt::format("{} names no type; {}", Quoted(line), kExample)};
  if (!IsType(halves.type) || halves.type.size() > kMaxType)
    return Error{fmt::format("{} is not a media type; {}", Quoted(halves.type), kExample)};
  if (halves.extensions.empty())
    return Error{fmt::format("{} names no extension; {}", Quoted(line), kExample)};
  for (const std::string_view extension : halves.extensions) {
    if (extension.find('.') == std::string_view::npos) continue;
    return Error{fmt::format("{} has a dot, and an extension is what is behind the last one; {}",
                             Quoted(extension), kExample)};
  }
  return {};
}

Status CheckCharset(const std::string& charset) {
  if (IsToken(charset)) return {};
  return Error{
      fmt::format("{} is not the name of a charset; write \"utf-8\", or \"\" for none", Quoted(charset))};
}

FileTypes::FileTypes(const std::vector<std::string>& lines, const std::string& charset)
    : charset_(charset.empty() ? "" : "; charset=" + charset) {
  for (const std::string& line : lines) {
    const TypeLine halves = Split(line);
    for (const std::string_view extension : halves.extensions)
      own_.push_back({Lower(extension), std::string(halves.type)});
  }
  // Of equal ones the last shall be found.
  std::reverse(own_.begin(), own_.end());
  std::stable_sort(own_.begin(), own_.end(),
                   [](const Own& a, const Own& b) { return a.extension < b.extension; });
}

const FileTypes::Own* FileTypes::Find(std::string_view extension) const {
  const auto found = std::lower_bound(
      own_.begin(), own_.end(), extension,
      [](const Own& own, std::string_view wanted) { return LessNoCase(own.extension, wanted); });
  return found != own_.end() && EqualsNoCase(found->extension, extension) ? &*found : nullptr;
}

void FileTypes::TypeOf(std::string_view path, std::string& type) const {
  const Own* const own = Find(ExtensionOf(path));
  type.assign(own != nullptr ? std::string_view(own->type) : MimeTypeOf(path));
  const bool text = EqualsNoCase(std::string_view(type).substr(0, 5), "text/");
  if (text && type.find(';') == std::string::npos) type.append(charset_);
}

}  // namespace preforkd::http
