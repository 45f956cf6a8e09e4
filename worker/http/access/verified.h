// Verified: which credentials were right a short while ago, so that a browser's next request costs no hash of
// its password. Pure: the caller passes the time.
//
// It holds no credentials, but keyed digests of them: two of SipHash-2-4 with independent keys, 128 bits.
// Siphash is a pseudo-random function: without the key, which never leaves the process, nobody can find other
// credentials with the same digest but by trying, and each try that fails costs a hash of the password and
// waits in a bounded queue. Who reads the memory of the process reads passwords of requests anyway.
#ifndef PREFORKD_WORKER_HTTP_ACCESS_VERIFIED_H_
#define PREFORKD_WORKER_HTTP_ACCESS_VERIFIED_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <string_view>
#include <utility>

#include "common/base/clock.h"
#include "common/structures/siphash.h"

namespace preforkd::http {

class Verified {
 public:
  using Keys = std::array<SipKey, 2>;
  using Digest = std::array<std::uint64_t, 2>;

  // Remembers at most `max` of them, each for `lifetime`; then the oldest are forgotten.
  Verified(const Keys& keys, std::size_t max, Duration lifetime)
      : keys_(keys), max_(max), lifetime_(lifetime) {}
  Verified(const Verified&) = delete;
  Verified& operator=(const Verified&) = delete;
  ~Verified();

  // Of "user:password".
  [[nodiscard]] Digest DigestOf(std::string_view both) const;
  // It was right less than `lifetime` ago.
  [[nodiscard]] bool Has(const Digest& digest, Time now) const;
  void Add(const Digest& digest, Time now);
  [[nodiscard]] std::size_t Size() const { return order_.size(); }

 private:
  void ForgetOldest();

  Keys keys_;
  const std::size_t max_;
  const Duration lifetime_;
  std::list<std::pair<Digest, Time>> order_;  // the oldest first
  std::map<Digest, std::list<std::pair<Digest, Time>>::iterator> places_;
};

}  // namespace preforkd::http

#endif
