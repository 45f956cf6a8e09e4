// authority: uri-host [ ":" port ], as used in the Host field, in an absolute target and in the target of
// CONNECT (RFC 9110 section 7.2, RFC 3986 sections 3.2.2 and 3.2.3). Pure; checks the form and looks nothing
// up.
//
// It is stricter than the grammar in one place: a name with a comma is refused, because two Host lines look
// like that when an intermediary has joined them.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_AUTHORITY_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_AUTHORITY_H_

#include <string_view>

namespace preforkd::http {

// A non-empty name, an IPv4 address or an IP literal in brackets, with an optional port, which may be empty,
// as in `a:`. User information is refused: http URIs must not contain it (RFC 9110 section 4.2.4).
bool IsAuthority(std::string_view text);

// Like IsAuthority, but the port is required (RFC 9110 section 9.3.6).
bool IsAuthorityWithPort(std::string_view text);

}  // namespace preforkd::http

#endif
