// HaveMachines: whether the tests of this folder can run here.
#ifndef PREFORKD_TESTS_FLEET_HAVE_MACHINES_H_
#define PREFORKD_TESTS_FLEET_HAVE_MACHINES_H_

namespace preforkd::testing {

inline constexpr int kNodes = 3;  // those of the shipped configurations of HAProxy

// Makes kNodes machines, once. False, with a message, if this cannot be done here. In CI that fails the test.
bool HaveMachines();

}  // namespace preforkd::testing

#endif
