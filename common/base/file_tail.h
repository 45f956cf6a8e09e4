// The end of a file to which several processes append whole lines: checks that the last line is whole, and
// removes a line of which a full disk took only a part. The descriptor must be readable; otherwise these
// functions do nothing.
#ifndef PREFORKD_COMMON_BASE_FILE_TAIL_H_
#define PREFORKD_COMMON_BASE_FILE_TAIL_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace preforkd {

// Up to `size` bytes from `offset`: fewer at the end of the file, none when it cannot be read.
std::string ReadAt(int fd, std::uint64_t offset, std::size_t size);

// True if the file ends with a line end.
bool EndsWithLine(int fd);

// Call right after `written` was appended: truncates the file by its last `torn` bytes. False, and no change,
// if `written` is not at the end of the file because another process has appended, or if that cannot be
// determined.
bool TakeBack(int fd, std::string_view written, std::size_t torn);

}  // namespace preforkd

#endif
