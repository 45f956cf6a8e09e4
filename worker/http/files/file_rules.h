// FileRules: how files are served: from which folder, and with what. The settings of one service, or of one
// place of it. A plain value: it is read once, when the service starts.
#ifndef PREFORKD_WORKER_HTTP_FILES_FILE_RULES_H_
#define PREFORKD_WORKER_HTTP_FILES_FILE_RULES_H_

#include <string>
#include <vector>

#include "common/config/setting.h"
#include "worker/http/coding/accept_encoding.h"
#include "worker/http/files/mime_types.h"

namespace preforkd {

// What a type or a section that serves files declares.
const std::vector<Setting>& FileSettingTable();

struct FileRules {
  // Sets the defaults of the table.
  FileRules();
  // Precondition: `settings` contains those of the table.
  explicit FileRules(const Settings& settings);

  std::string root;               // empty: no files
  std::string index;              // served for a folder
  http::CodingSet precompressed;  // siblings that are looked for
  http::FileTypes types;
  bool listing;  // of a folder without an index
};

}  // namespace preforkd

#endif
