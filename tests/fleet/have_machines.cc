#include "tests/fleet/have_machines.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/fleet/balancer.h"
#include "tests/fleet/machines.h"

namespace preforkd::testing {

bool HaveMachines() {
  static const bool have = [] {
    if (!Balancer::IsInstalled() || !Machines::Enter()) return false;
    for (int number = 1; number <= kNodes; ++number) Machines::Add(number);
    return true;
  }();
  if (have) return true;
  if (std::getenv("TESTS_MAY_NOT_SKIP") != nullptr)
    FAIL("no namespaces or no HAProxy, and here no test is skipped");
  MESSAGE("skipped: needs root, network namespaces, and the packages haproxy and iproute2");
  return false;
}

}  // namespace preforkd::testing
