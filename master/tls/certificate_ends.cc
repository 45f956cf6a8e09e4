#include "master/tls/certificate_ends.h"

#include <fmt/core.h>

#include <chrono>
#include <utility>

#include "common/base/log.h"

namespace preforkd {
namespace {

using State = CertificateEnd::State;

constexpr std::int64_t kDay = 24 * 60 * 60;

std::string Days(std::int64_t days) {
  if (days == 0) return "less than a day";
  return days == 1 ? "1 day" : fmt::format("{} days", days);
}

const char* StateName(State state) {
  switch (state) {
    case State::kNotYet: return "not_yet_valid";
    case State::kEnds: return "expires";
    case State::kExpired: return "expired";
    case State::kStapleExpired: return "staple_expired";
    case State::kRevoked: return "revoked";
  }
  return "?";
}

}  // namespace

std::vector<CertificateEnd> CertificateEnds(const AllCertificateFacts& facts, std::int64_t now) {
  std::vector<CertificateEnd> ends;
  for (std::size_t i = 0; i < facts.size(); ++i) {
    const CertificateFacts& each = facts[i];
    if (each.not_before > now)
      ends.push_back({i, State::kNotYet, each.starts_last, (each.not_before - now) / kDay});
    if (each.not_after < now) {
      ends.push_back({i, State::kExpired, each.ends_first, (now - each.not_after) / kDay});
    } else if (each.not_after - now < kWarnDays * kDay) {
      ends.push_back({i, State::kEnds, each.ends_first, (each.not_after - now) / kDay});
    }
    if (each.staple.empty() || each.staple_ends >= now) continue;
    if (each.staple_ends == 0) {
      ends.push_back({i, State::kRevoked, 1, 0});
    } else {
      ends.push_back({i, State::kStapleExpired, 1, (now - each.staple_ends) / kDay});
    }
  }
  return ends;
}

std::string TextOf(const CertificateEnd& end, const AllCertificateFacts& facts) {
  const std::string which = fmt::format("{}: certificate {}", facts.at(end.certificate).chain, end.position);
  switch (end.state) {
    case State::kNotYet: return fmt::format("{} is not valid yet, for {}", which, Days(end.days));
    case State::kEnds: return fmt::format("{} expires in {}", which, Days(end.days));
    case State::kExpired: return fmt::format("{} expired {} ago", which, Days(end.days));
    case State::kStapleExpired:
      return fmt::format("{}: the OCSP response expired {} ago, and is not sent",
                         facts.at(end.certificate).staple, Days(end.days));
    case State::kRevoked:
      return fmt::format("{}: it says that {} was revoked, and is not sent", facts.at(end.certificate).staple,
                         which);
  }
  return which;
}

std::int64_t SecondsSinceEpoch() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

CertificateWatch::CertificateWatch(EventLoop& loop, Duration every)
    : every_(every), timer_(loop, EventLoop::kPriorityControl, [this] { Look(); }) {}

void CertificateWatch::Watch(std::shared_ptr<const AllCertificateFacts> facts) {
  facts_ = std::move(facts);
  timer_.Cancel();
  if (facts_ != nullptr) Look();
}

void CertificateWatch::Look() {
  timer_.SetAfter(every_);
  for (const CertificateEnd& end : CertificateEnds(*facts_, SecondsSinceEpoch())) {
    log::Warning({log::kCertificateEnds,
                  {{"chain", facts_->at(end.certificate).chain},
                   {"position", end.position},
                   {"state", StateName(end.state)},
                   {"days", end.days}}},
                 "{}", TextOf(end, *facts_));
  }
}

}  // namespace preforkd
