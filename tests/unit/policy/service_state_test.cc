#include "master/policy/service_state.h"

#include <doctest/doctest.h>

#include <initializer_list>

namespace preforkd::testing {

TEST_CASE("degraded: no worker ready or starting; serving again only when one is ready") {
  constexpr auto kServing = ServiceState::kServing;
  constexpr auto kDegraded = ServiceState::kDegraded;
  struct Row {
    ServiceState now;
    std::uint32_t ready;
    std::uint32_t starting;
    ServiceState next;
  };
  for (const Row& row :
       {Row{kServing, 2, 0, kServing}, Row{kServing, 1, 1, kServing},
        Row{kServing, 0, 1, kServing},   // one has ended, its successor is starting
        Row{kServing, 0, 0, kDegraded},  // nothing can be forked, or the back-off runs
        Row{kDegraded, 0, 0, kDegraded}, Row{kDegraded, 0, 2, kDegraded},  // an attempt is not yet a success
        Row{kDegraded, 1, 0, kServing}, Row{kDegraded, 1, 3, kServing}}) {
    CAPTURE(row.ready);
    CAPTURE(row.starting);
    CHECK(NextServiceState(row.now, row.ready, row.starting) == row.next);
  }
}

}  // namespace preforkd::testing
