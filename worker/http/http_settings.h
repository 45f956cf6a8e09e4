// Settings of every service that speaks HTTP: limits and timeouts of the protocol.
#ifndef PREFORKD_WORKER_HTTP_HTTP_SETTINGS_H_
#define PREFORKD_WORKER_HTTP_HTTP_SETTINGS_H_

#include <cstdint>
#include <vector>

#include "common/base/clock.h"
#include "common/config/setting.h"
#include "worker/http/coding/compress_rules.h"

namespace preforkd {

// The settings that every type using MakeHttpService declares, besides its own.
const std::vector<Setting>& HttpSettingTable();
// Those of a type that has hosts and locations (MakePlacedHttpService): of its places, and these.
const std::vector<Setting>& PlacedHttpSettingTable();

struct HttpSettings {
  // Sets the defaults of the table.
  HttpSettings();
  // Precondition: `settings` contains those of the table.
  explicit HttpSettings(const Settings& settings);

  // Below min_rate these are used up, above it they last (pace.h).
  Duration header_timeout;
  Duration keepalive_timeout;
  Duration body_timeout;
  Duration max_body_time;  // for the whole body; 0: no limit
  Duration send_timeout;
  Duration max_send_time;    // for what is ready of a response; 0: no limit
  std::uint64_t min_rate;    // bytes per second; 0: no minimum
  std::uint64_t max_header;  // bytes
  std::uint32_t max_headers;
  std::uint64_t max_body;           // bytes
  std::uint64_t max_requests;       // 0: no limit
  std::uint32_t request_rate;       // of one client address, a second; 0: no limit
  Duration hsts;                    // how long a client uses only TLS; 0: it is not told
  std::uint16_t redirect_to_https;  // the port for plain requests; 0: they are served
  CompressRules compress;           // where no place says otherwise
};

}  // namespace preforkd

#endif
