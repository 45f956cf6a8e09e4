// CertificateEnds: which certificates and OCSP responses have expired, soon will, or are not valid yet. Pure:
// facts and a time in. CertificateWatch: says so in the log, now and once a day.
#ifndef PREFORKD_MASTER_TLS_CERTIFICATE_ENDS_H_
#define PREFORKD_MASTER_TLS_CERTIFICATE_ENDS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/event/event_loop.h"
#include "common/event/timer.h"
#include "common/gate/certificate_facts.h"

namespace preforkd {

struct CertificateEnd {
  enum class State : std::uint8_t {
    kNotYet,
    kEnds,
    kExpired,
    kStapleExpired,  // its OCSP response
    kRevoked,        // as that says
  };

  std::size_t certificate = 0;  // in the order of the facts
  State state = State::kEnds;
  std::uint32_t position = 1;  // in the chain
  std::int64_t days = 0;       // until it is valid, until it expires, or since it has; rounded down

  [[nodiscard]] bool IsOfStaple() const { return state == State::kStapleExpired || state == State::kRevoked; }
  bool operator==(const CertificateEnd&) const = default;
};

// One that expires in more time is in order.
inline constexpr std::int64_t kWarnDays = 14;

// `now`: seconds since the epoch.
std::vector<CertificateEnd> CertificateEnds(const AllCertificateFacts& facts, std::int64_t now);
// "/etc/site.pem: certificate 1 expires in 3 days".
std::string TextOf(const CertificateEnd& end, const AllCertificateFacts& facts);

// Seconds since the epoch, of the wall clock.
std::int64_t SecondsSinceEpoch();

class CertificateWatch {
 public:
  explicit CertificateWatch(EventLoop& loop, Duration every = std::chrono::hours(24));

  // The certificates that are served from now on; nullptr: none.
  void Watch(std::shared_ptr<const AllCertificateFacts> facts);

 private:
  void Look();

  Duration every_;
  std::shared_ptr<const AllCertificateFacts> facts_;
  Timer timer_;
};

}  // namespace preforkd

#endif
