#include "master/policy/oom_ledger.h"

#include <doctest/doctest.h>

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
constexpr Time kStart = Time{} + std::chrono::hours(1);

}  // namespace

TEST_CASE("a counted kill explains one exit soon after, and no second one") {
  OomLedger ledger;
  ledger.Note(7, kStart);  // from before our start
  CHECK_FALSE(ledger.Claim(kStart));
  ledger.Note(8, kStart + milliseconds(10));
  CHECK(ledger.Claim(kStart + milliseconds(20)));
  CHECK_FALSE(ledger.Claim(kStart + milliseconds(20)));
}

TEST_CASE("several at a time: one each, whether the count is read once or often") {
  OomLedger ledger;
  ledger.Note(0, kStart);
  ledger.Note(2, kStart);
  ledger.Note(2, kStart);
  ledger.Note(3, kStart + milliseconds(1));
  for (int i = 0; i < 3; ++i) CHECK(ledger.Claim(kStart + milliseconds(2)));
  CHECK_FALSE(ledger.Claim(kStart + milliseconds(2)));
}

TEST_CASE("an old kill was another process, also if a new one is counted on top of it") {
  OomLedger ledger;
  ledger.Note(0, kStart);
  ledger.Note(1, kStart);
  CHECK_FALSE(ledger.Claim(kStart + OomLedger::kFresh));
  ledger.Note(2, kStart + 2 * OomLedger::kFresh);
  CHECK(ledger.Claim(kStart + 2 * OomLedger::kFresh));
  CHECK_FALSE(ledger.Claim(kStart + 2 * OomLedger::kFresh));
}

TEST_CASE("a count that goes back belongs to another group: a new base") {
  OomLedger ledger;
  ledger.Note(9, kStart);
  ledger.Note(2, kStart);
  CHECK_FALSE(ledger.Claim(kStart));
  ledger.Note(3, kStart);
  CHECK(ledger.Claim(kStart));
}

}  // namespace preforkd::testing
