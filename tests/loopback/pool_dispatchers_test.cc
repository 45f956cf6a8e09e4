// PoolDispatchers: a full pool never delays clients of another, and a connection follows its service.
#include "master/dispatch/pool_dispatchers.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/channel/channel_end.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

constexpr ServiceId kWeb{0};
constexpr ServiceId kApi{1};
constexpr PoolId kApp{1};
constexpr PoolId kGates{2};

struct World {
  Result<EventLoop> loop = EventLoop::Create();
  Result<Scoreboard> board = Scoreboard::Create();
  MasterPage* page = &board.Value().Master();
  Ledger ledger{*page};
  std::array<WorkerRow, 4> rows;
  std::vector<SlotChannel> channels;
  int congestion_changes = 0;
  std::vector<PoolId> slow;
  PoolDispatchers dispatchers{
      loop.Value(),
      board.Value(),
      ledger,
      {[this] { ++congestion_changes; }, [this](PoolId pool) { slow.push_back(pool); }}};
  std::uint64_t last_id = 0;

  World() {
    Configure({{kWeb, kMainPool}, {kApi, kApp}});
    for (WorkerRow& row : rows) channels.push_back(SlotChannel::Create(ledger, row, kWireVersion).Value());
  }

  void Configure(const std::vector<std::pair<ServiceId, PoolId>>& services,
                 Duration reclaim_after = Duration(0), std::optional<PoolId> gates = std::nullopt) {
    DispatchConfig config;
    config.max_queue = 2;
    config.reclaim_after = reclaim_after;
    dispatchers.Configure(config, {services, gates}, 0);
  }
  void AddSlot(PoolId pool, std::uint32_t slot) { dispatchers.AddSlot(pool, Slot{slot}, channels[slot]); }

  void Accept(ServiceId service, int count, TlsStage tls = TlsStage::kNone) {
    for (int i = 0; i < count; ++i) {
      ParcelHead facts;
      facts.id = ++last_id;
      facts.service = Raw(service);
      facts.tls = static_cast<std::uint8_t>(tls);
      dispatchers.SubmitAccepted({UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)), facts, SocketAddress{}});
    }
    dispatchers.Flush();
  }

  // The numbers of the connections that the worker in `slot` takes now.
  std::vector<std::uint64_t> Take(std::uint32_t slot) {
    std::vector<std::uint64_t> ids;
    for (;;) {
      Reception<MasterToWorker> reception =
          ChannelEnd(channels[slot].WorkerEnd(), kWireVersion).ReceiveFromMaster();
      if (reception.outcome != Heard::kMessage) return ids;
      ids.push_back(Raw(std::get<HandOver>(*reception.message).parcel.id));
      Add(rows.at(slot).taken);
    }
  }
};

using Ids = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("a connection goes to the pool that has its service") {
  World world;
  world.AddSlot(kMainPool, 0);
  world.AddSlot(kApp, 1);
  world.Accept(kWeb, 1);
  world.Accept(kApi, 2);
  CHECK(world.Take(0) == Ids{1});
  CHECK(world.Take(1) == Ids{2, 3});
  CHECK(world.dispatchers.ReadySlots() == 2);
}

TEST_CASE("a connection that needs a handshake goes to the gates, whatever its service") {
  World world;
  world.Configure({{kWeb, kMainPool}, {kApi, kApp}}, Duration(0), kGates);
  world.AddSlot(kMainPool, 0);
  world.AddSlot(kApp, 1);
  world.AddSlot(kGates, 2);
  world.Accept(kWeb, 1, TlsStage::kHandshakeDue);
  world.Accept(kApi, 1, TlsStage::kHandshakeDue);
  world.Accept(kApi, 1);
  CHECK(world.Take(2) == Ids{1, 2});
  CHECK(world.Take(1) == Ids{3});
  CHECK(world.Take(0).empty());
}

TEST_CASE("gates that are full make clients of TLS listeners wait, and no others") {
  World world;
  world.Configure({{kWeb, kMainPool}}, Duration(0), kGates);
  world.AddSlot(kMainPool, 0);
  world.Accept(kWeb, 1, TlsStage::kHandshakeDue);
  CHECK(world.dispatchers.Congested(kWeb, true));
  CHECK_FALSE(world.dispatchers.Congested(kWeb, false));
  world.Accept(kWeb, 1);
  CHECK(world.Take(0) == Ids{2});
}

TEST_CASE("without gates in the new generation, a handshake that waits is for the gates of the last one") {
  World world;
  world.Configure({{kWeb, kMainPool}}, Duration(0), kGates);
  world.AddSlot(kGates, 2);
  world.Accept(kWeb, 3, TlsStage::kHandshakeDue);  // two are handed over
  world.Configure({{kWeb, kMainPool}});
  CHECK(world.Take(2) == Ids{1, 2});
  world.dispatchers.Flush();
  CHECK(world.Take(2) == Ids{3});
}

TEST_CASE("a handshake waits for a gate also when its service is removed") {
  World world;
  world.Configure({{kWeb, kMainPool}, {kApi, kApp}}, Duration(0), kGates);
  world.AddSlot(kApp, 1);
  world.Accept(kApi, 1, TlsStage::kHandshakeDue);
  world.Configure({{kWeb, kMainPool}}, Duration(0), kGates);
  CHECK(world.dispatchers.Waiting() == 1);
  world.AddSlot(kGates, 2);
  world.dispatchers.Flush();
  CHECK(world.Take(2) == Ids{1});
}

