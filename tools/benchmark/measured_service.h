// The service type `measured`: what the peers answer from their configuration (nginx `return`, HAProxy
// `http-request return`, embedded Perl), as a handler. For tools/bench only; never installed.
#ifndef PREFORKD_TOOLS_BENCHMARK_MEASURED_SERVICE_H_
#define PREFORKD_TOOLS_BENCHMARK_MEASURED_SERVICE_H_

#include "worker/connection/service.h"

namespace preforkd::benchmark {

// HTTP: /block holds its worker for 50 ms first; each path gets kMeasuredBody as text/plain.
ServiceType MeasuredServiceType();

}  // namespace preforkd::benchmark

#endif
