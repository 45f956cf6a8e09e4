// Credentials that were right: for how long, and how many.
#include "worker/http/access/verified.h"

#include <doctest/doctest.h>

#include <string>

namespace preforkd::http::testing {
namespace {

using std::chrono::seconds;

constexpr Verified::Keys kKeys = {SipKey{1, 2}, SipKey{3, 4}};
const Time kBegin{seconds(1000)};

TEST_CASE("they are known until their time is over") {
  Verified verified(kKeys, 8, seconds(10));
  const Verified::Digest digest = verified.DigestOf("a:b");
  CHECK_FALSE(verified.Has(digest, kBegin));
  verified.Add(digest, kBegin);
  CHECK(verified.Has(digest, kBegin));
  CHECK(verified.Has(verified.DigestOf("a:b"), kBegin + seconds(9)));
  CHECK_FALSE(verified.Has(digest, kBegin + seconds(10)));
  CHECK_FALSE(verified.Has(verified.DigestOf("a:c"), kBegin));
  verified.Add(digest, kBegin + seconds(9));
  CHECK(verified.Has(digest, kBegin + seconds(18)));
  CHECK(verified.Size() == 1);
}

TEST_CASE("the oldest are forgotten for new ones") {
  Verified verified(kKeys, 3, seconds(10));
  const auto digest = [&](int number) { return verified.DigestOf("user:" + std::to_string(number)); };
  for (int i = 0; i < 3; ++i) verified.Add(digest(i), kBegin + seconds(i));
  verified.Add(digest(0), kBegin + seconds(3));  // is the newest again
  verified.Add(digest(3), kBegin + seconds(4));
  CHECK(verified.Size() == 3);
  CHECK(verified.Has(digest(0), kBegin + seconds(4)));
  CHECK_FALSE(verified.Has(digest(1), kBegin + seconds(4)));
  CHECK(verified.Has(digest(2), kBegin + seconds(4)));
  CHECK(verified.Has(digest(3), kBegin + seconds(4)));
  verified.Add(digest(9), kBegin + seconds(60));
  CHECK(verified.Size() == 1);
}

TEST_CASE("both keys matter, each in its half") {
  const Verified one(kKeys, 1, seconds(1));
  const Verified first({SipKey{9, 2}, SipKey{3, 4}}, 1, seconds(1));
  const Verified second({SipKey{1, 2}, SipKey{3, 9}}, 1, seconds(1));
  CHECK(one.DigestOf("a:b")[0] != first.DigestOf("a:b")[0]);
  CHECK(one.DigestOf("a:b")[1] == first.DigestOf("a:b")[1]);
  CHECK(one.DigestOf("a:b")[0] == second.DigestOf("a:b")[0]);
  CHECK(one.DigestOf("a:b")[1] != second.DigestOf("a:b")[1]);
  CHECK(one.DigestOf("a:b")[0] != one.DigestOf("a:b")[1]);
}

}  // namespace
}  // namespace preforkd::http::testing
