// The environment of a worker: which names it keeps, and that nothing is left of the others.
#include "worker/process/environment.h"

#include <doctest/doctest.h>

#include <span>
#include <string>

#include "common/process/self_stat.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {

TEST_CASE("a variable is listed by its whole name, or by how its name begins") {
  const std::vector<std::string> names = {"PATH", "LC_*", "lower_1"};
  for (const char* listed : {"PATH=/bin", "PATH=", "LC_ALL=C", "LC_=x", "LC_A=b=c", "lower_1=1"}) {
    CAPTURE(listed);
    CHECK(IsListed(listed, names));
  }
  for (const char* other :
       {"PATHS=/bin", "PAT=x", "LC=C", "XLC_ALL=C", "path=/bin", "PATH", "=PATH", "", "=", "X=PATH"}) {
    CAPTURE(other);
    CHECK_FALSE(IsListed(other, names));
  }
  CHECK(IsListed("ANY=thing", {"*"}));
  CHECK_FALSE(IsListed("=thing", {"*"}));
  CHECK_FALSE(IsListed("PATH=/bin", {}));
}

TEST_CASE("the environment of the kernel is the one that this process was started with") {
  const std::span<char> area = EnvironmentArea();
  REQUIRE_FALSE(area.empty());
  CHECK(std::string(area.data(), area.size()) == ReadFile("/proc/self/environ"));
}

}  // namespace preforkd::testing
