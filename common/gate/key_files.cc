#include "common/gate/key_files.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "common/base/sys_error.h"
#include "common/base/whole_io.h"

namespace preforkd {
namespace {

// More than any chain; less than what would fill memory by mistake.
constexpr off_t kMaxFileBytes = off_t{4} << 20;

}  // namespace

KeyFiles::File KeyFiles::OpenFile(const std::string& path) {
  File file;
  if (path.empty()) return file;
  file.path = path;
  // O_NONBLOCK: a FIFO must not stop the master; it is refused when it is read.
  file.fd = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.fd.Valid()) file.errnum = errno;
  return file;
}

KeyFiles::KeyFiles(const TlsConfig& config) : client_ca_(OpenFile(config.client_ca)) {
  for (const CertificateConfig& certificate : config.certificates) {
    certificates_.push_back(
        {OpenFile(certificate.chain), OpenFile(certificate.key), OpenFile(certificate.ocsp)});
  }
}

// From a place of its own: the offset is shared with the master and with other gates.
Result<SecretBytes> KeyFiles::File::Read() const {
  if (path.empty()) return SecretBytes();
  if (!fd.Valid()) return SysErrorOf(errnum, "open", path);
  struct stat facts {};
  if (::fstat(fd.Get(), &facts) < 0) return SysError("fstat", path);
  if (!S_ISREG(facts.st_mode)) return Error{fmt::format("{}: not a file", path)};
  if (facts.st_size > kMaxFileBytes) return Error{fmt::format("{}: larger than 4 MiB", path)};
  SecretBytes bytes(static_cast<std::size_t>(facts.st_size));
  const std::optional<std::size_t> read = ReadAllAt(fd.Get(), bytes);
  if (!read) return SysError("pread", path);
  if (*read < bytes.size()) return Error{fmt::format("{}: became shorter while it was read", path)};
  return bytes;
}

KeyMaterial KeyFiles::ReadAll(std::vector<CertificateProblem>& problems) const {
  KeyMaterial material;
  const auto read = [&](const File& file, CertificatePart part, SecretBytes& into) {
    Result<SecretBytes> bytes = file.Read();
    if (bytes.Ok()) {
      into = std::move(bytes).Value();
    } else {
      const std::size_t number = material.certificates.empty() ? 0 : material.certificates.size() - 1;
      problems.push_back({number, part, bytes.Err().text});
    }
  };
  for (const Certificate& certificate : certificates_) {
    KeyMaterial::Certificate& contents = material.certificates.emplace_back();
    read(certificate.chain, CertificatePart::kChain, contents.chain);
    read(certificate.key, CertificatePart::kKey, contents.key);
    read(certificate.ocsp, CertificatePart::kOcsp, contents.ocsp);
  }
  read(client_ca_, CertificatePart::kClientCa, material.client_ca);
  return material;
}

Result<KeyMaterial> KeyFiles::Read() const {
  std::vector<CertificateProblem> problems;
  KeyMaterial material = ReadAll(problems);
  if (!problems.empty()) return Error{problems.front().text};
  return material;
}

std::size_t KeyFiles::Count() const {
  std::size_t count = client_ca_.fd.Valid() ? 1U : 0U;
  for (const Certificate& certificate : certificates_) {
    for (const File* file : {&certificate.chain, &certificate.key, &certificate.ocsp})
      count += file->fd.Valid() ? 1U : 0U;
  }
  return count;
}

}  // namespace preforkd
