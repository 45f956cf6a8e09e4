// The file of a heavy connection: what was stored is loaded, and nothing else is read.
#include "worker/connection/heavy_luggage.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>

#include "common/wire/parcel.h"
#include "tests/support/fd_snapshot.h"
#include "tests/support/fork_peer.h"

namespace preforkd::testing {
namespace {

std::string Text(std::size_t size) {
  std::string text;
  while (text.size() < size) text += std::to_string(text.size()) + ",";
  text.resize(size);
  return text;
}

UniqueFd EmptyFile(std::size_t size) {
  UniqueFd file(::memfd_create("test", MFD_CLOEXEC));
  REQUIRE(::ftruncate(file.Get(), static_cast<off_t>(size)) == 0);
  return file;
}

}  // namespace

TEST_CASE("what was stored is loaded, as often as one likes, and nothing stays open") {
  const FdSnapshot before = FdSnapshot::OfSelf();
  for (const std::size_t size : {0U, 1U, 50'000U, 5'000'000U}) {
    CAPTURE(size);
    const std::string bytes = Text(size);
    const Result<UniqueFd> file = StoreHeavy(bytes);
    REQUIRE(file.Ok());
    CHECK((::fcntl(file.Value().Get(), F_GETFD) & FD_CLOEXEC) != 0);
    for (int i = 0; i < 2; ++i) {
      const Result<std::string> loaded = LoadHeavy(file.Value().Get());
      REQUIRE(loaded.Ok());
      CHECK((loaded.Value() == bytes));
    }
  }
  CHECK(FdSnapshot::OfSelf() == before);
}

TEST_CASE("nothing is read that could wait, or is too large") {
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  const UniqueFd out(pipe[0]);
  const UniqueFd in(pipe[1]);
  CHECK_FALSE(LoadHeavy(out.Get()).Ok());
  CHECK_FALSE(LoadHeavy(UniqueFd(::open("/", O_RDONLY | O_CLOEXEC)).Get()).Ok());
  CHECK_FALSE(LoadHeavy(UniqueFd(::open("/dev/zero", O_RDONLY | O_CLOEXEC)).Get()).Ok());
  CHECK_FALSE(LoadHeavy(-1).Ok());
  CHECK(LoadHeavy(EmptyFile(kMaxHeavyBytes).Get()).Ok());
  CHECK_FALSE(LoadHeavy(EmptyFile(kMaxHeavyBytes + 1).Get()).Ok());
}

TEST_CASE("a limit on file size: it is not stored, and that is an error") {
  const PeerResult result = RunPeer([] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) < 0) return 1;
    if (!StoreHeavy(std::string(1000, 'x')).Ok()) return 2;
    const Result<UniqueFd> file = StoreHeavy(std::string(1001, 'x'));
    return !file.Ok() && file.Err().errnum == EFBIG ? 0 : 3;
  });
  CHECK_MESSAGE(result.Ok(), result.Text());
}

}  // namespace preforkd::testing
