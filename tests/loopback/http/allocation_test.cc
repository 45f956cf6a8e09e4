// Measured: a keep-alive request in the steady state takes nothing from the heap, and an idle connection
// holds no buffer. This binary counts what operator new is asked for.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <malloc.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <string>

#include "tests/loopback/http/http_bed.h"
#include "worker/access_log.h"
#include "worker/http/http_service_type.h"

namespace {
std::size_t g_allocations = 0;
std::size_t g_live = 0;  // bytes taken and not given back

void* Count(std::size_t size) {
  ++g_allocations;
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  g_live += ::malloc_usable_size(memory);
  return memory;
}

void Free(void* memory) {
  g_live -= ::malloc_usable_size(memory);
  std::free(memory);
}
}  // namespace

void* operator new(std::size_t size) {
  return Count(size);
}
void* operator new[](std::size_t size) {
  return Count(size);
}
void operator delete(void* memory) noexcept {
  Free(memory);
}
void operator delete[](void* memory) noexcept {
  Free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  Free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  Free(memory);
}

namespace preforkd::test {
namespace {

constexpr std::string_view kRequest =
    "GET /file.txt HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: test/1.0\r\nAccept: */*\r\n"
    "Accept-Encoding: gzip, deflate\r\nCookie: a=b; c=d\r\n\r\n";

// Allocations while one request is served, with the client's side outside of the count.
std::size_t AllocationsOfOne(HttpBed& bed, Client& client, std::string_view request) {
  REQUIRE(client.Write(request) == request.size());
  std::size_t count = 0;
  const Time deadline = Now() + std::chrono::seconds(10);
  // Loopback may deliver a long answer in pieces: as many turns as it takes.
  for (bool whole = false; !whole;) {
    const std::size_t before = g_allocations;
    bed.Turn();
    count += g_allocations - before;
    client.Read();
    const auto answers = ParseAnswers(client.Received());
    whole = !answers.empty() && answers.front().status == 200;
    REQUIRE(Now() < deadline);
  }
  client.Forget();
  return count;
}

// Bazel's, or /tmp when the binary is run by hand.
std::filesystem::path TemporaryFolder() {
  const char* folder = std::getenv("TEST_TMPDIR");
  return folder != nullptr ? folder : "/tmp";
}

void CheckSteadyState(HttpBed& bed) {
  const auto client = bed.Connect(SocketKind::kTcp);
  bed.Turn();
  for (int i = 0; i < 10; ++i) AllocationsOfOne(bed, *client, kRequest);
  for (int i = 0; i < 100; ++i) CHECK(AllocationsOfOne(bed, *client, kRequest) == 0);
}

TEST_CASE("a handler's body costs no allocation") {
  HttpBed bed({}, Mirror);
  CheckSteadyState(bed);
}

TEST_CASE("a line of the access log costs no allocation") {
  HttpBed bed({}, Mirror);
  WorkerEnv& env = bed.Env();
  AccessLog log(env.loop, env.id, AccessFormat::kCombined, env.scoreboard.Lines(env.id.slot),
                env.scoreboard.Master().access_lines_dropped);
  log.SetOutput(UniqueFd(::open("/dev/null", O_WRONLY | O_CLOEXEC)));
  env.access = &log;
  CheckSteadyState(bed);
}

TEST_CASE("a small file costs no allocation") {
  const std::filesystem::path root = TemporaryFolder() / "small";
  std::filesystem::create_directories(root);
  std::ofstream(root / "file.txt") << std::string(1000, 'x');
  ServiceConfig config;
  config.root = root;
  HttpBed bed(config, HttpServiceType());
  CheckSteadyState(bed);
}

TEST_CASE("a long file costs no allocation") {
  const std::filesystem::path root = TemporaryFolder() / "long";
  std::filesystem::create_directories(root);
  std::ofstream(root / "file.txt") << std::string(100'000, 'x');
  ServiceConfig config;
  config.root = root;
  HttpBed bed(config, HttpServiceType());
  CheckSteadyState(bed);
}

TEST_CASE("an idle connection holds no buffer, whatever has gone through it") {
  HttpBed bed({}, [](const HttpRequest& request, HttpResponse& response) {
    if (request.path == "/big") response.Body().assign(1'000'000, 'x');
  });
  const auto client = bed.Connect();
  bed.Exchange(*client, kRequest);
  client->Forget();
  const std::size_t before = g_live;
  SUBCASE("half a head") {
    bed.Exchange(*client, "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(10'000, 'y'));
    CHECK(g_live > before + 10'000);
    bed.Exchange(*client, "\r\n\r\n");
  }
  SUBCASE("half a body") {
    bed.Exchange(*client,
                 "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n" + std::string(9'999, 'y'));
    CHECK(g_live > before + 9'000);
    bed.Exchange(*client, "y");
  }
  SUBCASE("an answer that had to wait") {
    client->Write("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    bed.Turn();
    CHECK(g_live > before + 500'000);
    CHECK(bed.Until([&] {
      client->Read();
      return bed.Last().GetSession().TravelRefusal() == nullptr;
    }));
  }
  client->Forget();
  CHECK(g_live < before + 1000);
}

}  // namespace
}  // namespace preforkd::test
