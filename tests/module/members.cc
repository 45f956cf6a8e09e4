// Members only: a page for clients with a certificate, which the server has verified (tls.client_certificates
// = "optional" and tls.client_ca). GET / greets the client by the subject of its certificate.
#include <optional>
#include <preforkd/module.hpp>
#include <string>

namespace {

pfd::Response members(const pfd::Request& request) {
  const std::optional<pfd::Tls> tls = request.tls();
  if (!tls) throw pfd::HttpError(403, "members come over TLS");
  if (!tls->client_subject) throw pfd::HttpError(403, "members show a certificate");
  std::string text = "hello " + std::string(*tls->client_subject);
  text.append(" at ").append(request.scheme()).append("://").append(tls->server_name.value_or("?"));
  text.append(" (").append(tls->version).append(tls->resumed ? ", resumed" : "").append(")\n");
  return pfd::text(text).field("x-fingerprint", std::string(tls->client_fingerprint.value_or("")));
}

}  // namespace

PREFORKD_MODULE("members", pfd::route{"GET", "/", members});
