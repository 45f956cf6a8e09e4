#include "worker/services/http_service_type.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "worker/http/files/static_files.h"
#include "worker/http/http_service.h"
#include "worker/http/http_settings.h"
#include "worker/module/module_service_type.h"
#include "worker/services/pages/pages.h"

namespace preforkd {
namespace {

Result<std::unique_ptr<Service>> MakeService(const ServiceConfig& config, WorkerEnv& env) {
  const std::string& root = config.settings.Text("root");
  if (root.empty()) return MakeLinkedModule(*preforkd_welcome_page(), config, env);
  Result<std::unique_ptr<HttpHandler>> files = MakeStaticFiles(root, config.settings.Text("index"));
  if (!files.Ok()) return files.Err();
  return MakeHttpService(config, std::move(files).Value());
}

std::vector<Setting> MakeTable() {
  std::vector<Setting> table = {
      {.name = "root",
       .kind = SettingKind::kFolder,
       .doc = "a folder, such as /srv/www; empty: a welcome page that shows the workers",
       .more = "Its path is looked up again every second: a switched symlink or a new folder at that path "
               "needs no reload."},
      {.name = "index",
       .min = "1",
       .max = "4095",
       .fallback = "index.html",
       .doc = "file served for a folder"},
  };
  table.insert(table.end(), HttpSettingTable().begin(), HttpSettingTable().end());
  return table;
}

}  // namespace

ServiceType HttpServiceType() { return {&MakeService, true, CallSets{}, MakeTable()}; }

}  // namespace preforkd
