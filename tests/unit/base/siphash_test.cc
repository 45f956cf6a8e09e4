// SipHash-2-4, against the vectors of its authors (siphash.c of the reference implementation, key 00 01 ..
// 0f).
#include "common/structures/siphash.h"

#include <doctest/doctest.h>

#include <string>

namespace preforkd::testing {

TEST_CASE("the vectors of the paper and of the reference implementation") {
  constexpr SipKey kKey = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::string bytes;
  CHECK(SipHash(kKey, bytes) == 0x726fdb47dd0e0e31);  // 31 0e 0e dd 47 db 6f 72
  for (char c = 0; c < 15; ++c) bytes.push_back(c);
  CHECK(SipHash(kKey, bytes.substr(0, 1)) == 0x74f839c593dc67fd);  // fd 67 dc 93 c5 39 f8 74
  CHECK(SipHash(kKey, bytes.substr(0, 8)) == 0x93f5f5799a932462);  // 62 24 93 9a 79 f5 f5 93
  CHECK(SipHash(kKey, bytes) == 0xa129ca6149be45e5);               // the paper, appendix A
}

TEST_CASE("another key, another hash") {
  CHECK(SipHash({1, 2}, "connection") != SipHash({1, 3}, "connection"));
  CHECK(SipHash({1, 2}, "connection") != SipHash({2, 2}, "connection"));
}

TEST_CASE("random keys differ") {
  SipKey one{};
  SipKey two{};
  REQUIRE(MakeRandom(one));
  REQUIRE(MakeRandom(two));
  CHECK(one != two);
  CHECK(one != SipKey{});
}

}  // namespace preforkd::testing
