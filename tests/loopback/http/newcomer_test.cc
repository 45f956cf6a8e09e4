// What a worker notes of its newcomers (worker/connection/parking/newcomers.h): only what a long stay has
// been good for. With the connection, its timer and the session of HTTP.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>

#include "common/base/check.h"
#include "tests/loopback/http/http_bed.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string kAsk = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
// More than the buffers of two sockets hold.
constexpr std::size_t kLarge = 16 << 20;

// A worker that has seen as many newcomers gain by a long stay as not: so one outcome more is seen by whether
// the next one gets a long stay.
struct NewcomerWorld {
  explicit NewcomerWorld(Duration after, const HttpSettings& settings = HttpSettings())
      : bed(settings, [this](const HttpRequest& request, HttpResponse& response) {
          Mirror(request, response);
          response.Body().append(padding, 'x');
        }) {
    SetAfter(after);
    for (int i = 0; i < 32; ++i) Known().WasSilent();
    REQUIRE(Known().LongStay(parking));
  }

  [[nodiscard]] Newcomers& Known() { return bed.Env().stays.newcomers; }
  void SetAfter(Duration after) {
    auto config = std::make_shared<Config>();
    config->parking.after = after;
    config->parking.max_after = seconds(60);
    parking = config->parking;
    bed.Env().config = std::move(config);
  }
  // The first request has arrived before its connection is looked at: else that could be parked before.
  void Ask(Client& client) {
    LetStay();
    bed.Exchange(client, kAsk);
  }
  // The callbacks so far were not slow, whatever this machine does.
  void LetStay() {
    for (int i = 0; i < 2; ++i) bed.Env().stays.Beat(ReadingOf(bed.Env().row), 1000);
  }
  // Of a worker that has had it before. Returns the client's end.
  UniqueFd Serve(Parcel parcel) {
    std::array<int, 2> fds{};
    PF_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) == 0,
             "socketpair");
    parcel.id = ConnId{1000};
    parcel.fd = UniqueFd(fds[0]);
    parcel.accepted_at = Now();
    LetStay();
    bed.Serve(std::move(parcel));
    return UniqueFd(fds[1]);
  }
  [[nodiscard]] bool AwaitParked() {
    return bed.Until([this] { return bed.Travelled() == 1; });
  }

  std::size_t padding = 0;
  ParkingConfig parking;
  HttpBed bed;
};

}  // namespace

TEST_CASE("one that was silent for all of its long stay is noted") {
  NewcomerWorld world(milliseconds(20));
  const auto client = world.bed.Connect();
  world.Ask(*client);
  REQUIRE(world.AwaitParked());
  CHECK_FALSE(world.Known().LongStay(world.parking));
}

TEST_CASE("one that keepalive_timeout leaves no time for a long stay has not been silent for one") {
  HttpSettings settings;
  settings.keepalive_timeout = milliseconds(60);  // a long stay would be 80 ms
  NewcomerWorld world(milliseconds(20), settings);
  const auto client = world.bed.Connect();
  world.Ask(*client);
  REQUIRE(world.AwaitParked());
  CHECK(world.Known().LongStay(world.parking));
}

TEST_CASE("one that goes back early from a later idle time has not been silent for a long stay") {
  NewcomerWorld world(seconds(2));
  const auto client = world.bed.Connect();
  world.Ask(*client);
  world.SetAfter(milliseconds(20));
  Set(world.bed.Env().row.threads, 1);  // nobody stays for longer now
  world.Ask(*client);
  REQUIRE(world.AwaitParked());
  CHECK(world.Known().LongStay(world.parking));
}

TEST_CASE("it has spared a journey if its silence was longer than parking.after, not silence and answer") {
  const Duration after = milliseconds(500);
  bool waits = false;
  SUBCASE("it asks at once, and reads its answer for longer than that") {}
  SUBCASE("it asks after that time") { waits = true; }
  NewcomerWorld world(after);
  const auto client = world.bed.Connect();
  world.Ask(*client);
  const Time idle = Now();
  world.Known().WasSilent();
  // Until then it would have been parked for sure (SessionTimer::ParkingTime).
  if (waits) REQUIRE(world.bed.Until([&] { return Now() > idle + after + after / 16; }));
  world.padding = kLarge;
  world.LetStay();
  (void)client->Write(kAsk);
  world.bed.Turn();
  const Time asked = Now();
  if (asked - idle > 2 * after || (!waits && asked - idle > after)) {
    MESSAGE("this machine is too slow to say anything");
    return;
  }
  REQUIRE(world.bed.Until([&] { return Now() > asked + after; }));
  CHECK(client->Received().size() < kLarge);
  world.LetStay();
  client->Forget();
  std::size_t read = 0;
  REQUIRE(world.bed.Until([&] {
    client->Read();
    read += client->Received().size();
    client->Forget();
    return read > kLarge;
  }));
  CHECK(world.bed.Travelled() == 0);
  CHECK(world.Known().LongStay(world.parking).has_value() == waits);
}

TEST_CASE("one whose bytes were for a gate or a proxy only has not been answered") {
  NewcomerWorld world(milliseconds(20));
  Parcel parcel;
  parcel.bytes_in = 600;
  parcel.bytes_out = 2000;
  parcel.journeys = 1;
  const UniqueFd client = world.Serve(std::move(parcel));
  REQUIRE(world.AwaitParked());
  CHECK(world.Known().LongStay(world.parking));
}

TEST_CASE("one that another worker has answered is a newcomer here") {
  NewcomerWorld world(milliseconds(20));
  Parcel parcel;
  parcel.requests = 1;
  parcel.journeys = 1;
  const UniqueFd client = world.Serve(std::move(parcel));
  REQUIRE(world.AwaitParked());
  CHECK_FALSE(world.Known().LongStay(world.parking));
}

}  // namespace preforkd::testing
