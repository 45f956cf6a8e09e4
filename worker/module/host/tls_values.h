// FillTls: the facts of a TLS session in the form of the C interface (pfd_tls). Nothing is copied: what it
// fills in is valid as long as both arguments.
#ifndef PREFORKD_WORKER_MODULE_HOST_TLS_VALUES_H_
#define PREFORKD_WORKER_MODULE_HOST_TLS_VALUES_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "common/tls/tls_facts.h"
#include "worker/api/module.h"
#include "worker/module/host/values.h"

namespace preforkd::module {

// `fingerprint`: the text of that in `facts`. `into` may be nullptr, and as short as its `size` says. Returns
// what the module gets: 1 if there is a TLS session.
inline int FillTls(const TlsFacts* facts, std::string_view fingerprint, pfd_tls* into) {
  if (facts == nullptr) return 0;
  if (into == nullptr || into->size < sizeof(into->size)) return 1;
  const auto unless_empty = [](std::string_view text) { return text.empty() ? kAbsent : ToStr(text); };
  pfd_tls full{};
  full.size = std::min(into->size, std::uint32_t{sizeof(full)});
  full.resumed = facts->resumed ? 1 : 0;
  full.version = ToStr(VersionName(facts->version));
  full.cipher = ToStr(SuiteName(facts->suite));
  full.server_name = unless_empty(facts->server_name);
  full.client_subject = unless_empty(facts->client_subject);
  full.client_fingerprint = unless_empty(fingerprint);
  std::memcpy(into, &full, full.size);
  return 1;
}

}  // namespace preforkd::module

#endif
