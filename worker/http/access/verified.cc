#include "worker/http/access/verified.h"

#include <string.h>  // explicit_bzero
#include <iterator>

namespace preforkd::http {

Verified::~Verified() {
  // Without them the digests say nothing.
  ::explicit_bzero(keys_.data(), sizeof(keys_));
}

Verified::Digest Verified::DigestOf(std::string_view both) const {
  return {SipHash(keys_[0], both), SipHash(keys_[1], both)};
}

bool Verified::Has(const Digest& digest, Time now) const {
  const auto place = places_.find(digest);
  return place != places_.end() && now - place->second->second < lifetime_;
}

void Verified::Add(const Digest& digest, Time now) {
  if (const auto place = places_.find(digest); place != places_.end()) {
    place->second->second = now;
    order_.splice(order_.end(), order_, place->second);
    return;
  }
  while (!order_.empty() && (order_.size() >= max_ || now - order_.front().second >= lifetime_))
    ForgetOldest();
  order_.emplace_back(digest, now);
  places_.emplace(digest, std::prev(order_.end()));
}

void Verified::ForgetOldest() {
  places_.erase(order_.front().first);
  order_.pop_front();
}

}  // namespace preforkd::http
