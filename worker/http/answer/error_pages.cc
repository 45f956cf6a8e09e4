#include "worker/http/answer/error_pages.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "common/base/sys_error.h"
#include "common/files/small_file.h"
#include "common/text/quote.h"
#include "worker/http/answer/field_lines.h"
#include "worker/http/syntax/syntax.h"

namespace preforkd {
namespace {

using Page = http::ErrorPages::Page;

struct Type {
  std::string_view extension;
  const char* type;
};

constexpr std::array kTypes = {
    Type{"html", "text/html; charset=utf-8"}, Type{"htm", "text/html; charset=utf-8"},
    Type{"txt", "text/plain; charset=utf-8"}, Type{"json", "application/json"},
    Type{"xml", "application/xml"},           Type{"svg", "image/svg+xml"},
};

// "404", or "5xx" for all others of that class.
std::optional<int> StatusIn(std::string_view stem) {
  if (stem.size() != 3 || (stem[0] != '4' && stem[0] != '5')) return std::nullopt;
  if (stem.substr(1) == "xx") return stem[0] - '0';
  if (!http::IsDigit(stem[1]) || !http::IsDigit(stem[2])) return std::nullopt;
  return (stem[0] - '0') * 100 + (stem[1] - '0') * 10 + (stem[2] - '0');
}

// A name that begins otherwise is of no page: a folder may hold pictures too.
bool MeansPage(std::string_view name) { return !name.empty() && http::IsDigit(name.front()); }

Status ReadPage(const std::string& folder, const std::string& name, std::map<int, Page>& pages) {
  const std::string path = folder + "/" + name;
  const auto wrong = [&](std::string_view why) { return Error{fmt::format("{} {}", Quoted(name), why)}; };
  const std::size_t dot = name.find('.');
  const std::optional<int> status = StatusIn(std::string_view(name).substr(0, dot));
  const auto type = std::find_if(kTypes.begin(), kTypes.end(), [&](const Type& each) {
    return dot != std::string::npos && std::string_view(name).substr(dot + 1) == each.extension;
  });
  if (!status || type == kTypes.end()) {
    return wrong(
        "is not the name of an error page; write a status or a class, such as 404.html or 5xx.html, with "
        "html, htm, txt, json, xml or svg behind the dot");
  }
  if (pages.contains(*status)) return wrong("is a second page for that status; remove one");
  Result<std::string> body = ReadSmallFile(path, http::ErrorPages::kMaxPage);
  if (!body.Ok()) return wrong(body.Err().text);
  if (body.Value().empty()) return wrong("is empty; write a page, or remove it");
  pages[*status] = {type->type, std::move(body).Value()};
  return {};
}

Result<std::map<int, Page>> ReadPages(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator file(folder, error), end; !error && file != end;
       file.increment(error)) {
    std::string name = file->path().filename().string();
    if (MeansPage(name)) names.push_back(std::move(name));
  }
  if (error) return SysErrorOf(error.value(), "read", folder);
  std::sort(names.begin(), names.end());  // always the same error first
  std::map<int, Page> pages;
  for (const std::string& name : names) {
    if (const Status status = ReadPage(folder, name, pages); !status.Ok()) return status.Err();
  }
  if (!pages.empty()) return pages;
  return Error{fmt::format("{} has no error page; write one such as 404.html or 5xx.html", Quoted(folder))};
}

Status CheckPages(const std::string& folder) {
  const Result<std::map<int, Page>> pages = ReadPages(folder);
  return pages.Ok() ? Status() : pages.Err();
}

std::vector<Setting> MakeTable() {
  return {
      {.name = "error_pages",
       .kind = SettingKind::kFolder,
       .doc = "folder with pages for errors: 404.html, 5xx.html for all others; empty: built-in ones",
       .more =
           "A page is named after a status, or 4xx or 5xx, and ends in html, htm, txt, json, xml or svg. "
           "It has 64 KiB at most. Each worker reads them when it starts: a change takes effect at a reload.",
       .check = &CheckPages},
      {.name = "error_pages_for",
       .kind = SettingKind::kChoice,
       .fallback = "server",
       .doc = "errors that get them: server (its own), empty (also a handler's without a body) or all",
       .words = {"server", "empty", "all"}},
  };
}

}  // namespace

const std::vector<Setting>& ErrorPageSettingTable() {
  static const std::vector<Setting> table = MakeTable();
  return table;
}

namespace http {

Result<ErrorPages> ErrorPages::Make(const Settings& settings) {
  ErrorPages pages;
  const std::string& folder = settings.Text("error_pages");
  if (folder.empty()) return pages;
  Result<std::map<int, Page>> read = ReadPages(folder);
  if (!read.Ok()) return Error{"error_pages: " + read.Err().text, read.Err().errnum};
  pages.pages_ = std::move(read).Value();
  const std::string& whose = settings.Text("error_pages_for");
  pages.replaced_ = whose == "all" ? Replaced::kAll : whose == "empty" ? Replaced::kEmpty : Replaced::kOwn;
  return pages;
}

const ErrorPages::Page* ErrorPages::Find(int status) const {
  if (status < 400) return nullptr;
  auto page = pages_.find(status);
  if (page == pages_.end()) page = pages_.find(status / 100);
  return page == pages_.end() ? nullptr : &page->second;
}

// What a handler has encoded cannot be told from outside: it stays.
bool ErrorPages::Replaces(const HttpResponse& response) const {
  if (response.IsStatusPage()) return true;
  if (response.Switches() || HasField(response.FieldLines(), "content-encoding")) return false;
  return replaced_ == Replaced::kAll || (replaced_ == Replaced::kEmpty && response.BodySize() == 0);
}

void ErrorPages::Use(HttpResponse& response) const {
  const Page* const page = Find(response.Status());
  if (page == nullptr || !Replaces(response)) return;
  response.SetFile(UniqueFd(), 0, 0);
  response.SetContentType(page->type);
  response.Body() = page->body;
}

}  // namespace http
}  // namespace preforkd
