// TicketPage: the master writes, a forked gate reads and cannot write, a plain child has nothing.
#include "common/gate/ticket_page.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/fork_peer.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

SecretBytes KeyOf(char byte) { return SecretBytes(kTicketKeyBytes, byte); }

TicketPage NewPage() { return std::move(TicketPage::Create()).Value(); }

// The addresses at which this process has the page mapped.
std::vector<std::pair<void*, std::size_t>> Mappings() {
  std::ifstream maps("/proc/self/maps");
  std::vector<std::pair<void*, std::size_t>> found;
  for (std::string line; std::getline(maps, line);) {
    if (line.find("preforkd-tickets") == std::string::npos) continue;
    const std::size_t from = std::stoul(line, nullptr, 16);
    const std::size_t to = std::stoul(line.substr(line.find('-') + 1), nullptr, 16);
    found.emplace_back(reinterpret_cast<void*>(from), to - from);
  }
  return found;
}

enum Exit { kNoMap = 1, kOtherKey, kNoChange, kMayWrite, kHasMapping };

}  // namespace

TEST_CASE("a new page has no key; what is written is read, with its time") {
  TicketPage page = NewPage();
  CHECK(page.Read().empty());
  CHECK(page.MadeAt() == 0);
  page.Write(KeyOf('a'), 1234);
  CHECK((page.Read() == KeyOf('a')));
  CHECK(page.MadeAt() == 1234);
}

TEST_CASE("a gate reads the key, and sees that it changes") {
  TicketPage page = NewPage();
  page.Write(KeyOf('a'), 1);
  const PeerResult result = RunPeer([&] {
    const Result<TicketPage> gate = TicketPage::MapForGate(page.Fd());
    if (!gate.Ok()) return static_cast<int>(kNoMap);
    if (gate.Value().Read() != KeyOf('a')) return static_cast<int>(kOtherKey);
    Result<TicketPage> master = TicketPage::Restore(UniqueFd(::dup(page.Fd())));
    if (!master.Ok()) return static_cast<int>(kNoMap);
    master.Value().Write(KeyOf('b'), 2);
    return gate.Value().Read() == KeyOf('b') && gate.Value().MadeAt() == 2 ? 0 : static_cast<int>(kNoChange);
  });
  CHECK_MESSAGE(result.Ok(), result.Text());
  CHECK((page.Read() == KeyOf('b')));
}

TEST_CASE("a gate never sees half of a key") {
  TicketPage page = NewPage();
  page.Write(KeyOf('a'), 1);
  const PeerResult result = RunPeer([&] {
    const Result<TicketPage> gate = TicketPage::MapForGate(page.Fd());
    if (!gate.Ok()) return static_cast<int>(kNoMap);
    const pid_t writer = ::fork();
    if (writer == 0) {
      Result<TicketPage> mine = TicketPage::Restore(UniqueFd(::dup(page.Fd())));
      for (int i = 0; i < 200'000; ++i) mine.Value().Write(KeyOf(static_cast<char>('a' + i % 20)), i);
      ::_exit(0);
    }
    int code = 0;
    for (int i = 0; i < 200'000 && code == 0; ++i) {
      const SecretBytes key = gate.Value().Read();
      if (!key.empty() && key != KeyOf(key[0])) code = kOtherKey;
    }
    int status = 0;
    ::waitpid(writer, &status, 0);
    return code;
  });
  CHECK_MESSAGE(result.Ok(), result.Text());
}

TEST_CASE("a gate that was taken over cannot write the page") {
  TicketPage page = NewPage();
  page.Write(KeyOf('a'), 1);
  const PeerResult result = RunPeer([&] {
    const Result<TicketPage> gate = TicketPage::MapForGate(page.Fd());
    if (!gate.Ok()) return static_cast<int>(kNoMap);
    for (const auto& [place, size] : Mappings())
      if (::mprotect(place, size, PROT_READ | PROT_WRITE) == 0) return static_cast<int>(kMayWrite);
    return Mappings().size() == 1 ? 0 : static_cast<int>(kNoMap);
  });
  CHECK_MESSAGE(result.Ok(), result.Text());
}

TEST_CASE("a child that is no gate has no mapping of the master's") {
  TicketPage page = NewPage();
  page.Write(KeyOf('a'), 1);
  CHECK(Mappings().size() == 1);
  const PeerResult result = RunPeer([&] { return Mappings().empty() ? 0 : static_cast<int>(kHasMapping); });
  CHECK_MESSAGE(result.Ok(), result.Text());
}

TEST_CASE("the next program restores the page by its descriptor; anything else is refused") {
  TicketPage page = NewPage();
  page.Write(KeyOf('a'), 7);
  Result<TicketPage> restored = TicketPage::Restore(UniqueFd(::dup(page.Fd())));
  REQUIRE(restored.Ok());
  CHECK((restored.Value().Read() == KeyOf('a')));
  restored.Value().Write(KeyOf('b'), 8);
  CHECK((page.Read() == KeyOf('b')));
  CHECK_FALSE(TicketPage::Restore(UniqueFd()).Ok());
  UniqueFd small(::memfd_create("other", MFD_CLOEXEC));
  CHECK_FALSE(TicketPage::Restore(std::move(small)).Ok());
  UniqueFd zeros(::memfd_create("other", MFD_CLOEXEC));
  REQUIRE(::ftruncate(zeros.Get(), 4096) == 0);
  CHECK_FALSE(TicketPage::Restore(std::move(zeros)).Ok());
}

TEST_CASE("a page whose master was killed while it wrote has no key, and stops nobody") {
  TicketPage page = NewPage();
  page.Write(KeyOf('a'), 7);
  // `turn` is the second word, and odd during a write.
  const std::uint64_t odd = 3;
  REQUIRE(::pwrite(page.Fd(), &odd, sizeof(odd), 8) == sizeof(odd));
  CHECK(page.Read().empty());
  CHECK_FALSE(TicketPage::Restore(UniqueFd(::dup(page.Fd()))).Ok());
}

}  // namespace preforkd::testing
