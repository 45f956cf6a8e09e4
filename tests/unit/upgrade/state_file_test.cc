// The state between two programs, as a file without a name.
#include "master/upgrade/state/state_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

namespace preforkd::testing {

TEST_CASE("a written state can be read repeatedly, and cannot be changed") {
  const std::string bytes = std::string("state\0with\xff everything", 22) + std::string(300'000, 'x');
  const Result<UniqueFd> file = WriteStateFile(bytes);
  REQUIRE(file.Ok());
  for (int i = 0; i < 2; ++i) {
    const Result<std::string> read = ReadStateFile(file.Value().Get());
    REQUIRE(read.Ok());
    CHECK(read.Value() == bytes);
  }
  CHECK(::pwrite(file.Value().Get(), "y", 1, 0) < 0);
  CHECK(::ftruncate(file.Value().Get(), 0) < 0);
  CHECK((::fcntl(file.Value().Get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("an empty one too") {
  const Result<UniqueFd> file = WriteStateFile("");
  REQUIRE(file.Ok());
  CHECK(ReadStateFile(file.Value().Get()).Value().empty());
}

TEST_CASE("another kind of file is refused without blocking") {
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  CHECK_FALSE(ReadStateFile(null.Get()).Ok());
  CHECK_FALSE(ReadStateFile(-1).Ok());
  CHECK_FALSE(ReadStateFile(9999).Ok());
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const UniqueFd in(ends[0]);
  const UniqueFd out(ends[1]);
  CHECK_FALSE(ReadStateFile(in.Get()).Ok());
}

}  // namespace preforkd::testing
