#include "worker/http/place/explain.h"

#include <fmt/format.h>

#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/sys_error.h"
#include "common/config/setting_value.h"
#include "common/text/quote.h"
#include "worker/http/access/access_rules.h"
#include "worker/http/files/file_finder.h"
#include "worker/http/place/file_choice.h"
#include "worker/http/place/place_answer.h"
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

// What is found in a root for a name.
std::string FindingText(const std::string& shown, const http::Finding& found) {
  switch (found.kind) {
    case http::Finding::Kind::kFile: return fmt::format("the file {}, {} bytes", shown, found.info.st_size);
    case http::Finding::Kind::kToFolder:
      return fmt::format("301, to the same path with '/' at its end: {} is a folder", shown);
    case http::Finding::Kind::kList: return "a list of the folder (listing)";
    case http::Finding::Kind::kError: break;
  }
  return fmt::format("{}: {}{}", found.status, shown,
                     found.errnum == 0 ? " is not a file" : ": " + ErrnoText(found.errnum));
}

// What answers for a path in a place with files.
struct FileAnswer {
  std::string text;
  std::string url{};         // of the index or the fallback that is sent; empty: neither is
  const char* as = nullptr;  // which of both
};

FileAnswer FileAnswerOf(const Place& place, std::string_view path, bool moved) {
  Result<http::FileFinder> made = http::FileFinder::Make(*place.files);
  if (!made.Ok()) return {made.Err().text};
  http::FileFinder& finder = made.Value();
  const auto shown = [&] { return Escaped(fmt::format("{}/{}", place.files->root, finder.Name())); };
  std::string url;
  const http::FileChoice choice = http::ChooseFile(place, path, moved, finder, url, Now());
  switch (choice.kind) {
    case http::FileChoice::Kind::kToRoot:
      return {"301, to the same path with '/' at its end: it is the root of the location"};
    case http::FileChoice::Kind::kHidden: return {"404: a name in the path begins with a dot"};
    case http::FileChoice::Kind::kFound: break;
    case http::FileChoice::Kind::kIndex: return {FindingText(shown(), choice.found), url, "index"};
    case http::FileChoice::Kind::kFallback: {
      const std::string none = FindingText(shown(), choice.found);
      const http::Finding found = finder.Find(std::string_view(url).substr(place.prefix), Now());
      return {fmt::format("{}, the fallback, instead of {}", FindingText(shown(), found), none), url,
              "fallback"};
    }
  }
  return {FindingText(shown(), choice.found)};
}

bool RedirectsToHttps(const ServiceConfig& service, bool tls) {
  return !tls && service.settings.Number("redirect_to_https") != 0;
}

// Of a place without files.
std::string AnswerText(const ServiceConfig& service, const Place& place, std::string_view path,
                       std::string_view query) {
  switch (place.kind) {
    case PlaceKind::kDenied: return fmt::format("{}: denied", place.denied);
    case PlaceKind::kRedirect:
      return fmt::format("{}, to {}", place.redirect.status,
                         Escaped(http::RedirectTarget(place.redirect, path, query)));
    case PlaceKind::kFiles:
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

// ---- the whole ----

std::string LocationText(const Tables& written) {
  if (written.location == nullptr) return "none";
  return fmt::format("{}, at {}", Escaped(written.location->settings.Text("path")),
                     written.location->written.Of(""));
}

void PutPlace(std::string& out, const Tables& written) {
  if (written.host == nullptr) {
    Line(out, "host", "none of its hosts");
  } else {
    Line(out, "host", "{}, at {}",
         Escaped(fmt::format("{}", fmt::join(written.host->settings.Texts("name"), ", "))),
         written.host->written.Of(""));
  }
  Line(out, "location", "{}", LocationText(written));
}

// Whether each place has access rules of its own. The passwords are not read: who asks may not be allowed to.
Status NoteAccess(const Settings& settings, const http::PlaceTable::SetsAny& sets, Place& place) {
  if (!sets(AccessSettingTable())) return {};
  http::AccessRules rules;
  rules.networks = NetworkRules(settings.Texts("allow"), settings.Texts("deny"));
  place.access.reset();
  if (!rules.ForAll() || !settings.Text("basic_auth").empty())
    place.access = std::make_shared<const http::AccessRules>(std::move(rules));
  return {};
}

// Returns the place whose answer it is: another one may be for the index or the fallback (places.h).
const Place& PutAnswer(std::string& out, const ServiceConfig& service, const http::PlaceTable& table,
                       const Place& place, std::string_view host, const http::Target& target) {
  const Place* last = &place;
  std::string path(target.path);
  FileAnswer files;
  if (last->kind == PlaceKind::kFiles) files = FileAnswerOf(*last, path, false);
  HttpRequest request;
  request.host = host;
  request.path = target.path;
  request.place = last;
  const Place* const other = files.url.empty() ? nullptr : http::TakesOver(table, request, files.url);
  if (other != nullptr) {
    path = files.url;
    last = other;
    Line(out, files.as, "{}, whose location decides: {}", Escaped(path),
         LocationText(TablesFor(*last, service)));
    files = last->kind == PlaceKind::kFiles ? FileAnswerOf(*last, path, true) : FileAnswer();
  }
  Line(out, "answer", "{}",
       last->kind == PlaceKind::kFiles ? files.text : AnswerText(service, *last, path, target.query));
  return *last;
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
  const http::PlaceTable table(service.settings, service.tables, &NoteAccess);
  const Place& place = table.Find(url.authority, target->path);
  PutPlace(out, TablesFor(place, service));
  if (RedirectsToHttps(service, url.tls)) {
    Line(out, "answer", "a redirect to https (redirect_to_https)");
    return out + SettingsText(service, TablesFor(place, service), place.kind);
  }
  const Place& last = PutAnswer(out, service, table, place, url.authority, *target);
  return out + SettingsText(service, TablesFor(last, service), last.kind);
}

}  // namespace preforkd
