// PackSession: what travels with a connection of a module's protocol: what the module packs
// (pfd_protocol::pack), and the bytes that it has not used.
#ifndef PREFORKD_WORKER_MODULE_PROTOCOL_PACK_SESSION_H_
#define PREFORKD_WORKER_MODULE_PROTOCOL_PACK_SESSION_H_

#include <optional>
#include <string>
#include <string_view>

#include "worker/api/module.h"
#include "worker/connection/service.h"

namespace preforkd::module {

// Calls pack() of the module for `session`, with the rest of Luggage as room. nullptr: `luggage` has `mark`
// and the result, but not its idle_left. Otherwise the reason why the connection stays; static. More than
// there is room for is a reason, and a line in the log.
const char* PackSession(int (*pack)(const void* session, pfd_luggage* luggage), const void* session,
                        Connection& connection, const std::string& unread, std::string_view mark,
                        std::optional<Luggage>& luggage);

}  // namespace preforkd::module

#endif
