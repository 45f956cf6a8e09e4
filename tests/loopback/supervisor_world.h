// A supervisor without processes: workers are made of a channel, a row and a few lines, and a test
// decides what they send and how they end. Everything else is the product's own code.
#ifndef PREFORKD_TESTS_LOOPBACK_SUPERVISOR_WORLD_H_
#define PREFORKD_TESTS_LOOPBACK_SUPERVISOR_WORLD_H_

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/channel/channel_end.h"
#include "common/event/timer.h"
#include "master/workers/supervisor.h"
#include "tests/loopback/journey_actors.h"
#include "tests/support/parcels.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {

// One process that was asked for.
struct PretendedWorker {
  pid_t pid = 0;
  WorkerStart start;
  UniqueFd end_event;  // the pidfd's other copy
  std::vector<int> signals;
  bool obeys_abort = true;
  bool status_is_stolen = false;  // another process has reaped it
  std::optional<ExitReport> exit;
  bool reaped = false;

  [[nodiscard]] bool Running() const { return !exit.has_value(); }
  void End(ExitReport report) {
    if (exit) return;
    exit = report;
    const std::uint64_t one = 1;
    REQUIRE(::write(end_event.Get(), &one, sizeof(one)) == sizeof(one));
  }
  void Crash() { End({ExitKind::kSignal, SIGSEGV, false}); }
  void Leave() { End({ExitKind::kClean, 0, false}); }

  [[nodiscard]] ChannelEnd Channel() const { return {start.channel, kWireVersion}; }
  template <typename Message>
  void Say(const Message& message) const {
    std::string bytes;
    REQUIRE(Channel().Send(message, bytes).outcome == SendOutcome::kSent);
  }
  void SayReady() const { Say(Ready{start.id}); }
  // One connection from the channel.
  [[nodiscard]] std::optional<Parcel> Take() const {
    Reception<MasterToWorker> reception = Channel().ReceiveFromMaster();
    if (reception.outcome != Heard::kMessage) return std::nullopt;
    auto* const hand_over = std::get_if<HandOver>(&*reception.message);
    if (hand_over == nullptr) return std::nullopt;
    Add(start.scoreboard->Row(start.id.slot).taken);
    return std::move(hand_over->parcel);
  }
  void HandBackTo(const WorkerId& as, Parcel parcel) const {
    HandBack message;
    message.id = as;
    message.parcel = std::move(parcel);
    Say(message);
    Add(start.scoreboard->Row(start.id.slot).returned);
  }
};

class PretendingSpawner : public Spawner {
 public:
  Result<SpawnedProcess> Spawn(WorkerStart start) override {
    if (fails_with != 0 || (!fails_for_pool.empty() && start.pool->name == fails_for_pool)) {
      return Error{"fork", fails_with != 0 ? fails_with : EAGAIN};
    }
    const int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    REQUIRE(event >= 0);
    auto worker = std::make_unique<PretendedWorker>();
    worker->pid = ++last_pid_;
    worker->start = std::move(start);
    worker->end_event = UniqueFd(::dup(event));
    workers.push_back(std::move(worker));
    return SpawnedProcess{last_pid_, UniqueFd(event)};
  }
  bool Signal(const SpawnedProcess& process, int signo) override {
    PretendedWorker& worker = Of(process.pid);
    if (!worker.Running()) return false;
    worker.signals.push_back(signo);
    if (signo == SIGKILL || (signo == SIGABRT && worker.obeys_abort))
      worker.End({ExitKind::kSignal, signo, false});
    return true;
  }
  std::optional<ExitReport> Reap(const SpawnedProcess& process) override {
    PretendedWorker& worker = Of(process.pid);
    REQUIRE_FALSE(worker.reaped);
    if (worker.Running()) return std::nullopt;
    worker.reaped = true;
    return worker.status_is_stolen ? ExitReport::Unknown() : *worker.exit;
  }
  void KillAndReap(const SpawnedProcess& process) override {
    (void)Signal(process, SIGKILL);
    (void)Reap(process);
  }
  [[nodiscard]] std::optional<pid_t> EndedChild() override {
    if (!others.empty()) return others.back();
    const auto ended = std::find_if(workers.begin(), workers.end(),
                                    [](const auto& worker) { return !worker->Running() && !worker->reaped; });
    return ended != workers.end() ? std::optional((*ended)->pid) : std::nullopt;
  }
  void ReapOther(pid_t pid) override {
    REQUIRE(others.back() == pid);
    others.pop_back();
  }

