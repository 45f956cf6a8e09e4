// Measured: in the steady state neither a keep-alive request nor a whole short connection takes anything from
// the heap, and an idle connection holds no buffer. This binary counts the calls of operator new.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "common/wire/codec.h"
#include "master/accept/listener.h"
#include "master/dispatch/dispatcher.h"
#include "tests/loopback/http/http_bed.h"
#include "tests/support/costs.h"
#include "tests/support/heap_count.h"
#include "tests/unit/http/place_bed.h"
#include "worker/connection/access_log.h"
#include "worker/services/http_service_type.h"
#include "worker/services/status_service.h"

namespace preforkd::testing {
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
    const std::size_t before = Heap().allocations;
    bed.Turn();
    count += Heap().allocations - before;
    client.Read();
    const auto answers = ParseAnswers(client.Received());
    whole = !answers.empty() && answers.front().status == 200;
    REQUIRE(Now() < deadline);
  }
  client.Forget();
  return count;
}

// The master's side of a bed, as far as a short connection uses it.
class Front {
 public:
  explicit Front(HttpBed& bed)
      : bed_(bed),
        row_(bed.Env().scoreboard.Use(Slot{0})),
        ledger_(bed.Env().scoreboard.Master()),
        channel_(SlotChannel::Create(ledger_, row_, kWireVersion).Value()),
        dispatcher_(bed.Env().loop, bed.Env().scoreboard.Master(), bed.Env().scoreboard.UsePool(kMainPool),
                    ledger_, {[](bool) {}, [] {}}) {
    DispatchConfig dispatch;
    dispatch.reclaim_after =
        std::chrono::seconds(10);  // no slot counts as stuck here, however busy the machine is
    dispatcher_.Configure(dispatch);
    dispatcher_.AddSlot(Slot{0}, channel_);
    ListenConfig config;
    config.address = ParseListenAddress("127.0.0.1:0").Value();
    Listener::Sink sink{[this](PackedParcel&& parcel) { dispatcher_.SubmitAccepted(std::move(parcel)); },
                        [this] { dispatcher_.Flush(); },
                        [this] { return ConnId{++last_id_}; },
                        [](std::size_t wanted) { return wanted; },
                        [] { return false; },
                        [](int) {}};
    listener_ = Listener::Open(bed.Env().loop, config, ListenerId{0}, std::move(sink)).Value();
    listener_->SetAccepting(true);
    address_ = ParseListenAddress(listener_->BoundText()).Value().address;
  }

