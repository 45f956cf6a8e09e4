#include "worker/http/place/place_settings.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "common/text/quote.h"
#include "worker/http/access/access_rules.h"
#include "worker/http/answer/answer_rules.h"
#include "worker/http/answer/error_pages.h"
#include "worker/http/coding/compress_rules.h"
#include "worker/http/files/file_rules.h"
#include "worker/http/place/host_name.h"
#include "worker/http/syntax/authority.h"
#include "worker/http/syntax/syntax.h"

namespace preforkd {
namespace {

bool IsVisible(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f) return false;
  }
  return true;
}

// As it is sent in a Location field.
bool IsTarget(std::string_view text) {
  const bool path = text.starts_with('/') && !text.starts_with("//") && !text.starts_with("/\\");
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (text.starts_with(scheme) && text.size() > scheme.size() && text[scheme.size()] != '/')
      return IsVisible(text);
  }
  return path && IsVisible(text);
}

Status CheckTarget(const std::string& target) {
  if (IsTarget(target)) return {};
  return Error{fmt::format(
      "{} is no place to be sent to; write a path such as \"/new\", or \"https://www.example.org/\", "
      "encoded as in a URL",
      Quoted(target))};
}

Status CheckFallback(const std::string& file) {
  if (!file.starts_with('/') && !file.ends_with('/')) return {};
  return Error{fmt::format("{} is not a file of the root; write it without '/' at its ends", Quoted(file))};
}

Status CheckName(const std::string& name) {
  if (!HostKey(name).empty()) return {};
  return Error{
      fmt::format("{} is not the name of a host; write one such as \"www.example.org\", \"*.example.org\" or "
                  "\"*\", without a port",
                  Quoted(name))};
}

// "." and the like are in no path that is compared.
bool HasOddSegment(std::string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);  // the '/'
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    if ((segment.empty() && !path.empty()) || segment == "." || segment == "..") return true;
  }
  return false;
}

bool HasEscape(std::string_view path) {
  for (std::size_t i = path.find('%'); i < path.size(); i = path.find('%', i + 1)) {
    if (i + 2 < path.size() && http::HexValue(path[i + 1]) >= 0 && http::HexValue(path[i + 2]) >= 0)
      return true;
  }
  return false;
}

Status CheckPath(const std::string& path) {
  if (!path.starts_with('/'))
    return Error{fmt::format("{} does not begin with '/'; write a path such as \"/static\"", Quoted(path))};
  if (HasOddSegment(path))
    return Error{
        fmt::format("{} is never asked for; write it without \"//\", \".\" and \"..\"", Quoted(path))};
  if (HasEscape(path))
    return Error{fmt::format("{} is compared with decoded paths; write it without %XX", Quoted(path))};
  return {};
}

std::vector<Setting> MakeOwnTable() {
  return {
      {.name = "fallback",
       .min = "0",
       .max = "1024",
       .doc = "file of the root that is sent with 200 where there is none; empty: 404",
       .more = "For a site of a single page: \"index.html\". Hidden files stay missing.",
       .check = &CheckFallback},
      {.name = "hidden_files",
       .kind = SettingKind::kFlag,
       .fallback = "false",
       .doc = "names that begin with a dot are served too",
       .more =
           "If not, a path with such a name in it is answered with 404, but for /.well-known/ (RFC 8615)."},
      {.name = "redirect",
       .min = "0",
       .max = "4096",
       .doc = "where clients are sent: http://..., https://... or a path; empty: nowhere",
       .more = "In one table, write this, root or denied: what is nearest to the request says what answers.",
       .check = &CheckTarget},
      {.name = "redirect_status",
       .kind = SettingKind::kChoice,
       .fallback = "301",
       .doc = "301, 302, 303, 307 or 308",
       .more = "307 and 308 keep the method and the body; 301 and 308 are permanent.",
       .words = {"301", "302", "303", "307", "308"}},
      {.name = "redirect_append",
       .kind = SettingKind::kFlag,
       .fallback = "true",
       .doc = "the rest of the path and the query are appended to redirect",
       .more = "The rest is what is behind the path of the location that sets redirect."},
      {.name = "denied",
       .kind = SettingKind::kChoice,
       .fallback = "no",
       .doc = "no, 404 or 403: what every request here gets",
       .words = {"no", "404", "403"}},
  };
}

