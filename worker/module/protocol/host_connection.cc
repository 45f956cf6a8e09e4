#include "worker/module/protocol/host_connection.h"

#include <cerrno>
#include <string>
#include <string_view>

#include "common/tls/fingerprint_text.h"
#include "worker/module/host/module_call.h"
#include "worker/module/host/tls_values.h"
#include "worker/module/host/values.h"
#include "worker/module/protocol/protocol_session.h"

namespace preforkd::module {
namespace {

bool InLoopThread(const pfd_connection* connection, std::string_view function) {
  return CheckLoopThread(connection->session.State(), function);
}

}  // namespace

pfd_str HostClient(const pfd_connection* connection) {
  return InLoopThread(connection, "client") ? ToStr(connection->session.ClientText()) : kAbsent;
}

std::uint64_t HostClientId(const pfd_connection* connection) {
  return Raw(connection->session.Client().Id());
}

std::int64_t HostSend(pfd_connection* connection, pfd_str bytes) {
  return InLoopThread(connection, "send") ? connection->session.Send(ToView(bytes)) : -EPIPE;
}

void HostFinish(pfd_connection* connection) {
  if (InLoopThread(connection, "finish")) connection->session.Finish();
}

void HostIdleTimeout(pfd_connection* connection, std::uint64_t nanoseconds) {
  if (InLoopThread(connection, "idle_timeout")) connection->session.SetIdle(ToDuration(nanoseconds));
}

void HostDeadline(pfd_connection* connection, std::uint64_t nanoseconds) {
  if (InLoopThread(connection, "deadline")) connection->session.SetDeadline(ToDuration(nanoseconds));
}

void HostCountRequest(pfd_connection* connection) {
  if (InLoopThread(connection, "count_request")) connection->session.Client().CountRequest();
}

void HostDoing(pfd_connection* connection, pfd_str what) {
  if (InLoopThread(connection, "doing")) connection->session.Client().Doing(ToView(what));
}

int HostClientTls(const pfd_connection* connection, pfd_tls* facts) {
  if (!InLoopThread(connection, "client_tls")) return 0;
  const TlsFacts* const tls = connection->session.Client().Tls();
  std::string& fingerprint = connection->fingerprint;
  if (fingerprint.empty() && tls != nullptr) fingerprint = FingerprintText(tls->client_fingerprint).View();
  return FillTls(tls, fingerprint, facts);
}

}  // namespace preforkd::module