  PretendedWorker& Of(pid_t pid) {
    return **std::find_if(workers.begin(), workers.end(),
                          [pid](const auto& worker) { return worker->pid == pid; });
  }

  std::vector<std::unique_ptr<PretendedWorker>> workers;  // in the order of their starts
  std::vector<pid_t> others;                              // ended children that are not workers
  int fails_with = 0;                                     // errno of every start
  std::string fails_for_pool;

 private:
  pid_t last_pid_ = 1'000'000'000;  // beyond what any system gives out
};

// Two pools by default: "main" with service "web" (number 0), "app" with service "shop" (number 1).
class SupervisorWorld {
 public:
  explicit SupervisorWorld(std::shared_ptr<Config> first = TwoPools()) : config(std::move(first)) {
    SupervisorHooks hooks;
    hooks.on_first_ready = [this](Generation) { booted = true; };
    hooks.on_promote = [this](Generation generation) {
      dispatcher.Configure(coming.config->dispatch, coming.RoutesOfConnections(), 0);
      promoted = generation;
    };
    hooks.on_abandon = [this](Generation, const std::string& reason) { abandoned = reason; };
    hooks.on_hand_back = [this](HandedBack message) {
      ++handed_back;
      dispatcher.Submit(std::move(message.parcel));
    };
    hooks.make_room = [this] { return has_room; };
    hooks.on_finish = [this](ExitCode code, const std::string& reason) { finished = {code, reason}; };
    hooks.on_settled = [] {};
    hooks.on_relieved = [] {};
    hooks.on_other_child = [](pid_t) { return false; };
    auto owned = std::make_unique<PretendingSpawner>();
    spawner = owned.get();
    supervisor = std::make_unique<Supervisor>(loop.Value(), board.Value(), dispatcher, std::move(owned),
                                              ledger, std::move(hooks));
  }
  ~SupervisorWorld() { CHECK(board.Value().Account().Exact()); }

  static std::shared_ptr<Config> TwoPools() {
    auto config = std::make_shared<Config>();
    config->pools = {PoolConfig{}, PoolConfig{}};
    config->pools[0].workers = 2;
    config->pools[1].workers = 2;
    config->pools[1].name = "app";
    for (PoolConfig& pool : config->pools) pool.supervision.backoff_min = milliseconds(1);
    config->services = {ServiceConfig{}, ServiceConfig{}};
    config->services[0].name = "web";
    config->services[1].name = "shop";
    config->services[1].pool = "app";
    return config;
  }
  static std::shared_ptr<Config> OnePool() {
    auto config = TwoPools();
    config->pools.pop_back();
    config->services.pop_back();
    return config;
  }
  static GenerationSpec SpecOf(std::shared_ptr<const Config> config, std::uint64_t number) {
    GenerationSpec spec;
    spec.number = Generation{number};
    for (std::size_t i = 0; i < config->pools.size(); ++i) {
      const PoolConfig& pool = config->pools[i];
      spec.pools.push_back(
          {PoolId{static_cast<std::uint8_t>(pool.name == "main" ? 0 : i)}, &pool, pool.workers});
    }
    for (const ServiceConfig& service : config->services) {
      spec.services.emplace_back(ServiceId{static_cast<std::uint16_t>(service.name == "web" ? 0 : 1)},
                                 &service);
    }
    spec.config = std::move(config);
    return spec;
  }

