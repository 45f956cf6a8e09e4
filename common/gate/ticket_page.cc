#include "common/gate/ticket_page.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <string>

#include "common/base/check.h"
#include "common/base/sys_error.h"

namespace preforkd {
namespace {

constexpr const char* kName = "preforkd-tickets";
constexpr std::uint64_t kMagic = 0x70663274696b6574;  // also the version of the layout
constexpr std::size_t kWords = kTicketKeyBytes / sizeof(std::uint64_t);
constexpr std::size_t kPageBytes = 4096;
constexpr int kReads = 1000;  // a write takes less time than one read

}  // namespace

// `turn` is odd while the master writes. All words are atomic, so a reader that meets a change has no data
// race, and reads again.
struct TicketPage::Layout {
  std::atomic<std::uint64_t> magic;
  std::atomic<std::uint64_t> turn;
  std::atomic<std::int64_t> made_at;
  std::array<std::atomic<std::uint64_t>, kWords> key;
};

Result<TicketPage> TicketPage::Create() {
  UniqueFd file(::memfd_create(kName, MFD_CLOEXEC));
  if (!file.Valid()) return SysError("memfd_create", kName);
  if (::ftruncate(file.Get(), kPageBytes) < 0) return SysError("ftruncate", kName);
  Result<TicketPage> page = Map(std::move(file));
  if (page.Ok()) page.Value().page_->magic = kMagic;
  return page;
}

Result<TicketPage> TicketPage::Restore(UniqueFd file) {
  struct stat facts {};
  if (::fstat(file.Get(), &facts) < 0) return SysError("fstat", kName);
  if (facts.st_size != static_cast<off_t>(kPageBytes)) return Error{"the saved ticket key has another size"};
  Result<TicketPage> page = Map(std::move(file));
  if (page.Ok() && page.Value().page_->magic != kMagic)
    return Error{"the saved ticket key has another layout"};
  if (page.Ok() && page.Value().page_->turn % 2 != 0) return Error{"the saved ticket key was being written"};
  return page;
}

// Opened again for reading: with the master's descriptor, which may write, a gate that was taken over could
// make its mapping writable, and choose the key of all gates.
Result<TicketPage> TicketPage::MapForGate(int file) {
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  const UniqueFd reading(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!reading.Valid()) return SysError("open", path);
  void* const place = ::mmap(nullptr, kPageBytes, PROT_READ, MAP_SHARED, reading.Get(), 0);
  if (place == MAP_FAILED) return SysError("mmap", kName);
  TicketPage page(UniqueFd(), static_cast<Layout*>(place));
  if (::madvise(place, kPageBytes, MADV_DONTDUMP) < 0) return SysError("madvise", kName);
  return page;
}

Result<TicketPage> TicketPage::Map(UniqueFd file) {
  void* const place = ::mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.Get(), 0);
  if (place == MAP_FAILED) return SysError("mmap", kName);
  TicketPage page(std::move(file), static_cast<Layout*>(place));
  // A child must not have it, and no core either.
  if (::madvise(place, kPageBytes, MADV_DONTFORK) < 0 || ::madvise(place, kPageBytes, MADV_DONTDUMP) < 0)
    return SysError("madvise", kName);
  return page;
}

TicketPage::~TicketPage() {
  if (page_ != nullptr) ::munmap(page_, kPageBytes);
}

void TicketPage::Write(const SecretBytes& key, std::int64_t made_at) {
  PF_CHECK(key.size() == kTicketKeyBytes, "a ticket key of another size");
  page_->turn.fetch_add(1, std::memory_order_acq_rel);
  for (std::size_t i = 0; i < kWords; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, key.data() + i * sizeof(word), sizeof(word));
    page_->key[i].store(word, std::memory_order_release);
  }
  page_->made_at.store(made_at, std::memory_order_release);
  page_->turn.fetch_add(1, std::memory_order_release);
}

SecretBytes TicketPage::Read() const {
  SecretBytes key(kTicketKeyBytes);
  // Bounded: a master that was killed while it wrote leaves the page as it is.
  for (int turns = 0; turns < kReads; ++turns) {
    const std::uint64_t turn = page_->turn.load(std::memory_order_acquire);
    if (turn == 0) return {};
    for (std::size_t i = 0; i < kWords; ++i) {
      const std::uint64_t word = page_->key[i].load(std::memory_order_acquire);
      std::memcpy(key.data() + i * sizeof(word), &word, sizeof(word));
    }
    if (turn % 2 == 0 && page_->turn.load(std::memory_order_acquire) == turn) return key;
  }
  return {};
}

std::int64_t TicketPage::MadeAt() const { return page_->made_at.load(std::memory_order_acquire); }

}  // namespace preforkd