  // One connection from its first byte to its last. Returns the allocations of the server's side.
  std::size_t AllocationsOfOne(std::string_view request) {
    Client client(UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    REQUIRE(::connect(client.Fd(), address_.Get(), address_.length) == 0);
    REQUIRE(client.Write(request) == request.size());
    const std::size_t before = Heap().allocations;
    while (row_.Queued() == 0) bed_.Turn();
    Take();
    const std::size_t count = Heap().allocations - before;
    CHECK(bed_.Live() == 0);
    while (!client.Ended()) client.Read();
    CHECK(ParseAnswers(client.Received()).front().status == 200);
    return count;
  }

 private:
  // As a worker does.
  void Take() {
    Reception<MasterToWorker> reception = ChannelEnd(channel_.WorkerEnd(), kWireVersion).ReceiveFromMaster();
    REQUIRE(reception.outcome == Heard::kMessage);
    Tally tally(row_, bed_.Env().scoreboard.Master().load_marks, Slot{0});
    tally.Taken();
    bed_.Serve(std::move(std::get<HandOver>(*reception.message).parcel));
    tally.Finished();
  }

  HttpBed& bed_;
  WorkerRow& row_;
  Ledger ledger_;
  SlotChannel channel_;
  Dispatcher dispatcher_;
  std::unique_ptr<Listener> listener_;
  SocketAddress address_;
  std::uint64_t last_id_ = 0;
};

// Bazel's, or /tmp when the binary is run by hand.
std::filesystem::path TemporaryFolder() {
  const char* folder = std::getenv("TEST_TMPDIR");
  return folder != nullptr ? folder : "/tmp";
}

void CheckSteadyState(HttpBed& bed) {
  const auto client = bed.Connect(SocketKind::kTcp);
  bed.Turn();
  for (int i = 0; i < 10; ++i) AllocationsOfOne(bed, *client, kRequest);
  for (int i = 0; i < 100; ++i) CHECK(AllocationsOfOne(bed, *client, kRequest) <= kAllocationsOfKeptRequest);
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

#ifndef PREFORKD_SANITIZED  // with the sanitizers no memory is recycled
TEST_CASE(
    "a body that arrives after its head costs its memory, the bytes of its head and the list of its fields") {
  HttpBed bed({}, Mirror);
  const auto client = bed.Connect(SocketKind::kTcp);
  const std::string head =
      "POST /path HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nContent-Length: 100\r\n\r\n";
  for (int i = 0; i < 20; ++i) {
    REQUIRE(client->Write(head) == head.size());
    const std::size_t before = Heap().allocations;
    do bed.Turn();
    while (bed.Last().GetSession().TravelRefusal() == nullptr);
    const std::size_t for_head = Heap().allocations - before;
    const std::size_t for_body = AllocationsOfOne(bed, *client, std::string(100, 'x'));
    if (i >= 10) CHECK(for_head + for_body <= 3);
  }
}

TEST_CASE("a short connection costs no allocation: accepted, handed over, taken, answered, closed") {
  HttpBed bed({}, Mirror);
  Front front(bed);
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  for (int i = 0; i < 10; ++i) front.AllocationsOfOne(request);
  for (int i = 0; i < 100; ++i) CHECK(front.AllocationsOfOne(request) <= kAllocationsOfShortConnection);
}
#endif

TEST_CASE("a small file costs no allocation") {
  const std::filesystem::path root = TemporaryFolder() / "small";
  std::filesystem::create_directories(root);
  std::ofstream(root / "file.txt") << std::string(1000, 'x');
  HttpBed bed({{"root", root}}, HttpServiceType());
  CheckSteadyState(bed);
}

TEST_CASE("neither a compressed sibling nor the search for one costs an allocation") {
  const std::filesystem::path root = TemporaryFolder() / "siblings";
  std::filesystem::create_directories(root);
  std::ofstream(root / "file.txt") << std::string(1000, 'x');
  SUBCASE("there is one") { std::ofstream(root / "file.txt.gz") << std::string(100, 'x'); }
  SUBCASE("there is none") { std::filesystem::remove(root / "file.txt.gz"); }
  HttpBed bed({{"root", root}, {"precompressed", "br, zstd, gzip"}}, HttpServiceType());
  CheckSteadyState(bed);
}

TEST_CASE("an answer that is compressed with gzip costs no allocation") {
  HttpSettings settings;
  settings.compress.codings.Add(http::Coding::kGzip);
  HttpBed bed(settings, [](const HttpRequest&, HttpResponse& response) {
    response.SetContentType("text/plain");
    response.Body().assign(5000, 'x');
  });
  CheckSteadyState(bed);
}

TEST_CASE("a long file costs no allocation") {
  const std::filesystem::path root = TemporaryFolder() / "long";
  std::filesystem::create_directories(root);
  std::ofstream(root / "file.txt") << std::string(100'000, 'x');
  HttpBed bed({{"root", root}}, HttpServiceType());
  CheckSteadyState(bed);
}

TEST_CASE("a place costs no allocation") {
  const std::filesystem::path root = TemporaryFolder() / "placed";
  std::filesystem::create_directories(root);
  std::ofstream(root / "file.txt") << std::string(1000, 'x');
  std::vector<SettingsTable> tables = {
      HostTable("*.example.org", {}), LocationTable("/other", {{"denied", "404"}}),
      HostTable("localhost", {{"header", "X-One: 1, X-Two: 2"}},
                {LocationTable("/", {{"root", root}, {"cache_control", "max-age=5"}})})};
  SUBCASE("with files") {
    HttpBed bed({{"root", root}}, HttpServiceType(), tables);
    CheckSteadyState(bed);
  }
  SUBCASE("with a fallback") {
    tables.back().tables = {LocationTable("/", {{"root", root}, {"fallback", "file.txt"}})};
    HttpBed bed({{"root", root}}, HttpServiceType(), tables);
    const auto client = bed.Connect(SocketKind::kTcp);
    const std::string request = "GET /a/b HTTP/1.1\r\nHost: LOCALHOST:80\r\n\r\n";
    for (int i = 0; i < 10; ++i) AllocationsOfOne(bed, *client, request);
    // The page of the 404 that is not sent.
    for (int i = 0; i < 100; ++i) CHECK(AllocationsOfOne(bed, *client, request) == 0);
  }
}

#ifndef PREFORKD_SANITIZED  // as above
// The most that one request for `path` takes from the heap when the service is warm.
std::size_t CostOfPage(const ServiceType& type, const std::string& path) {
  HttpBed bed({}, type);
  bed.Env().row.state = SlotState::kReady;
  PoolRow& pool = bed.Env().scoreboard.UsePool(kMainPool);
  pool.used = true;
  pool.name.Write("main");
  const auto client = bed.Connect(SocketKind::kTcp);
  bed.Turn();
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: a\r\nUser-Agent: test/1.0\r\n\r\n";
  std::size_t most = 0;
  for (int i = 0; i < 110; ++i) {
    const std::size_t cost = AllocationsOfOne(bed, *client, request);
    if (i >= 10) most = std::max(most, cost);
  }
  return most;
}

TEST_CASE("a page of the server's own costs no allocation, but for what it reports") {
  CHECK(CostOfPage(StatusServiceType(), "/") == 0);
  CHECK(CostOfPage(StatusServiceType(), "/healthz") == 0);
  CHECK(CostOfPage(HttpServiceType(), "/") == 0);
  // The copy of the report that the page owns is one of them.
  CHECK(CostOfPage(StatusServiceType(), "/readyz") <= 2);
  CHECK(CostOfPage(StatusServiceType(), "/metrics") <= 7);
}
#endif

TEST_CASE("an idle connection holds no buffer, whatever has passed through it") {
  HttpBed bed({}, [](const HttpRequest& request, HttpResponse& response) {
    if (request.path == "/big") response.Body().assign(1'000'000, 'x');
  });
  const auto client = bed.Connect();
  bed.Exchange(*client, kRequest);
  client->Forget();
  const std::size_t before = Heap().live;
  SUBCASE("half a head") {
    bed.Exchange(*client, "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(10'000, 'y'));
    CHECK(Heap().live > before + 10'000);
    bed.Exchange(*client, "\r\n\r\n");
  }
  SUBCASE("half a body") {
    bed.Exchange(*client,
                 "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n" + std::string(9'999, 'y'));
    CHECK(Heap().live > before + 9'000);
    bed.Exchange(*client, "y");
  }
  SUBCASE("an answer that had to wait") {
    client->Write("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    bed.Turn();
    CHECK(Heap().live > before + 500'000);
    CHECK(bed.Until([&] {
      client->Read();
      return bed.Last().GetSession().TravelRefusal() == nullptr;
    }));
  }
  client->Forget();
  CHECK(Heap().live < before + 1000);
}

}  // namespace
}  // namespace preforkd::testing
