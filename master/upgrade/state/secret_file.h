// The secrets between two programs: the messages of saved connections that hold TLS keys, in a memfd beside
// the saved state. The state itself is text, is decoded with many copies, and is shown to the check of the
// new program, which runs code of users in its children. These bytes go from secret memory to secret memory.
#ifndef PREFORKD_MASTER_UPGRADE_STATE_SECRET_FILE_H_
#define PREFORKD_MASTER_UPGRADE_STATE_SECRET_FILE_H_

#include <cstddef>
#include <span>
#include <utility>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/wire/parcel_bytes.h"

namespace preforkd {

// Owns the memfd. The kernel frees its memory with the last descriptor.
class SecretFile {
 public:
  // Error: no memory, or a limit on file size.
  static Result<SecretFile> Create();

  [[nodiscard]] int Fd() const { return file_.Get(); }  // borrowed; close-on-exec
  Status Append(std::span<const char> bytes);
  // Nobody can write to it any more, through any descriptor.
  Status Seal();

 private:
  explicit SecretFile(UniqueFd file) : file_(std::move(file)) {}

  UniqueFd file_;
};

// Reads what was appended, in order.
class SecretReader {
 public:
  // `fd` is borrowed; -1: there is no file, and reading fails.
  explicit SecretReader(int fd) : fd_(fd) {}
  // The next `size` bytes, in secret memory. Error: there are fewer.
  Result<ParcelBytes> Next(std::size_t size);

 private:
  int fd_;
  std::size_t offset_ = 0;
};

}  // namespace preforkd

#endif
