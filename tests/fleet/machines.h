// Machines: network namespaces on one bridge, like machines on one network. Their traffic stays inside.
//
// Everything is in a mount and a network namespace of this process and its children. When the last of them
// ends, for whatever reason, the kernel removes everything. Once for the life of the process.
#ifndef PREFORKD_TESTS_FLEET_MACHINES_H_
#define PREFORKD_TESTS_FLEET_MACHINES_H_

#include <string>
#include <vector>

namespace preforkd::testing {

class Machines {
 public:
  // The first call moves the calling process, which must have one thread, to namespaces of its own, where it
  // is the machine 192.0.2.1, with an empty /run. False if that is not possible; then nothing has changed.
  // Throws std::runtime_error if ip(8) fails.
  static bool Enter();

  // Adds a machine at 192.0.2.(10 + number). Once for each number.
  static void Add(int number);
  static std::string AddressOf(int number);
  // The first words of a command that is to run there. They become that command by exec.
  static std::vector<std::string> LauncherFor(int number);
};

}  // namespace preforkd::testing

#endif
