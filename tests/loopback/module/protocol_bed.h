// What the tests of protocols share.
#ifndef PREFORKD_TESTS_LOOPBACK_MODULE_PROTOCOL_BED_H_
#define PREFORKD_TESTS_LOOPBACK_MODULE_PROTOCOL_BED_H_

#include <cstddef>

#include "tests/loopback/module/module_bed.h"

namespace preforkd::testing {

inline constexpr std::size_t kLarge = 4'000'000;  // more than a socket takes at once

// A module for lines: each is sent back.
inline FakeModule Echo() {
  FakeModule module;
  module.bytes = EchoLines;
  return module;
}

inline bool AwaitEnd(ModuleBed& bed, Client& client) {
  return bed.Http().Until([&] {
    client.Read();
    return client.Ended();
  });
}

}  // namespace preforkd::testing

#endif
