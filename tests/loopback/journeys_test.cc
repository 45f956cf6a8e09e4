// 10^5 journeys: the real parking, dispatcher, channels and codec in one process with workers made of a few
// lines, and everything that can happen at the same moment: requests, closing clients, reload, and crashes
// with the hand-back on its way. Nothing is lost or left over, and the account is exact all the time.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>

#include "common/event/timer.h"
#include "master/parking/parking.h"
#include "tests/loopback/journey_actors.h"
#include "tests/support/fd_snapshot.h"
#include "tests/support/parcels.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

constexpr std::size_t kClients = 32;
constexpr std::uint64_t kJourneys = 100'000;
constexpr std::uint32_t kSlots = 2;
// Limits the test on a very slow machine: it makes fewer journeys then, and reports that.
constexpr Duration kLongest = std::chrono::seconds(40);

class World {
 public:
  explicit World(std::uint32_t seed) : random_(seed) {
    parking_.Configure(ParkingConfig{}, {});
    dispatcher_.Configure(DispatchConfig{}, {{{ServiceId{0}, kMainPool}}, {}}, 0);
    for (std::uint32_t i = 0; i < kSlots; ++i) Start(i);
    for (std::size_t i = 0; i < kClients; ++i) clients_.push_back(Accept());
  }

  void Step() {
    FakeWorker& worker = *workers_[Pick(kSlots)];
    switch (Pick(12)) {
      case 0:
      case 1:
      case 2:
      case 3: AskSome(); break;
      case 4: worker.Take(); break;
      case 5: worker.Serve(); break;
      case 6: worker.HandBackAll(); break;
      case 7: Receive(worker); break;
      case 8:
      case 9: Turn(); break;
      case 10: Leave(Pick(kClients)); break;
      default: Pick(2) == 0 ? Retire(Pick(kSlots)) : Crash(Pick(kSlots)); break;
    }
    if (++steps_ % 16 == 0) REQUIRE(board_.Account().Exact());
  }

  // Until every client has its answers.
  void Quiesce() {
    const bool satisfied = WaitUntil(kTimeout, [this] {
      for (const auto& worker : workers_) {
        worker->Take();
        worker->Serve();
        worker->HandBackAll();
        Receive(*worker);
      }
      Turn();
      return std::all_of(clients_.begin(), clients_.end(), [](Client& client) {
        client.Read();
        return client.Satisfied();
      });
    });
    REQUIRE(satisfied);
  }

  // All clients close; the parked ones are noticed by the master.
  void Empty() {
    for (Client& client : clients_) client.Close();
    const bool empty = WaitUntil(kTimeout, [this] {
      for (const auto& worker : workers_) {
        worker->Take();
        worker->Serve();
      }
      Turn();
      const Accounting account = board_.Account();
      return account.parked + account.in_progress == 0;
    });
    REQUIRE(empty);
  }

  [[nodiscard]] std::uint64_t Journeys() const { return page_.handed_over.Sum(); }
  [[nodiscard]] Accounting Account() const { return board_.Account(); }

