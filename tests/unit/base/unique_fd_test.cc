#include "common/base/unique_fd.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <type_traits>
#include <utility>

#include "tests/support/fd_snapshot.h"
#include "tests/support/fork_peer.h"

namespace preforkd::testing {
namespace {

static_assert(!std::is_copy_constructible_v<UniqueFd>);
static_assert(!std::is_convertible_v<int, UniqueFd>);
static_assert(!std::is_constructible_v<bool, UniqueFd>);
static_assert(std::is_nothrow_move_constructible_v<UniqueFd>);

UniqueFd Open() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }
bool IsOpen(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

}  // namespace

TEST_CASE("it closes once, in its destructor") {
  const FdSnapshot before = FdSnapshot::OfSelf();
  int number = -1;
  {
    const UniqueFd fd = Open();
    number = fd.Get();
    CHECK(fd.Valid());
    CHECK(IsOpen(number));
  }
  CHECK_FALSE(IsOpen(number));
  CHECK(FdSnapshot::OfSelf() == before);
}

TEST_CASE("held descriptors are closed when the hold ends, unless they still have an owner") {
  const FdSnapshot before = FdSnapshot::OfSelf();
  {
    UniqueFd left = Open();
    UniqueFd kept = Open();
    UniqueFd other = Open();
    const int number = left.Get();
    const int others = other.Get();
    HoldOpen({kept.Get(), number});
    left.Reset();
    CHECK_FALSE(left.Valid());
    CHECK(IsOpen(number));
    other.Reset();
    CHECK_FALSE(IsOpen(others));
    EndHold();
    CHECK_FALSE(IsOpen(number));
    CHECK(IsOpen(kept.Get()));
    kept.Reset();
    EndHold();
  }
  CHECK(FdSnapshot::OfSelf() == before);
}

TEST_CASE("a move transfers it; the previous descriptor of the target is closed") {
  const FdSnapshot before = FdSnapshot::OfSelf();
  {
    UniqueFd a = Open();
    const int number = a.Get();
    UniqueFd b = std::move(a);
    CHECK_FALSE(a.Valid());  // NOLINT: a moved-from UniqueFd holds nothing, by contract
    CHECK(b.Get() == number);
    UniqueFd c = Open();
    const int second = c.Get();
    c = std::move(b);
    CHECK_FALSE(IsOpen(second));
    CHECK(c.Get() == number);
    UniqueFd& same = c;
    c = std::move(same);
    CHECK(IsOpen(number));
  }
  CHECK(FdSnapshot::OfSelf() == before);
}

TEST_CASE("a released descriptor is the caller's; reset closes, and keeps errno") {
  UniqueFd fd = Open();
  const int number = fd.Release();
  CHECK_FALSE(fd.Valid());
  CHECK(IsOpen(number));
  UniqueFd again(number);
  errno = E2BIG;
  again.Reset();
  CHECK(errno == E2BIG);
  CHECK_FALSE(IsOpen(number));
  again.Reset();
}

TEST_CASE("0 is a descriptor, -1 is not") {
  UniqueFd zero(0);
  CHECK(zero.Valid());
  CHECK(zero.Release() == 0);
  CHECK_FALSE(UniqueFd().Valid());
  CHECK_FALSE(UniqueFd(-1).Valid());
}

TEST_CASE("a descriptor closed by code that does not own it is a bug, and aborts the program") {
  const PeerResult result = RunPeer([] {
    ::signal(SIGABRT, SIG_DFL);
    ::close(2);  // the expected alert is not shown
    UniqueFd fd = Open();
    ::close(fd.Get());
    fd.Reset();
    return 1;
  });
  CHECK(result.signal == SIGABRT);
}

}  // namespace preforkd::testing
