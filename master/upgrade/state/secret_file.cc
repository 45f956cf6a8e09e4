#include "master/upgrade/state/secret_file.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <optional>
#include <utility>

#include "common/base/sys_error.h"
#include "common/base/whole_io.h"
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
  if (!WriteAll(file_.Get(), {bytes.data(), bytes.size()})) return SysError("write", kName);
  return {};
}

Status SecretFile::Seal() {
  if (::fcntl(file_.Get(), F_ADD_SEALS, kSeals) < 0) return SysError("fcntl", kName);
  return {};
}

Result<ParcelBytes> SecretReader::Next(std::size_t size) {
  if (size > kMaxMessageBytes) return Error{"a saved connection is longer than a message"};
  ParcelBytes bytes(size, true);
  const std::optional<std::size_t> read = ReadAllAt(fd_, {bytes.Data(), size}, offset_);
  if (!read) return SysError("pread", kName);
  if (*read < size) return Error{"the saved secrets are truncated"};
  offset_ += size;
  return bytes;
}

}  // namespace preforkd
