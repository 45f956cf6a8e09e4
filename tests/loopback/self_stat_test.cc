#include "common/process/self_stat.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <vector>

#include "common/base/unique_fd.h"

namespace preforkd::testing {

TEST_CASE("memory and CPU time of this process") {
  const SelfStat before = ReadSelfStat();
  CHECK(before.rss_bytes > 100'000);
  CHECK(before.virtual_bytes >= before.rss_bytes);
  const std::vector<char> touched(32 << 20, 'x');
  const SelfStat after = ReadSelfStat();
  CHECK(after.rss_bytes >= before.rss_bytes + (30 << 20));
  CHECK(after.cpu_ns > before.cpu_ns);
  CHECK(touched.back() == 'x');
}

TEST_CASE("open descriptors, asked and counted") {
  const auto before = CountOpenDescriptors();
  REQUIRE(before);
  std::vector<UniqueFd> more;
  for (int i = 0; i < 100; ++i) more.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  CHECK(CountOpenDescriptors() == *before + 100);
  // Linux 6.2 and later report the number.
  if (const auto asked = AskOpenDescriptors()) CHECK(asked == *before + 100);
}

}  // namespace preforkd::testing