TEST_CASE("a pool that is full, or has no worker, makes only its own clients wait") {
  World world;
  world.AddSlot(kMainPool, 0);
  world.AddSlot(kApp, 1);
  world.Accept(kApi, 5);  // two are handed over
  CHECK(world.dispatchers.Congested(kApi, false));
  CHECK_FALSE(world.dispatchers.Congested(kWeb, false));
  CHECK(world.dispatchers.Waiting() == 3);
  world.Accept(kWeb, 2);
  CHECK(world.Take(0) == Ids{6, 7});
  CHECK(world.dispatchers.Waiting() == 3);
  CHECK(Get(world.page->waiting) == 3);
  world.dispatchers.RemoveSlot(Slot{1});
  world.Accept(kApi, 1);
  world.Accept(kWeb, 1);
  CHECK(world.Take(0) == Ids{8 + 1});
  CHECK(world.dispatchers.Waiting() == 4);
  world.AddSlot(kApp, 2);
  world.dispatchers.Flush();
  CHECK(world.Take(2) == Ids{3, 4});
}

TEST_CASE("congestion is reported in a turn of the loop, and the callback may use the dispatchers") {
  World world;
  world.AddSlot(kMainPool, 0);
  world.AddSlot(kApp, 1);
  world.Accept(kApi, 5);
  CHECK(world.congestion_changes == 0);
  REQUIRE(world.loop.Value().RunOnce().Ok());
  CHECK(world.congestion_changes == 1);
  const bool none_waits = WaitUntil(kTimeout, [&] {
    (void)world.Take(1);
    REQUIRE(world.loop.Value().RunOnce().Ok());  // the dispatcher's own timer looks for room
    return !world.dispatchers.Congested() && world.congestion_changes == 2;
  });
  CHECK(none_waits);
}

TEST_CASE("a pool is slow when its own workers are, whatever the others do") {
  World world;
  world.Configure({{kWeb, kMainPool}, {kApi, kApp}}, std::chrono::milliseconds(1));
  world.AddSlot(kMainPool, 0);
  world.AddSlot(kApp, 1);
  Set(world.rows.at(1).callback_since_ns, 1);  // for as long as the machine runs
  world.Accept(kApi, 3);
  const bool told = WaitUntil(kTimeout, [&] {
    REQUIRE(world.loop.Value().RunOnce().Ok());
    return !world.slow.empty();
  });
  CHECK(told);
  CHECK(world.slow.front() == kApp);
  CHECK(world.dispatchers.CurrentPressure(kApp).blocked == 1);
  CHECK(world.dispatchers.CurrentPressure(kMainPool).blocked == 0);
  CHECK(world.dispatchers.CurrentPressure(PoolId{9}).ready == 0);
}

TEST_CASE("a service that moves to another pool takes its waiting connections along, in order") {
  constexpr ServiceId kGone{2};
  World world;
  world.Configure({{kWeb, kMainPool}, {kApi, kApp}, {kGone, kMainPool}});
  world.AddSlot(kMainPool, 0);
  world.Accept(kApi, 3);  // its pool has no worker yet
  world.Accept(kWeb, 1);
  world.Accept(kGone, 2);  // one is handed over
  CHECK(world.Take(0) == Ids{4, 5});
  world.Configure({{kWeb, kMainPool}, {kApi, kMainPool}});
  CHECK(world.Take(0) == Ids{6});  // the workers that are there do not have kApi
  world.dispatchers.RemoveSlot(Slot{0});
  world.AddSlot(kMainPool, 1);
  world.dispatchers.Flush();
  CHECK(world.Take(1) == Ids{1, 2});
  CHECK(world.dispatchers.Waiting() == 1);
  CHECK_FALSE(world.dispatchers.Congested(ServiceId{7}, false));
}

TEST_CASE(
    "a pool that goes serves what its workers have, and what nobody can serve any more is lost and counted") {
  World world;
  world.AddSlot(kMainPool, 0);
  world.AddSlot(kApp, 1);
  world.Accept(kApi, 3);
  world.Configure({{kWeb, kMainPool}});
  world.dispatchers.Flush();
  CHECK(world.dispatchers.Waiting() == 1);  // its worker is still there
  world.dispatchers.RemoveSlot(Slot{1});
  world.dispatchers.Flush();
  CHECK(world.dispatchers.Waiting() == 0);
  CHECK(Get(world.page->lost_by[static_cast<std::size_t>(LossReason::kRefused)]) == 1);
  CHECK(Get(world.page->waiting) == 0);
  CHECK(world.Take(1).size() == 2);
}

TEST_CASE("connections that wait for any pool can be given up, also those accepted just now") {
  World world;
  world.AddSlot(kMainPool, 0);
  world.dispatchers.RemoveSlot(Slot{0});
  world.Accept(kWeb, 1);
  world.Accept(kApi, 1);
  world.dispatchers.GiveUpWaiting(LossReason::kStopped);
  CHECK(Get(world.page->lost) == 2);
  CHECK(Get(world.page->accepted) == 2);
  CHECK(world.dispatchers.Waiting() == 0);
}

}  // namespace preforkd::testing
