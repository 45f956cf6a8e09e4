// The service type `measured`: a handler with the answers that the peers give from their configuration (nginx
// `return`, HAProxy `http-request return`, embedded Perl). For tools/bench only; never installed.
#ifndef PREFORKD_TOOLS_BENCHMARK_MEASURED_SERVICE_H_
#define PREFORKD_TOOLS_BENCHMARK_MEASURED_SERVICE_H_

#include "worker/connection/service.h"

namespace preforkd::benchmark {

// HTTP: /block blocks its worker for 50 ms first; every path answers kMeasuredBody as text/plain.
ServiceType MeasuredServiceType();

}  // namespace preforkd::benchmark

#endif