 private:
  std::uint32_t Pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }

  Client Accept() {
    Pair pair = listener_.Connect();
    Parcel parcel;
    parcel.fd = std::move(pair.server);
    SetFacts(parcel, ++last_conn_);
    dispatcher_.SubmitAccepted(Pack(std::move(parcel), kWireVersion));
    dispatcher_.Flush();
    return Client(std::move(pair.client));
  }

  void AskSome() {
    for (int i = 0; i < 4; ++i) {
      Client& client = clients_[Pick(kClients)];
      client.Read();
      if (client.Waiting() < 100) client.Ask();
    }
  }

  void Leave(std::size_t index) {
    clients_[index].Close();
    clients_[index] = Accept();
  }

  // One turn of the master's loop, which never waits.
  void Turn() {
    wake_up_.SetAfter(Duration(0));
    REQUIRE(loop_.Value().RunOnce().Ok());
  }

  void Receive(FakeWorker& worker) {
    for (;;) {
      Reception<WorkerToMaster> reception = worker.channel.Receive();
      if (reception.outcome == Heard::kNothing) break;
      REQUIRE(reception.outcome == Heard::kMessage);
      auto& handed_back = std::get<HandedBack>(*reception.message);
      REQUIRE(worker.channel.MayHandBack());
      REQUIRE(worker.channel.Knows(handed_back.parcel));
      const ParcelHead head = handed_back.parcel.Head();
      REQUIRE(head.requests == head.journeys);
      REQUIRE(head.bytes_in == 2 * head.requests);
      REQUIRE(head.bytes_out == 3 * head.requests);
      worker.channel.CountReturned(handed_back.reason);
      parking_.Arrive(std::move(handed_back), false);
    }
    dispatcher_.Flush();
  }

  void Start(std::uint32_t slot) {
    workers_[slot] =
        std::make_unique<FakeWorker>(ledger_, board_, ++last_incarnation_, static_cast<Slot>(slot));
    dispatcher_.AddSlot(kMainPool, static_cast<Slot>(slot), workers_[slot]->channel);
    dispatcher_.Flush();
  }

  void Retire(std::uint32_t slot) {
    FakeWorker& worker = *workers_[slot];
    Reclaim(worker);
    worker.channel.CloseOurSide();
    worker.Serve();
    worker.HandBackAll();
    End(slot);
  }

  // All its connections are on the way back when it exits, or were never taken.
  void Crash(std::uint32_t slot) {
    workers_[slot]->HandBackAll();
    End(slot);
  }

  void Reclaim(FakeWorker& worker) {
    dispatcher_.RemoveSlot(worker.id.slot);
    std::vector<PackedParcel> untaken;
    (void)worker.channel.Reclaim(untaken);
    for (PackedParcel& parcel : untaken) dispatcher_.Submit(std::move(parcel));
    dispatcher_.Flush();
  }

  void End(std::uint32_t slot) {
    FakeWorker& worker = *workers_[slot];
    Reclaim(worker);
    Receive(worker);
    (void)ledger_.WorkerEnded(worker.row, 0, LossReason::kCrash);
    workers_[slot].reset();
    Start(slot);
  }

  std::mt19937 random_;
  Scoreboard board_ = Scoreboard::Create().Value();
  MasterPage& page_ = board_.Master();
  Result<EventLoop> loop_ = EventLoop::Create();
  Ledger ledger_{page_};
  PoolDispatchers dispatcher_{loop_.Value(), board_, ledger_, {[] {}, [](PoolId) {}}};
  Parking parking_{loop_.Value(), ledger_, dispatcher_};
  Timer wake_up_{loop_.Value(), EventLoop::kPriorityControl, [] {}};
  LocalListener listener_;
  std::array<std::unique_ptr<FakeWorker>, kSlots> workers_;
  std::vector<Client> clients_;
  std::uint64_t last_conn_ = 0;
  std::uint64_t last_incarnation_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace

TEST_CASE("10^5 journeys, with faults at every moment") {
  const FdSnapshot before = FdSnapshot::OfSelf();
  const Time start = Now();
  {
    World world(1);
    while (world.Journeys() < kJourneys && Now() - start < kLongest) {
      for (int i = 0; i < 1000; ++i) world.Step();
    }
    world.Quiesce();
    CHECK(world.Account().Exact());
    CHECK(world.Account().lost == 0);
    world.Empty();
    const Accounting account = world.Account();
    MESSAGE(fmt::format("{} journeys of {} connections in {:.1f} s; finished {}, lost {}", world.Journeys(),
                        account.accepted, Seconds(Now() - start), account.finished, account.lost));
    CHECK(account.finished == account.accepted);
    CHECK(world.Journeys() > kJourneys / 10);
  }
  CHECK(KindsDiff(before, FdSnapshot::OfSelf()) == "");
}

}  // namespace preforkd::testing
