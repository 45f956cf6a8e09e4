#include "worker/services/status_service.h"

#include "worker/module/module_service_type.h"
#include "worker/services/pages/pages.h"

namespace preforkd {

ServiceType StatusServiceType() { return LinkedModuleType(*preforkd_status_page()); }

}  // namespace preforkd
