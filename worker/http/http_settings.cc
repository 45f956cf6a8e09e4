#include "worker/http/http_settings.h"

#include <algorithm>

#include "common/config/config.h"
#include "worker/http/place/place_settings.h"

namespace preforkd {
namespace {

Setting Timeout(const char* name, const char* max, const char* fallback, const char* doc,
                const char* more = "") {
  // The minimum: a shorter timeout would fail every request on a busy machine.
  return {.name = name,
          .kind = SettingKind::kDuration,
          .min = "10ms",
          .max = max,
          .fallback = fallback,
          .doc = doc,
          .more = more};
}

std::vector<Setting> MakeTable() {
  std::vector<Setting> table = {
      Timeout("header_timeout", "1h", "10s", "for a header; min_rate lengthens it, up to twice",
              "It starts with the first byte. On expiry: 408."),
      Timeout("keepalive_timeout", "24h", "60s", "between requests"),
      Timeout("body_timeout", "1h", "30s", "how long a client may stall in a request body",
              "Time uses it up, and every min_rate bytes received give a second of it back. When nothing is "
              "left: 408."),
      {.name = "max_body_time",
       .kind = SettingKind::kDuration,
       .min = "0",
       .max = "24h",
       .fallback = "1h",
       .doc = "for a whole request body, at whatever rate it comes; 0: no limit"},
      Timeout("send_timeout", "1h", "30s", "how long a client may stall while it reads a response",
              "It is used up and given back like body_timeout."),
      {.name = "max_send_time",
       .kind = SettingKind::kDuration,
       .min = "0",
       .max = "24h",
       .fallback = "0",
       .doc = "for what is ready of a response, at whatever rate it is read; 0: no limit",
       .more = "A handler that makes a long response in pieces has this time for each stall."},
      {.name = "min_rate",
       .kind = SettingKind::kSize,
       .min = "0",
       .max = "1GiB",
       .fallback = "500",
       .doc = "bytes a second that a client must send or take over these times; 0: any",
       .more = "With 0, any byte gives the whole time back."},
      {.name = "max_header",
       .kind = SettingKind::kSize,
       .min = "128",
       .max = "1MiB",
       .fallback = "16KiB",
       .doc = "request line and fields together; more is answered with 431"},
      {.name = "max_headers",
       .kind = SettingKind::kNumber,
       .min = "1",
       .max = "10000",
       .fallback = "100",
       .doc = "fields; more are answered with 431"},
      {.name = "max_body",
       .kind = SettingKind::kSize,
       .min = "0",
       .max = "16TiB",
       .fallback = "1MiB",
       .doc = "request body; more is answered with 413"},
      {.name = "max_requests",
       .kind = SettingKind::kNumber,
       .min = "0",
       .max = "1000000000000",
       .fallback = "0",
       .doc = "on one connection; 0: no limit"},
      {.name = std::string(kRequestRate),
       .kind = SettingKind::kNumber,
       .min = "0",
       .max = "1000000",
       .fallback = "0",
       .doc = "requests of one client address a second, in all workers; 0: any number",
       .more =
           "Twice as many may come at once. What is beyond gets 429 with Retry-After, before its body is "
           "read; the connection stays. Addresses count as for limits.connections, and each service counts "
           "its own requests."},
      {.name = "hsts",
       .kind = SettingKind::kDuration,
       .min = "0",
       .max = "87600h",
       .fallback = "0",
       .doc = "over TLS: how long browsers then use no plain connection to this host; 0: not sent",
       .more = "It is the max-age of the field Strict-Transport-Security (RFC 6797), which every answer over "
               "TLS gets and no plain one. A handler that sets the field itself decides alone. A year is "
               "8760h; begin with less, because browsers keep to what they were told."},
      {.name = "redirect_to_https",
       .kind = SettingKind::kNumber,
       .min = "0",
       .max = "65535",
       .fallback = "0",
       .doc = "port to which plain requests are redirected; 443 is not written; 0: they are served",
       .more = "301 for GET and HEAD, 308 for others, to the same host and target with the scheme https. A "
               "request that names no host gets 400. Requests over TLS are served."},
  };
  table.insert(table.end(), CompressSettingTable().begin(), CompressSettingTable().end());
  return table;
}

// A setting of both is one of the places, and that of the service is around them.
std::vector<Setting> MakePlacedTable() {
  std::vector<Setting> table = PlaceSettingTable();
  for (const Setting& setting : HttpSettingTable()) {
    if (std::find(table.begin(), table.end(), setting) == table.end()) table.push_back(setting);
  }
  return table;
}

}  // namespace

const std::vector<Setting>& HttpSettingTable() {
  static const std::vector<Setting> table = MakeTable();
  return table;
}

const std::vector<Setting>& PlacedHttpSettingTable() {
  static const std::vector<Setting> table = MakePlacedTable();
  return table;
}

HttpSettings::HttpSettings() : HttpSettings(Settings(HttpSettingTable())) {}

HttpSettings::HttpSettings(const Settings& settings)
    : header_timeout(settings.Time("header_timeout")),
      keepalive_timeout(settings.Time("keepalive_timeout")),
      body_timeout(settings.Time("body_timeout")),
      max_body_time(settings.Time("max_body_time")),
      send_timeout(settings.Time("send_timeout")),
      max_send_time(settings.Time("max_send_time")),
      min_rate(settings.Size("min_rate")),
      max_header(settings.Size("max_header")),
      max_headers(static_cast<std::uint32_t>(settings.Number("max_headers"))),
      max_body(settings.Size("max_body")),
      max_requests(settings.Number("max_requests")),
      request_rate(static_cast<std::uint32_t>(settings.Number(kRequestRate))),
      hsts(settings.Time("hsts")),
      redirect_to_https(static_cast<std::uint16_t>(settings.Number("redirect_to_https"))),
      compress(settings) {}

}  // namespace preforkd
