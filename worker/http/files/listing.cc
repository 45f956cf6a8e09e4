#include "worker/http/files/listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>

#include "worker/http/syntax/target.h"

namespace preforkd::http {
namespace {

constexpr std::string_view kBegin = R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>body{font:1rem/1.5 system-ui,sans-serif;margin:2rem}td{padding:0 2rem 0 0}td+td{text-align:right;white-space:nowrap}</style>
<title>)";

void AppendEscaped(std::string_view text, std::string& page) {
  for (const char c : text) {
    switch (c) {
      case '&': page.append("&amp;"); break;
      case '<': page.append("&lt;"); break;
      case '>': page.append("&gt;"); break;
      case '"': page.append("&quot;"); break;
      case '\'': page.append("&#39;"); break;
      default: page.push_back(c);
    }
  }
}

void AppendTime(std::time_t time, std::string& page) {
  struct tm parts {};
  if (::gmtime_r(&time, &parts) == nullptr) return;  // a year that no calendar has
  fmt::format_to(std::back_inserter(page), "{:04}-{:02}-{:02} {:02}:{:02}", parts.tm_year + 1900LL,
                 parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min);
}

}  // namespace

int Listing::Read(const UniqueFd& folder, const Follow& follow) {
  names_.clear();
  entries_.clear();
  cut_ = false;
  looked_at_ = 0;
  alignas(dirent64) std::array<char, 32 * 1024> buffer;
  for (;;) {
    const ssize_t got = ::getdents64(folder.Get(), buffer.data(), buffer.size());
    if (got < 0) return errno;
    if (got == 0) return 0;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      at += entry->d_reclen;
      if (!Take(folder, entry->d_name, follow)) return 0;
    }
  }
}

bool Listing::Take(const UniqueFd& folder, const char* name, const Follow& follow) {
  // What is not shown costs time, too: a folder may be full of links that lead nowhere.
  if (++looked_at_ > 4 * kMaxEntries) {
    cut_ = true;
    return false;
  }
  if (name[0] == '.') return true;  // hidden, the folder itself, the one above it
  if (entries_.size() == kMaxEntries) {
    cut_ = true;
    return false;
  }
  struct stat info {};
  if (::fstatat(folder.Get(), name, &info, AT_SYMLINK_NOFOLLOW) < 0) return true;  // removed meanwhile
  if (S_ISLNK(info.st_mode) && !follow(name, info)) return true;
  if (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)) Add(name, info);
  return true;
}

void Listing::Add(std::string_view name, const struct stat& info) {
  entries_.push_back({names_.size(), name.size(), S_ISDIR(info.st_mode),
                      static_cast<std::uint64_t>(info.st_size), info.st_mtim.tv_sec});
  names_.append(name);
}

void Listing::Sort() {
  std::sort(entries_.begin(), entries_.end(), [this](const Entry& a, const Entry& b) {
    return a.folder != b.folder ? a.folder : NameOf(a) < NameOf(b);
  });
}

void Listing::WritePage(std::string_view path, std::string& page) const {
  page.append(kBegin);
  AppendEscaped(path, page);
  page.append("</title>\n<h1>");
  AppendEscaped(path, page);
  page.append("</h1>\n<table>\n");
  if (path != "/") page.append("<tr><td><a href=\"../\">../</a><td><td>\n");
  for (const Entry& entry : entries_) {
    const std::string_view slash = entry.folder ? "/" : "";
    // "./" because a name may look like a scheme: "javascript:".
    page.append("<tr><td><a href=\"./");
    AppendEncodedPath(NameOf(entry), page);
    page.append(slash).append("\">");
    AppendEscaped(NameOf(entry), page);
    page.append(slash).append("</a><td>");
    if (!entry.folder) fmt::format_to(std::back_inserter(page), "{}", entry.size);
    page.append("<td>");
    AppendTime(entry.modified, page);
    page.push_back('\n');
  }
  page.append("</table>\n");
  if (cut_) fmt::format_to(std::back_inserter(page), "<p>Only {} entries are shown.</p>\n", entries_.size());
  page.append("</html>\n");
}

}  // namespace preforkd::http
