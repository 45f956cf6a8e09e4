// Heavy luggage: the unread bytes of a connection that are too many for a message. They travel in a file in
// memory, which nobody but the two workers reads. The parcel owns it (Parcel::heavy).
#ifndef PREFORKD_WORKER_CONNECTION_HEAVY_LUGGAGE_H_
#define PREFORKD_WORKER_CONNECTION_HEAVY_LUGGAGE_H_

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace preforkd {

// A new file that holds `bytes`. Error: no memory or no descriptor, or a limit on file size.
[[nodiscard]] Result<UniqueFd> StoreHeavy(std::string_view bytes);

// The content of `file`. The worker that made it may have done anything with it: an error if it is not a file
// that can be read at once, or holds more than kMaxHeavyBytes.
[[nodiscard]] Result<std::string> LoadHeavy(int file);

}  // namespace preforkd

#endif
