// The version of the programs that tests upgrade to. It is linked before the library that has the other one,
// so nothing else is compiled again.
#include "common/about/version.h"

namespace preforkd {

constexpr const char* const kVersion = "0.2.1~next";

}  // namespace preforkd
