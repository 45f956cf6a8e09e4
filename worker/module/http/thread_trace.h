// The backtrace of a thread of this process that may be blocked.
#ifndef PREFORKD_WORKER_MODULE_HTTP_THREAD_TRACE_H_
#define PREFORKD_WORKER_MODULE_HTTP_THREAD_TRACE_H_

#include <pthread.h>

#include <string>
#include <vector>

namespace preforkd::module {

// The frames of `thread`, the innermost first: "bar+0x1f (shop.so+0x521f)" in a module and what came with it,
// "/usr/sbin/preforkd(+0x1f) [0x55...]" elsewhere. Empty if the thread does not
// answer within 200 ms. A system call in which it blocks may fail with EINTR. One call at a time; not from
// `thread` itself.
std::vector<std::string> TraceOf(pthread_t thread);

}  // namespace preforkd::module

#endif
