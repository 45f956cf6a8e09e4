// CheckTls: whether [tls], its certificates, the listeners and the pool of gates fit each other. What is in
// the files of certificates is checked later, in a process that is thrown away.
#include <fmt/core.h>

#include <algorithm>

#include "common/config/draft.h"

namespace preforkd {
namespace {

void CheckCertificates(const Config& config, Draft& draft) {
  if (draft.certificates.size() > kMaxCertificates) {
    return draft.problems.Add(draft.certificates[kMaxCertificates].origin,
                              "there are {} certificates; write {} at most", draft.certificates.size(),
                              kMaxCertificates);
  }
  for (const DraftSection& section : draft.certificates) {
    for (const char* key : {"chain", "key"}) {
      if (section.Find(key) != nullptr) continue;
      draft.problems.Add(section.origin, "[[tls.certificate]] has no {0}; write {0} = \"FILE.pem\"", key);
    }
  }
  if (draft.certificates.empty() || HasTlsListener(config) || !draft.replaced.empty()) return;
  draft.warnings.Add(draft.certificates.front().origin,
                     "[[tls.certificate]] is not used: no [[listen]] has tls = true");
}

void CheckListeners(const Config& config, Draft& draft) {
  for (std::size_t i = 0; i < config.listen.size() && i < draft.listen.size(); ++i) {
    if (!config.listen[i].tls || !draft.certificates.empty()) continue;
    draft.Complain(draft.listen[i], "tls",
                   "there is no certificate; write [[tls.certificate]] with chain and key, or tls = false");
  }
}

void CheckChoices(const Config& config, Draft& draft) {
  const TlsConfig& tls = config.tls;
  const std::pair<const char*, std::uint8_t> choices[] = {{"tls.ciphers", tls.ciphers},
                                                          {"tls.curves", tls.curves}};
  for (const auto& [key, bits] : choices) {
    if (bits == 0) draft.Complain(draft.top, key, "must not be empty; leave it out for all");
  }
  if (tls.client_certificates != ClientCertificates::kOff) {
    if (!tls.client_ca.empty() || !draft.top.IsSound("tls.client_ca")) return;
    draft.Complain(draft.top, "tls.client_certificates",
                   "needs the authorities that sign them; write client_ca = \"FILE.pem\"");
  } else if (!tls.client_ca.empty() && draft.top.IsSound("tls.client_certificates")) {
    draft.warnings.Add(draft.top.OriginOf("tls.client_ca"),
                       "tls.client_ca: is not used; write client_certificates = \"optional\" or "
                       "\"required\"");
  }
}

// `gates`: the pools of kind "tls".
void CheckGates(const Config& config, Draft& draft) {
  const PoolConfig* first = nullptr;
  for (const PoolConfig& pool : config.pools) {
    if (pool.kind != PoolKind::kTls) continue;
    const DraftSection& section = *draft.pools.Find(pool.name);
    if (pool.name == kMainPoolName) {
      draft.Complain(section, "kind", "the pool main serves; write [pool.NAME] with kind = \"tls\"");
    } else if (first != nullptr) {
      draft.Complain(section, "kind", "[pool.{}] is of this kind already; write one such pool", first->name);
    } else {
      first = &pool;
    }
  }
  const DraftSection* taken = draft.pools.Find(kGatesName);
  if (config.Gates() != nullptr || !HasTlsListener(config) || taken == nullptr) return;
  if (!taken->IsSound("kind")) return;
  draft.problems.Add(taken->origin,
                     "[pool.{}] has the name of the pool that makes TLS handshakes; write kind = \"tls\" in "
                     "it, or give it another name",
                     kGatesName);
}

}  // namespace

void CheckTls(const Config& config, Draft& draft) {
  CheckCertificates(config, draft);
  CheckListeners(config, draft);
  CheckChoices(config, draft);
  CheckGates(config, draft);
}

}  // namespace preforkd
