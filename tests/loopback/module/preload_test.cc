// The arena of a preload, what a preload may return, and what the service sees of it.
#include "worker/module/host/preload.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdio>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/loopback/module/module_bed.h"
#include "worker/module/host_table.h"

namespace preforkd::testing {
namespace {

struct alignas(4096) Page {
  std::byte bytes[4096];
};

std::span<std::byte> MemoryOf(std::vector<Page>& pages) { return std::as_writable_bytes(std::span(pages)); }

std::uintptr_t Number(const void* place) { return reinterpret_cast<std::uintptr_t>(place); }

}  // namespace

TEST_CASE("the arena gives out what is aligned, in it, and nowhere twice: 10^5 random requests") {
  std::mt19937 random(17);
  std::vector<Page> pages(16);
  int rounds = 0;
  for (int i = 0; i < 100'000; ++rounds) {
    pfd_arena arena(MemoryOf(pages));
    std::uintptr_t end = Number(pages.data());
    for (; i < 100'000; ++i) {
      const std::size_t size = random() % 600;
      const std::size_t align = std::size_t{1} << random() % 13U;
      const void* place = arena.Allocate(size, align);
      if (place == nullptr) break;
      REQUIRE(Number(place) % align == 0);
      REQUIRE(Number(place) >= end);
      end = Number(place) + std::max<std::size_t>(size, 1);
      REQUIRE(end <= Number(pages.data() + pages.size()));
      REQUIRE(arena.Used() == end - Number(pages.data()));
      REQUIRE(arena.Holds(place));
      REQUIRE(arena.OffsetOf(place) == Number(place) - Number(pages.data()));
    }
    REQUIRE((arena.Overrun() || i == 100'000));
  }
  CHECK(rounds > 10);
}

TEST_CASE("the arena refuses what it cannot give") {
  std::vector<Page> pages(2);
  pfd_arena arena(MemoryOf(pages));
  CHECK(arena.Allocate(1, 0) == nullptr);
  CHECK(arena.Allocate(1, 3) == nullptr);
  CHECK(arena.Allocate(1, 8192) == nullptr);
  CHECK_FALSE(arena.Overrun());
  CHECK(arena.Allocate(SIZE_MAX, 1) == nullptr);
  CHECK(arena.Overrun());
  CHECK(arena.Allocate(8192, 1) == pages.data());
  CHECK(arena.Allocate(1, 1) == nullptr);
  CHECK_FALSE(arena.Holds(pages.data() + 2));
}

TEST_CASE("a service without a preload sees none") {
  FakeModule fake;
  ModuleBed bed(fake);
  std::size_t size = 5;
  CHECK(module::HostPreloaded(bed.State(), &size) == nullptr);
  CHECK(size == 0);
  CHECK(module::HostPreloaded(bed.State(), nullptr) == nullptr);
}

}  // namespace preforkd::testing
