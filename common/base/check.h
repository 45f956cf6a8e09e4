// PF_CHECK: for our own bugs only. Logs what was expected and where at level alert, then aborts.
//
// Never for what a client, a worker or the system does: those errors are an Error (result.h) and are handled.
#ifndef PREFORKD_COMMON_BASE_CHECK_H_
#define PREFORKD_COMMON_BASE_CHECK_H_

namespace preforkd {

// Writes one alert line and calls abort(3). Async-signal-safe apart from the log's formatting.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition, const char* explanation);

}  // namespace preforkd

#define PF_CHECK(condition, explanation)                                    \
  do {                                                                      \
    if (!(condition)) [[unlikely]]                                          \
      ::preforkd::CheckFailed(__FILE__, __LINE__, #condition, explanation); \
  } while (false)

#endif
