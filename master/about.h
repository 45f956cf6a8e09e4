// What preforkd says of itself with --version --verbose.
#ifndef PREFORKD_MASTER_ABOUT_H_
#define PREFORKD_MASTER_ABOUT_H_

#include <string>

#include "common/process/program.h"

namespace preforkd {

// Ends with a newline.
std::string AboutProgram(const Program& program);

}  // namespace preforkd

#endif
