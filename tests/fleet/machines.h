// Machines: network namespaces on one bridge, as if they were machines on one network. Nothing that goes on
// there leaves them.
//
// All is in a mount and a network namespace of this process alone, and those of its children: when the last
// of them ends, by whatever it may be, the kernel takes everything away. Once for the life of the process.
#ifndef PREFORKD_TESTS_FLEET_MACHINES_H_
#define PREFORKD_TESTS_FLEET_MACHINES_H_

#include <string>
#include <vector>

namespace preforkd::testing {

class Machines {
 public:
  // The first call moves the calling process, which must have one thread, to namespaces of its own, where it
  // is the machine 192.0.2.1, with an empty /run. False: that cannot be done here, and nothing has changed.
  // Throws std::runtime_error when ip(8) fails.
  static bool Enter();

  // One more machine, at 192.0.2.(10 + number). Once for each number.
  static void Add(int number);
  static std::string AddressOf(int number);
  // What a command begins with that is to run there, and becomes it by exec.
  static std::vector<std::string> LauncherFor(int number);
};

}  // namespace preforkd::testing

#endif
