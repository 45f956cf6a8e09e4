#include "worker/module/module_settings.h"

#include "common/config/module_declaration.h"
#include "worker/http/http_settings.h"

namespace preforkd {
namespace {

std::vector<Setting> MakeTable() {
  std::vector<Setting> table = {
      {.name = std::string(kModulePath),
       .kind = SettingKind::kPath,
       .min = "1",
       .max = "4095",
       .doc = "the module, a shared object such as /usr/lib/preforkd/shop.so",
       .more = "It is opened in each worker; --check and a reload open it in a process that is thrown away. "
               "Replace it with a new file under the same name (mv, not cp), then reload. With worker.chroot "
               "it must be inside, with the libraries that it needs.",
       .required = true},
      {.name = "threads",
       .kind = SettingKind::kNumber,
       .min = "1",
       .max = "64",
       .fallback = "1",
       .doc = "application threads of a worker, if its handlers may block",
       .more = "Each has a state of its own in the module. So many requests run at once in a worker; its "
               "blocking services share the threads."},
      {.name = "request_timeout",
       .kind = SettingKind::kDuration,
       .min = "10ms",
       .max = "24h",
       .fallback = "30s",
       .doc = "time for an answer; then the client gets 504",
       .more = "A handler that is stuck then is logged with a backtrace, and its worker is replaced."},
      {.name = std::string(kPreloadMax),
       .kind = SettingKind::kSize,
       .min = "4KiB",
       .max = "1TiB",
       .fallback = "256MiB",
       .doc = "bytes that its preload may fill, if it has one",
       .more = "Only what is filled uses memory. With worker.max_address_space it counts while it loads."},
      {.name = std::string(kPreloadTimeout),
       .kind = SettingKind::kDuration,
       .min = "10ms",
       .max = "24h",
       .fallback = "1m",
       .doc = "time for its preload; then the start or the reload is refused",
       .more = "A worker that loads for itself has it besides its start_timeout."},
  };
  table.insert(table.end(), PlacedHttpSettingTable().begin(), PlacedHttpSettingTable().end());
  return table;
}

}  // namespace

const std::vector<Setting>& ModuleSettingTable() {
  static const std::vector<Setting> table = MakeTable();
  return table;
}

}  // namespace preforkd
