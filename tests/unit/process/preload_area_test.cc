// PreloadArea: one process fills it, others read it at the same address, and nobody changes it.
#include "common/process/preload_area.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>

namespace preforkd {
namespace {

// The exit status of `child` in a process of its own; 200: it did not exit.
int InChild(const std::function<int()>& child) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(child());
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 200;
}

std::unique_ptr<PreloadArea> Make(std::uint64_t max) {
  Result<std::unique_ptr<PreloadArea>> area = PreloadArea::Create(max);
  REQUIRE(area.Ok());
  return std::move(area).Value();
}

// Writes "abc" at `root`, and a pointer to it behind.
int Fill(const PreloadArea& area, std::size_t root) {
  const Result<std::span<std::byte>> memory = area.MapToFill();
  if (!memory.Ok()) return 1;
  std::byte* const text = memory.Value().data() + root;
  std::memcpy(text, "abc", 4);
  std::memcpy(text + 8, &text, sizeof(text));
  return 0;
}

// 0: the text is there, by the pointer.
int Look(const PreloadArea& area) {
  if (!area.MapToUse().Ok()) return 1;
  const char* text = nullptr;
  std::memcpy(&text, static_cast<std::byte*>(area.Root()) + 8, sizeof(text));
  return std::strcmp(text, "abc") == 0 ? 0 : 2;
}

}  // namespace

TEST_CASE("pointers into it hold in every process, and what one writes no other sees") {
  const auto area = Make(1 << 20);
  REQUIRE(InChild([&] { return Fill(*area, 5000); }) == 0);
  REQUIRE(area->Seal({5016, 5000, "mark"}).Ok());
  CHECK(area->Size() == 5016);
  CHECK(area->Module() == "mark");
  for (int i = 0; i < 2; ++i) {
    CHECK(InChild([&] {
            const int seen = Look(*area);
            std::memcpy(area->Root(), "xyz", 4);  // its own copy
            return seen;
          }) == 0);
  }
}

TEST_CASE("a sealed one cannot be filled again, nor by a process that is still there") {
  const auto area = Make(4096);
  REQUIRE(InChild([&] { return Fill(*area, 0); }) == 0);
  REQUIRE(area->Seal({16, 0, ""}).Ok());
  CHECK(InChild([&] { return Fill(*area, 0); }) == 1);
  const auto held = Make(4096);
  REQUIRE(Fill(*held, 0) == 0);
  const Status status = held->Seal({16, 0, ""});
  REQUIRE_FALSE(status.Ok());
  CHECK(status.Err().text == "has left a process behind that can still write to its data");
}

TEST_CASE("a report that cannot be true is refused") {
  for (const PreloadReport& report :
       {PreloadReport{0, 0, ""}, PreloadReport{8192, 0, ""}, PreloadReport{100, 100, ""},
        PreloadReport{100, ~std::uint64_t{0}, ""}, PreloadReport{~std::uint64_t{0}, 0, ""}}) {
    CAPTURE(report.used);
    CHECK_FALSE(Make(4096)->Seal(report).Ok());
  }
  CHECK(Make(4097)->Seal({8192, 8191, ""}).Ok());
}

TEST_CASE("more addresses than there are") { CHECK_FALSE(PreloadArea::Create(std::uint64_t{1} << 62U).Ok()); }

}  // namespace preforkd
