#include "master/upgrade/state/secret_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/base/sys_error.h"
#include "common/wire/messages.h"

namespace preforkd {
namespace {

constexpr const char* kName = "preforkd-secrets";
constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

}  // namespace

Result<SecretFile> SecretFile::Create() {
  UniqueFd file(::memfd_create(kName, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.Valid()) return SysError("memfd_create", kName);
  return SecretFile(std::move(file));
}

Status SecretFile::Append(std::span<const char> bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t size = ::write(file_.Get(), bytes.data() + done, bytes.size() - done);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return SysError("write", kName);
    done += static_cast<std::size_t>(size);
  }
  return {};
}

Status SecretFile::Seal() {
  if (::fcntl(file_.Get(), F_ADD_SEALS, kSeals) < 0) return SysError("fcntl", kName);
  return {};
}

Result<ParcelBytes> SecretReader::Next(std::size_t size) {
  if (size > kMaxMessageBytes) return Error{"a saved connection is longer than a message"};
  ParcelBytes bytes(size, true);
  for (std::size_t done = 0; done < size;) {
    const ssize_t part = ::pread(fd_, bytes.Data() + done, size - done, static_cast<off_t>(offset_ + done));
    if (part < 0 && errno == EINTR) continue;
    if (part < 0) return SysError("pread", kName);
    if (part == 0) return Error{"the saved secrets are truncated"};
    done += static_cast<std::size_t>(part);
  }
  offset_ += size;
  return bytes;
}

}  // namespace preforkd
