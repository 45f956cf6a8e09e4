#include "worker/services/http_service_type.h"

#include <memory>
#include <utility>
#include <vector>

#include "worker/http/files/file_rules.h"
#include "worker/http/files/static_files.h"
#include "worker/http/http_service.h"
#include "worker/http/http_settings.h"
#include "worker/module/module_service_type.h"
#include "worker/services/pages/pages.h"

namespace preforkd {
namespace {

Result<std::unique_ptr<Service>> MakeService(const ServiceConfig& config, WorkerEnv& env) {
  const FileRules rules(config.settings);
  if (rules.root.empty()) return MakeLinkedModule(*preforkd_welcome_page(), config, env);
  Result<std::unique_ptr<HttpHandler>> files = MakeStaticFiles(rules);
  if (!files.Ok()) return files.Err();
  return MakeHttpService(config, std::move(files).Value());
}

std::vector<Setting> MakeTable() {
  std::vector<Setting> table = FileSettingTable();
  table.insert(table.end(), HttpSettingTable().begin(), HttpSettingTable().end());
  return table;
}

}  // namespace

ServiceType HttpServiceType() { return {&MakeService, true, CallSets{}, MakeTable()}; }

}  // namespace preforkd
