// authority: uri-host [ ":" port ], as it stands in the Host field, in an absolute target and in the target
// of CONNECT (RFC 9110 section 7.2, RFC 3986 sections 3.2.2 and 3.2.3). Pure; judges the shape and looks
// nothing up.
//
// Stricter than the grammar in one place: a name with a comma is refused, because that is what two Host lines
// look like when something in front of us has joined them.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_AUTHORITY_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_AUTHORITY_H_

#include <string_view>

namespace preforkd::http {

// A name that is not empty, an IPv4 address, or an IP literal in brackets; the port may be left out or empty,
// as in `a:`. User information is refused: http URIs must not carry it (RFC 9110 section 4.2.4).
bool IsAuthority(std::string_view text);

// The same with a port that is not empty (RFC 9110 section 9.3.6).
bool IsAuthorityWithPort(std::string_view text);

}  // namespace preforkd::http

#endif
