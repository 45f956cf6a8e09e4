#include "worker/http/place/explain.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <iterator>
#include <string_view>
#include <vector>

#include "common/base/sys_error.h"
#include "common/config/setting_value.h"
#include "common/text/quote.h"
#include "worker/http/files/beneath.h"
#include "worker/http/place/place_answer.h"
#include "worker/http/place/place_files.h"
#include "worker/http/place/place_settings.h"
#include "worker/http/place/place_table.h"
#include "worker/http/syntax/authority.h"
#include "worker/http/syntax/target.h"

namespace preforkd {
namespace {

using http::Place;
using http::PlaceKind;

template <typename... Args>
void Line(std::string& out, std::string_view label, fmt::format_string<Args...> text, Args&&... args) {
  fmt::format_to(std::back_inserter(out), "{:<10} ", label);
  fmt::format_to(std::back_inserter(out), text, std::forward<Args>(args)...);
  out.push_back('\n');
}

// The tables in which a place is written; nullptr: none.
struct Tables {
  const SettingsTable* host = nullptr;
  const SettingsTable* location = nullptr;
};

Tables TablesFor(const Place& place, const ServiceConfig& service) {
  Tables written;
  const http::PlaceSource& source = place.source;
  if (source.host) written.host = &service.tables[*source.host];
  if (source.location) {
    written.location =
        source.location_of_host ? &written.host->tables[*source.location] : &service.tables[*source.location];
  }
  return written;
}

// ---- files ----

enum class Found { kFile, kFolder, kOther, kMissing };

struct FoundFile {
  Found kind = Found::kMissing;
  std::uint64_t size = 0;
  std::string why;  // it is missing
};

FoundFile Look(const std::string& root, const std::string& name) {
  const Result<http::Beneath> folder = http::Beneath::Open(root);
  if (!folder.Ok()) return {Found::kMissing, 0, folder.Err().text};
  const http::Beneath::Opened file = folder.Value().OpenFile(name.c_str());
  struct stat info {};
  if (!file.fd.Valid()) return {Found::kMissing, 0, ErrnoText(file.errnum)};
  if (::fstat(file.fd.Get(), &info) < 0) return {Found::kMissing, 0, ErrnoText(errno)};
  if (S_ISDIR(info.st_mode)) return {Found::kFolder, 0, {}};
  return {S_ISREG(info.st_mode) ? Found::kFile : Found::kOther, static_cast<std::uint64_t>(info.st_size), {}};
}

std::string FileText(const Place& place, std::string_view path) {
  const std::string& root = place.files->root;
  const std::string_view below = path.substr(place.prefix);
  if (below.empty()) return "301, to the same path with '/' at its end: it is the root of the location";
  if (!place.hidden_files && http::IsHidden(below)) return "404: a name in the path begins with a dot";
  std::string name(below.substr(1));
  if (below.ends_with('/')) name += place.files->index;
  const std::string shown = Escaped(fmt::format("{}/{}", root, name));
  const FoundFile file = Look(root, name);
  switch (file.kind) {
    case Found::kFile: return fmt::format("the file {}, {} bytes", shown, file.size);
    case Found::kFolder:
      return fmt::format("301, to the same path with '/' at its end: {} is a folder", shown);
    case Found::kOther: return fmt::format("404: {} is not a file", shown);
    case Found::kMissing: break;
  }
  const bool folder =
      below.ends_with('/') && Look(root, fmt::format("./{}", below.substr(1))).kind == Found::kFolder;
  if (folder && place.files->listing) return "a list of the folder (listing)";
  if (place.fallback.empty()) return fmt::format("no file: {}: {}", shown, file.why);
  return fmt::format("the file {}/{}, the fallback, with 200: {}: {}", Escaped(root), Escaped(place.fallback),
                     shown, file.why);
}

std::string AnswerText(const ServiceConfig& service, const Place& place, const http::Target& target,
                       bool tls) {
  if (!tls && service.settings.Number("redirect_to_https") != 0)
    return "a redirect to https (redirect_to_https)";
  switch (place.kind) {
    case PlaceKind::kDenied: return fmt::format("{}: denied", place.denied);
    case PlaceKind::kRedirect:
      return fmt::format("{}, to {}", place.redirect.status,
                         Escaped(http::RedirectTarget(place.redirect, target.path, target.query)));
    case PlaceKind::kFiles: return FileText(place, target.path);
    case PlaceKind::kOwn: break;
  }
  if (service.module) return fmt::format("the handler of the module {}", Escaped(service.module->name));
  return service.tables.empty() ? "the service itself" : "404: there is no root";
}

// ---- settings ----

void AppendSetting(std::string& out, const Setting& setting, const SettingValue& value,
                   std::string_view where) {
  constexpr int kColumn = 40;
  const std::string line = fmt::format("{} = {}", setting.name, PrintValue(setting, value));
  out += fmt::format("  {:<{}}  {}\n", line, kColumn, where);
}

// It is of another way to answer than that of the place.
bool IsIdle(const std::string& setting, PlaceKind kind) {
  return (setting == "denied" && kind != PlaceKind::kDenied) ||
         (setting.starts_with("redirect") && kind != PlaceKind::kRedirect);
}

// Those of the place from where they are written nearest to it, then those of the service as a whole.
std::string SettingsText(const ServiceConfig& service, const Tables& written, PlaceKind kind) {
  std::string out;
  const Settings own = PlaceSettingsOf(service.settings);
  for (const Settings::Item& item : own.Items()) {
    const std::string& name = item.setting.name;
    const SettingsTable* table = nullptr;
    if (written.host != nullptr && written.host->Sets(name)) table = written.host;
    if (written.location != nullptr && written.location->Sets(name)) table = written.location;
    const SettingValue& value = table != nullptr ? table->settings.Find(name)->value : item.value;
    if (value == DefaultValue(item.setting) || IsIdle(name, kind)) continue;
    AppendSetting(out, item.setting, value,
                  table != nullptr ? table->written.Of(name) : service.written.Of(name));
  }
  for (const Settings::Item& item : service.settings.Items()) {
    const Settings::Item* of_place = own.Find(item.setting.name);
    if (of_place != nullptr && of_place->setting == item.setting) continue;
    if (!item.setting.required && item.value == DefaultValue(item.setting)) continue;
    AppendSetting(out, item.setting, item.value, service.written.Of(item.setting.name));
  }
  return out.empty() ? out : "settings that differ from the default\n" + out;
}

}  // namespace

Result<std::string> ExplainPlace(const ServiceConfig& service, const ExplainedUrl& url) {
  std::string out;
  if (!DeclaresPlaces(service.settings)) {
    Line(out, "answer", "the service itself: its type has no hosts and locations");
    return out;
  }
  std::string buffer;
  const std::optional<http::Target> target = http::ParseTarget(url.target, buffer);
  if (!http::IsAuthority(url.authority) || !target)
    return Error{fmt::format("{}{} is answered with 400: it is no host and path that a client may ask for",
                             Escaped(url.authority), Escaped(url.target))};
  const http::PlaceTable table(service.settings, service.tables);
  const Place& place = table.Find(url.authority, target->path);
  const Tables written = TablesFor(place, service);
  if (written.host == nullptr) {
    Line(out, "host", "none of its hosts");
  } else {
    Line(out, "host", "{}, at {}",
         Escaped(fmt::format("{}", fmt::join(written.host->settings.Texts("name"), ", "))),
         written.host->written.Of(""));
  }
  if (written.location == nullptr) {
    Line(out, "location", "none");
  } else {
    Line(out, "location", "{}, at {}", Escaped(written.location->settings.Text("path")),
         written.location->written.Of(""));
  }
  Line(out, "answer", "{}", AnswerText(service, place, *target, url.tls));
  return out + SettingsText(service, written, place.kind);
}

}  // namespace preforkd