  void Begin() {
    const GenerationSpec spec = SpecOf(config, 1);
    dispatcher.Configure(config->dispatch, spec.RoutesOfConnections(), 0);
    supervisor->Begin(spec);
  }
  // All started workers report that they are ready, and the supervisor reads it.
  void BeginReady() {
    Begin();
    for (const auto& worker : spawner->workers) worker->SayReady();
    REQUIRE(Until([this] { return CountReady() == spawner->workers.size(); }));
  }
  void Reload(std::shared_ptr<const Config> next, std::uint64_t number = 2) {
    coming = SpecOf(std::move(next), number);
    supervisor->Reload(coming);
  }

  // Turns the loop until it is so.
  template <typename Condition>
  [[nodiscard]] bool Until(Condition condition) {
    Timer wake_up(loop.Value(), EventLoop::kPriorityControl, [] {});
    const Time deadline = Now() + kTimeout;
    while (!condition()) {
      if (Now() >= deadline) return false;
      wake_up.SetAfter(milliseconds(1));
      REQUIRE(loop.Value().RunOnce().Ok());
    }
    return true;
  }
  // Turns the loop for so long.
  void Pass(Duration time) {
    const Time end = Now() + time;
    REQUIRE(Until([&] { return Now() >= end; }));
  }

  void Accept(std::uint16_t service) {
    Pair pair = listener.Connect();
    clients.push_back(std::move(pair.client));
    Parcel parcel;
    parcel.fd = std::move(pair.server);
    parcel.id = static_cast<ConnId>(clients.size());
    parcel.service = ServiceId{service};
    dispatcher.SubmitAccepted(Pack(std::move(parcel), kWireVersion));
    dispatcher.Flush();
  }

  PretendedWorker& Worker(std::size_t number) { return *spawner->workers.at(number); }
  [[nodiscard]] std::size_t Started() const { return spawner->workers.size(); }
  // The newest worker of a slot.
  PretendedWorker& InSlot(std::uint32_t slot) {
    const auto found =
        std::find_if(spawner->workers.rbegin(), spawner->workers.rend(),
                     [slot](const auto& worker) { return Raw(worker->start.id.slot) == slot; });
    REQUIRE(found != spawner->workers.rend());
    return **found;
  }
  [[nodiscard]] std::size_t CountReady() const {
    const auto& records = supervisor->Workers().Records();
    return static_cast<std::size_t>(
        std::count_if(records.begin(), records.end(),
                      [](const WorkerRecord& record) { return record.state == WorkerState::kReady; }));
  }
  [[nodiscard]] WorkerState StateOf(std::uint32_t slot) const {
    return supervisor->Workers().Records().at(slot).state;
  }
  [[nodiscard]] std::uint64_t Restarts(RestartReason reason) const {
    std::uint64_t sum = 0;
    for (const RestartCounters& pool : board.Value().Master().restarts) sum += Get(pool[reason]);
    return sum;
  }
  [[nodiscard]] std::uint64_t Lost(LossReason reason) const {
    return Get(board.Value().Master().lost_by[static_cast<std::size_t>(reason)]);
  }

  std::shared_ptr<Config> config;
  Result<EventLoop> loop = EventLoop::Create();
  Result<Scoreboard> board = Scoreboard::Create();
  Ledger ledger{board.Value().Master()};
  PoolDispatchers dispatcher{
      loop.Value(), board.Value(), ledger,
      PoolDispatchers::Hooks{[] {}, [this](PoolId pool) { supervisor->OnAllSlow(pool); }}};
  PretendingSpawner* spawner = nullptr;
  std::unique_ptr<Supervisor> supervisor;
  LocalListener listener;
  std::vector<UniqueFd> clients;
  GenerationSpec coming;
  bool booted = false;
  bool has_room = true;
  int handed_back = 0;
  Generation promoted{};
  std::string abandoned;
  std::optional<std::pair<ExitCode, std::string>> finished;
};

}  // namespace preforkd::testing

#endif
