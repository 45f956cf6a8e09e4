// Secret memory: a child has none of it, and freed blocks are wiped.
#include "common/base/secret_memory.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "common/base/secret_bytes.h"

namespace preforkd {
namespace {

bool IsZero(const char* block, std::size_t size) {
  return std::all_of(block, block + size, [](char byte) { return byte == 0; });
}

// Runs `check` in a child. True if it returned true there.
template <typename Check>
bool InChild(Check check) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) ::_exit(check() ? 0 : 1);
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_CASE("a child reads zeros where the parent has secrets") {
  for (const std::size_t size : {std::size_t{1}, std::size_t{300}, std::size_t{70000}}) {
    CAPTURE(size);
    char* const block = AllocateSecret(size);
    std::memset(block, 'k', size);
    CHECK(InChild([&] { return IsZero(block, size); }));
    CHECK(block[size - 1] == 'k');
    FreeSecret(block, size);
  }
}

TEST_CASE("a freed block is wiped, and its memory is used again") {
  std::vector<char*> blocks;
  for (int i = 0; i < 1000; ++i) {
    blocks.push_back(AllocateSecret(300));
    std::memset(blocks.back(), 'k', 300);
  }
  char* const last = blocks.back();
  for (char* const block : blocks) FreeSecret(block, 300);
  // The head of a free block may hold a link to the next one.
  CHECK(IsZero(last + sizeof(void*), 300 - sizeof(void*)));
  std::vector<char*> again;
  for (int i = 0; i < 1000; ++i) again.push_back(AllocateSecret(300));
  const auto used_before = [&](char* block) {
    return std::find(blocks.begin(), blocks.end(), block) != blocks.end();
  };
  CHECK(std::count_if(again.begin(), again.end(), used_before) > 500);
  for (char* const block : again) FreeSecret(block, 300);
}

TEST_CASE("a child that leaves the parent's has secrets of its own, which its children do not have") {
  char* const block = AllocateSecret(300);
  std::memset(block, 'k', 300);
  FreeSecret(AllocateSecret(300), 300);  // its list is in memory that is wiped
  CHECK(InChild([&] {
    LeaveSecretMemory();
    std::vector<char*> own;
    for (int i = 0; i < 1000; ++i) {
      own.push_back(AllocateSecret(300));
      std::memset(own.back(), i % 100 + 1, 300);
    }
    const bool apart = InChild([&] { return IsZero(own.front(), 300); });
    bool kept = true;
    for (int i = 0; i < 1000; ++i) kept = kept && own[static_cast<std::size_t>(i)][299] == i % 100 + 1;
    for (char* const each : own) FreeSecret(each, 300);
    return apart && kept && IsZero(block, 300);
  }));
  CHECK(block[299] == 'k');
  FreeSecret(block, 300);
}

TEST_CASE("secret bytes that shrink or move leave nothing behind") {
  SecretBytes bytes(200, 'k');
  const char* const first = bytes.data();
  SecretBytes moved = std::move(bytes);
  CHECK(moved.data() == first);
  CHECK(moved == SecretBytes(200, 'k'));
}

}  // namespace
}  // namespace preforkd
