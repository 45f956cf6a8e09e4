// Which certificates are reported, with which days, and how often.
#include "master/tls/certificate_ends.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <random>
#include <string>

#include "common/base/log.h"
#include "common/base/unique_fd.h"
#include "tests/support/log_oracle.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

using State = CertificateEnd::State;

constexpr std::int64_t kDay = 86400;
constexpr std::int64_t kNow = 1'800'000'000;

AllCertificateFacts One(std::int64_t not_before, std::int64_t not_after) {
  CertificateFacts facts;
  facts.chain = "/etc/a.pem";
  facts.not_before = not_before;
  facts.not_after = not_after;
  facts.starts_last = 2;
  facts.ends_first = 3;
  return {facts};
}

std::string Says(std::int64_t not_before, std::int64_t not_after) {
  const AllCertificateFacts facts = One(kNow + not_before, kNow + not_after);
  std::string text;
  for (const CertificateEnd& end : CertificateEnds(facts, kNow)) text += TextOf(end, facts) + "\n";
  return text;
}

std::string LogIn(int fd) {
  std::string text(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)), '\0');
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

}  // namespace

TEST_CASE("one that is valid for 14 days or more is in order") {
  CHECK(Says(-1, 14 * kDay).empty());
  CHECK(Says(0, 400 * kDay).empty());
  CHECK(CertificateEnds({}, kNow).empty());
}

TEST_CASE("others are reported with the file, the position and the days") {
  CHECK(Says(-1, 14 * kDay - 1) == "/etc/a.pem: certificate 3 expires in 13 days\n");
  CHECK(Says(-1, kDay) == "/etc/a.pem: certificate 3 expires in 1 day\n");
  CHECK(Says(-1, 0) == "/etc/a.pem: certificate 3 expires in less than a day\n");
  CHECK(Says(-1, -1) == "/etc/a.pem: certificate 3 expired less than a day ago\n");
  CHECK(Says(-9 * kDay, -3 * kDay) == "/etc/a.pem: certificate 3 expired 3 days ago\n");
  CHECK(Says(2 * kDay, 90 * kDay) == "/etc/a.pem: certificate 2 is not valid yet, for 2 days\n");
  CHECK(Says(kDay, 5 * kDay) ==
        "/etc/a.pem: certificate 2 is not valid yet, for 1 day\n"
        "/etc/a.pem: certificate 3 expires in 5 days\n");
}

TEST_CASE("an OCSP response that has ended, or says that the certificate was revoked") {
  AllCertificateFacts facts = One(kNow - kDay, kNow + 90 * kDay);
  const auto says = [&](std::int64_t ends) {
    facts[0].staple_ends = ends;
    std::string text;
    for (const CertificateEnd& end : CertificateEnds(facts, kNow)) {
      CHECK(end.IsOfStaple());
      text += TextOf(end, facts);
    }
    return text;
  };
  CHECK(says(0).empty());  // there is none
  facts[0].staple = "/etc/a.ocsp";
  CHECK(says(kNow).empty());
  CHECK(says(kNow - 3 * kDay) == "/etc/a.ocsp: the OCSP response expired 3 days ago, and is not sent");
  CHECK(says(0) == "/etc/a.ocsp: it says that /etc/a.pem: certificate 1 was revoked, and is not sent");
}

TEST_CASE("any times: at most two lines, days are never negative, and only with a reason") {
  std::mt19937_64 random(7);
  std::uniform_int_distribution<std::int64_t> around(-40 * kDay, 40 * kDay);
  for (int i = 0; i < 10000; ++i) {
    const std::int64_t begin = around(random);
    const std::int64_t end = around(random);
    const std::vector<CertificateEnd> found = CertificateEnds(One(kNow + begin, kNow + end), kNow);
    CHECK(found.size() == (begin > 0 ? 1U : 0U) + (end < kWarnDays * kDay ? 1U : 0U));
    for (const CertificateEnd& each : found) {
      CHECK(each.days >= 0);
      CHECK((each.state == State::kNotYet) == (each.position == 2));
    }
  }
}

TEST_CASE("the log has them at once, and again after each interval") {
  const UniqueFd file(::memfd_create("log", MFD_CLOEXEC));
  REQUIRE(file.Valid());
  Result<EventLoop> loop = EventLoop::Create();
  REQUIRE(loop.Ok());
  log::SetOutput(file.Get());
  {
    CertificateWatch watch(loop.Value(), std::chrono::milliseconds(1));
    const auto lines = [&] {
      return EntriesOf(LogIn(file.Get()), "certificate_ends chain=/etc/a.pem position=3 state=expired days=2")
          .size();
    };
    const std::int64_t now = SecondsSinceEpoch();
    watch.Watch(std::make_shared<const AllCertificateFacts>(One(now - 9 * kDay, now - 2 * kDay - 60)));
    CHECK(lines() == 1);
    Timer tick(loop.Value(), EventLoop::kPriorityControl, [] {});
    CHECK(WaitUntil(kTimeout, [&] {
      tick.SetAfter(std::chrono::milliseconds(1));
      return loop.Value().RunOnce().Ok() && lines() >= 4;
    }));
    // Those of a new generation replace them.
    watch.Watch(nullptr);
    const std::size_t before = lines();
    for (int i = 0; i < 5; ++i) {
      tick.SetAfter(std::chrono::milliseconds(2));
      CHECK(loop.Value().RunOnce().Ok());
    }
    CHECK(lines() == before);
  }
  log::SetOutput(STDERR_FILENO);
}

}  // namespace preforkd::testing
