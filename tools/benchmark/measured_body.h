// The body that every server answers with where no file is served. servers/server.py holds the same.
#ifndef PREFORKD_TOOLS_BENCHMARK_MEASURED_BODY_H_
#define PREFORKD_TOOLS_BENCHMARK_MEASURED_BODY_H_

#include <string_view>

namespace preforkd::benchmark {

inline constexpr std::string_view kMeasuredBody = "Hello, world\n";

}  // namespace preforkd::benchmark

#endif
