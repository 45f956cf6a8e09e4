// The tables of syntax that is easily got wrong: host and port, optional whitespace, chunk extensions,
// versions, errors in answer to HEAD, and answers that the head of a request decides alone. Right values are
// those of RFC 9110, 9112 and 3986.
#ifndef PREFORKD_TESTS_LOOPBACK_HTTP_SYNTAX_ROWS_H_
#define PREFORKD_TESTS_LOOPBACK_HTTP_SYNTAX_ROWS_H_

#include <vector>

#include "tests/loopback/http/hostile_rows.h"

namespace preforkd::testing {

// uri-host [ ":" port ], which stands in the Host field, in an absolute target, and in the target of CONNECT.
std::vector<HostileRow> AuthorityRows();
std::vector<HostileRow> WhitespaceRows();
std::vector<HostileRow> ExtensionRows();
std::vector<HostileRow> VersionRows();
// Requests with HEAD that are refused.
std::vector<HostileRow> RefusedHeadRows();
// Answers that need no body, from any service.
std::vector<HostileRow> KnownFromHeadRows();
// The same from a service that reads no bodies.
std::vector<HostileRow> UnreadBodyRows();

}  // namespace preforkd::testing

#endif