std::vector<Setting> MakeTable() {
  std::vector<Setting> table = FileSettingTable();
  for (const std::vector<Setting>& more : {MakeOwnTable(), AnswerSettingTable(), CompressSettingTable(),
                                           ErrorPageSettingTable(), AccessSettingTable()})
    table.insert(table.end(), more.begin(), more.end());
  return table;
}

std::vector<Setting> With(Setting first) {
  std::vector<Setting> settings = {std::move(first)};
  settings.insert(settings.end(), PlaceSettingTable().begin(), PlaceSettingTable().end());
  return settings;
}

std::vector<TableDeclaration> MakeTables() {
  const Setting path = {
      .name = "path",
      .min = "1",
      .max = "1024",
      .doc = "a path, such as /static: it and all below it; the longest one wins",
      .more =
          "As it is decoded: a blank is a blank. A location of the service is in each of its hosts, too, "
          "with what the host sets, unless the host has one of the same path.",
      .required = true,
      .check = &CheckPath};
  const Setting name = {
      .name = "name",
      .kind = SettingKind::kTexts,
      .min = "1",
      .max = "253",
      .doc = "its names: www.example.org, *.example.org, or * for what no other host has",
      .more =
          "An exact name wins over *.example.org, which is all names below that one, and the longest of "
          "these wins. The name is that of the request (Host, or an absolute target), without its port, "
          "also over TLS; which certificate a client gets depends on the name in its handshake. A "
          "request for no host of the service is answered by the keys and locations of the service.",
      .required = true,
      .check = &CheckName};
  const TableDeclaration location{std::string(kLocationTable), With(path), {}};
  return {{std::string(kHostTable), With(name), {location}}, location};
}

}  // namespace

const std::vector<Setting>& PlaceSettingTable() {
  static const std::vector<Setting> table = MakeTable();
  return table;
}

const std::vector<TableDeclaration>& PlaceTables() {
  static const std::vector<TableDeclaration> tables = MakeTables();
  return tables;
}

bool DeclaresPlaces(const Settings& settings) {
  const auto& items = settings.Items();
  return std::all_of(PlaceSettingTable().begin(), PlaceSettingTable().end(), [&](const Setting& wanted) {
    return std::any_of(items.begin(), items.end(),
                       [&](const Settings::Item& item) { return item.setting == wanted; });
  });
}

Settings PlaceSettingsOf(const Settings& service) {
  Settings place(PlaceSettingTable());
  for (const Setting& setting : PlaceSettingTable()) {
    const auto found = std::find_if(service.Items().begin(), service.Items().end(),
                                    [&](const Settings::Item& item) { return item.setting == setting; });
    if (found != service.Items().end()) place.Set(setting.name, found->value);
  }
  return place;
}

Settings Overlaid(const Settings& outer, const SettingsTable& inner) {
  Settings place = outer;
  for (const std::string& name : inner.set) {
    if (place.Find(name) != nullptr) place.Set(name, inner.settings.Find(name)->value);
  }
  return place;
}

std::string HostKey(std::string_view name) {
  if (name == kAnyHost) return std::string(name);
  const std::string_view wildcard = name.starts_with("*.") ? "*." : "";
  name.remove_prefix(wildcard.size());
  const bool literal = name.starts_with('[');
  const bool port = literal ? !name.ends_with(']') : name.find(':') != std::string_view::npos;
  // A '*' elsewhere would be a host that no client names, and so would an encoded byte.
  if (name.find_first_of("*%") != std::string_view::npos) return {};
  if (port || !http::IsAuthority(name) || (literal && !wildcard.empty())) return {};
  const http::HostName host(name);
  return host.View().empty() ? std::string() : fmt::format("{}{}", wildcard, host.View());
}

std::string_view LocationKey(std::string_view path) {
  if (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

}  // namespace preforkd
