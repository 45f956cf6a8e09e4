// The end of a file to which several processes append whole lines: a look at it, and the repair of a line of
// which a full disk took a part only. Needs a descriptor that may read, and says so by doing nothing.
#ifndef PREFORKD_COMMON_BASE_FILE_TAIL_H_
#define PREFORKD_COMMON_BASE_FILE_TAIL_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace preforkd {

// `size` bytes from `offset` on; fewer at the end of the file, none when it cannot be read.
std::string ReadAt(int fd, std::uint64_t offset, std::size_t size);

// The file ends with a whole line.
bool EndsWithLine(int fd);

// We have just written `written`, and its last `torn` bytes should not be there: takes these back. False, and
// no change, when it is not the end of the file, because others have written behind it, or when that cannot
// be seen.
bool TakeBack(int fd, std::string_view written, std::size_t torn);

}  // namespace preforkd

#endif
