// The body of every server's answer if no file is served. servers/server.py has the same text.
#ifndef PREFORKD_TOOLS_BENCHMARK_MEASURED_BODY_H_
#define PREFORKD_TOOLS_BENCHMARK_MEASURED_BODY_H_

#include <string_view>

namespace preforkd::benchmark {

inline constexpr std::string_view kMeasuredBody = "Hello, world\n";

}  // namespace preforkd::benchmark

#endif
