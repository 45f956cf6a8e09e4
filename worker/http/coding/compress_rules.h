// CompressRules: which answers of handlers are compressed. The settings of one service, or of one place of
// it. A plain value: it is read once, when the service starts.
#ifndef PREFORKD_WORKER_HTTP_CODING_COMPRESS_RULES_H_
#define PREFORKD_WORKER_HTTP_CODING_COMPRESS_RULES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/setting.h"
#include "worker/http/coding/accept_encoding.h"

namespace preforkd {

// Every service that speaks HTTP declares these (HttpSettingTable), and so do hosts and locations.
const std::vector<Setting>& CompressSettingTable();

struct CompressRules {
  // Sets the defaults of the table: nothing is compressed.
  CompressRules();
  // Precondition: `settings` contains those of the table.
  explicit CompressRules(const Settings& settings);

  http::CodingSet codings;         // empty: nothing is compressed
  std::vector<std::string> types;  // "text/html", "text/*", "application/*+json"
  std::uint64_t min_size;          // of a whole body, in bytes

  // One of the types fits; parameters do not matter.
  [[nodiscard]] bool Covers(std::string_view content_type) const;
};

}  // namespace preforkd

#endif
