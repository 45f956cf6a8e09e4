// What the server offers to a session of a module's own protocol (pfd_host, "a connection"). module.h says
// what each does. Loop thread only: in another one they do nothing (send: -EPIPE), and the log says so. After
// the end of the connection, until close() has returned, send returns -EPIPE, and the others do nothing.
#ifndef PREFORKD_WORKER_MODULE_PROTOCOL_HOST_CONNECTION_H_
#define PREFORKD_WORKER_MODULE_PROTOCOL_HOST_CONNECTION_H_

#include <cstdint>

#include "worker/api/module.h"

namespace preforkd::module {

pfd_str HostClient(const pfd_connection* connection);
std::uint64_t HostClientId(const pfd_connection* connection);
std::int64_t HostSend(pfd_connection* connection, pfd_str bytes);
void HostFinish(pfd_connection* connection);
void HostIdleTimeout(pfd_connection* connection, std::uint64_t nanoseconds);
void HostDeadline(pfd_connection* connection, std::uint64_t nanoseconds);
void HostCountRequest(pfd_connection* connection);
void HostDoing(pfd_connection* connection, pfd_str what);
int HostClientTls(const pfd_connection* connection, pfd_tls* facts);

}  // namespace preforkd::module

#endif
