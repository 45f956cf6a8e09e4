// Where the modules of these tests are: beside each other in the runfiles of Bazel, where a test runs.
#ifndef PREFORKD_TESTS_MODULE_PATHS_H_
#define PREFORKD_TESTS_MODULE_PATHS_H_

#include <string>

namespace preforkd::testing {

inline std::string ModulePath(const std::string& name) { return "tests/module/" + name + ".so"; }

}  // namespace preforkd::testing

#endif
