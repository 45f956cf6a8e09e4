// Descriptors and timers that a program inherits through exec and must not keep.
#include "master/system/leftovers.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/unique_fd.h"

namespace preforkd::testing {

TEST_CASE("descriptors beyond the passed sockets are found and closed") {
  UniqueFd file(::open("/dev/null", O_RDONLY));
  UniqueFd high(::fcntl(file.Get(), F_DUPFD, 200));
  REQUIRE(high.Valid());
  const std::vector<int> all = FindLeftOpen(0);
  CHECK(std::is_sorted(all.begin(), all.end()));
  for (const int fd : all) {
    CAPTURE(fd);
    CHECK(fd > STDERR_FILENO);
    CHECK(::fcntl(fd, F_GETFD) >= 0);  // the descriptor of the search itself is not among them
  }
  CHECK(std::count(all.begin(), all.end(), file.Get()) == 1);
  const std::vector<int> behind = FindLeftOpen(197);
  CHECK(behind == std::vector<int>{high.Get()});
  CloseLeftOpen({high.Release()});
  CHECK(FindLeftOpen(197).empty());
  CHECK(::fcntl(file.Get(), F_GETFD) >= 0);
}

TEST_CASE("an alarm that runs is cancelled") {
  (void)::alarm(1000);
  CancelTimers();
  CHECK(::alarm(0) == 0);
}

}  // namespace preforkd::testing
