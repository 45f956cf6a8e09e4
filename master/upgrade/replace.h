// The moment of an upgrade: this process becomes another program, with what is open under the same numbers.
//
// Everything is close-on-exec in this tree, always; only here, and only from now to the exec, some of it is
// not.
#ifndef PREFORKD_MASTER_UPGRADE_REPLACE_H_
#define PREFORKD_MASTER_UPGRADE_REPLACE_H_

#include <string>
#include <vector>

#include "common/base/result.h"
#include "master/upgrade/state/upgrade_state.h"

namespace preforkd {

// Sets or clears close-on-exec of all. Error: the first that is not open; the others are done all the same.
Status SetCloseOnExec(const std::vector<int>& fds, bool on);

// Becomes the program at `path`, which is given `words` (the program's name first) and the order to adopt
// `state`. Every signal stays blocked until it can receive them. Returns only when that could not be: then
// nothing has changed.
Error ReplaceProgram(const std::string& path, const std::vector<std::string>& words,
                     const UpgradeState& state);

}  // namespace preforkd

#endif
