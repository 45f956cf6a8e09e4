#include "common/process/preload_area.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "common/base/sys_error.h"

namespace preforkd {
namespace {

constexpr const char* kName = "preforkd-preload";

// Above RLIMIT_FSIZE ftruncate(2) sends a signal besides its error.
Status Resize(const UniqueFd& file, std::size_t size) {
  const auto before = ::signal(SIGXFSZ, SIG_IGN);
  const bool sized = ::ftruncate(file.Get(), static_cast<off_t>(size)) == 0;
  const int why = errno;
  (void)::signal(SIGXFSZ, before);
  return sized ? Status() : SysErrorOf(why, "ftruncate", kName);
}

}  // namespace

std::size_t WholePages(std::uint64_t bytes) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return static_cast<std::size_t>((bytes + page - 1) / page * page);
}

Result<std::unique_ptr<PreloadArea>> PreloadArea::Create(std::uint64_t max) {
  const std::size_t size = WholePages(std::max<std::uint64_t>(max, 1));
  UniqueFd file(::memfd_create(kName, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.Valid()) return SysError("memfd_create", kName);
  if (const Status status = Resize(file, size); !status.Ok()) return status.Err();
  void* const base = ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return SysError("mmap", kName);
  return std::unique_ptr<PreloadArea>(new PreloadArea(std::move(file), static_cast<std::byte*>(base), size));
}

PreloadArea::~PreloadArea() { (void)::munmap(base_, reserved_); }

Result<std::span<std::byte>> PreloadArea::MapToFill() const {
  if (::mmap(base_, reserved_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, file_.Get(),
             0) == MAP_FAILED) {
    return SysError("mmap", kName);
  }
  return std::span<std::byte>(base_, reserved_);
}

Status PreloadArea::Seal(PreloadReport report) {
  if (report.used == 0 || report.used > reserved_ || report.root >= report.used) {
    return Error{"says what cannot be true of the memory that it was given"};
  }
  const std::size_t size = WholePages(report.used);
  if (Status status = Resize(file_, size); !status.Ok()) return status;
  // The kernel refuses the seal while any process can write to the file.
  if (::fcntl(file_.Get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
    if (errno == EBUSY) return Error{"has left a process behind that can still write to its data", EBUSY};
    return SysError("fcntl", "F_ADD_SEALS");
  }
  // The addresses behind the data count for RLIMIT_AS of every child.
  if (size < reserved_) (void)::munmap(base_ + size, reserved_ - size);
  reserved_ = size;
  report_ = std::move(report);
  return {};
}

Status PreloadArea::MapToUse() const {
  // Without MAP_NORESERVE the kernel would account each worker for a copy of all of it.
  if (::mmap(base_, reserved_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, file_.Get(),
             0) == MAP_FAILED) {
    return SysError("mmap", kName);
  }
  return {};
}

}  // namespace preforkd
