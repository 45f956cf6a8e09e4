// What the pages have in common: they are only read, and most of what they show must not be kept.
#ifndef PREFORKD_WORKER_SERVICES_PAGES_READ_ONLY_H_
#define PREFORKD_WORKER_SERVICES_PAGES_READ_ONLY_H_

#include <preforkd/module.hpp>

#include <optional>
#include <string>

namespace preforkd {

// Absent for GET and HEAD. Else the answer: to OPTIONS the methods that are allowed, to others 405.
std::optional<pfd::Response> RefuseWriting(const pfd::Request& request);

// A text of this moment, which no cache may keep. `type`: a literal.
pfd::Response Fresh(const char* type, std::string text);

// The answer to /status.json.
pfd::Response StatusAsJson(const pfd::Request& request);

}  // namespace preforkd

#endif
