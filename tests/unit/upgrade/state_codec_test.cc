// UpgradeState as bytes: one program writes, another reads all of it or nothing.
#include "master/upgrade/state/state_codec.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <random>

#include "common/wire/messages.h"

namespace preforkd::testing {
namespace {

using nlohmann::json;

SavedWorker SomeWorker() {
  SavedWorker worker;
  worker.record.slot = Slot{3};
  worker.record.incarnation = Incarnation{41};
  worker.record.state = WorkerState::kRetiring;
  worker.record.wanted = true;
  worker.record.leaving = true;
  worker.record.extra = true;
  worker.record.replaces = WorkerId{Slot{1}, Incarnation{2}};
  worker.pid = 4711;
  worker.pid_fd = 30;
  worker.master_end = 31;
  worker.worker_end = 32;
  worker.record.pool = PoolId{3};
  worker.shut = true;
  worker.wire_version = static_cast<std::uint8_t>(kOldestWireVersion);
  worker.board = 1;
  worker.started_at = FromNanoseconds(12);
  worker.record.ready_at = FromNanoseconds(-3);
  worker.record.kill_at = FromNanoseconds(1'000'000'000'000'000'000);
  return worker;
}

// A value in every field.
UpgradeState FullState() {
  UpgradeState state;
  state.version = "1.2.3";
  state.program = "/usr/sbin/preforkd";
  state.wire_version = static_cast<std::uint8_t>(kWireVersion);
  state.generation = Generation{7};
  state.last_generation = Generation{8};
  state.last_incarnation = Incarnation{42};
  state.last_conn = ConnId{1'000'000'000'000};
  state.service_ids = {{"web", 0}, {"a.b \xff", 65535}};
  state.listener_ids = {{"127.0.0.1:80", 1}};
  state.config = "workers = 4\n";
  state.modules = {{"/usr/lib/shop.so", "{}"}};
  state.module_files = {{"/usr/lib/shop.so", 22}};
  state.certificates = "{}";
  state.pool_ids = {{"main", 0}, {"app", 3}};
  state.pool_workers = {{"main", 4}, {"app", 1}};
  state.detached = true;
  state.pid_path = "/run/p";
  state.pid_fd = 10;
  state.notify_socket = "@/notify";
  state.watchdog = std::chrono::seconds(3);
  state.passed = {{"web", 11}, {"", 12}};
  state.listeners = {{13, "key", "unix:/x", "web", true, true, true, {"/x", 1, 18'446'744'073'709'551'615U}}};
  state.server_log = {18, "/var/log/p", 3};
  state.access_log = {19, "syslog:local0", 1};
  state.control = {14, "/run/c", {"/run/c", 2, 3}, {15, 16}, {17}};
  state.listener_rows = {{"127.0.0.1:80", "web", 9}};
  state.module_counters = {{"web", "orders", "Orders \xff"}, {"web", "errors", ""}, {"a.b", "orders", "x"}};
  state.boards = {20, 21};
  state.bounded = {1, 0, 18'446'744'073'709'551'615U, 4};
  SavedWorker second = SomeWorker();
  second.pid_fd = 33;
  second.master_end = 34;
  second.worker_end = 35;
  second.record.kill_at.reset();
  second.record.state = WorkerState::kReady;
  state.workers_alive = {SomeWorker(), second};
  state.connections = {{40, std::string("\0\xff bytes", 8), 0, true, std::chrono::seconds(7), 42},
                       {41, "", 300, false, Duration(0)}};
  return state;
}

UpgradeState SmallState() {
  UpgradeState state;
  state.wire_version = static_cast<std::uint8_t>(kWireVersion);
  state.pool_ids = {{"main", 0}};
  state.pool_workers = {{"main", 1}};
  return state;
}

// `change` is applied to the encoded state.
Result<UpgradeState> Changed(const std::function<void(json&)>& change) {
  json object = json::from_cbor(EncodeState(FullState()));
  change(object);
  std::string bytes;
  json::to_cbor(object, bytes);
  return DecodeState(bytes);
}

std::string Refusal(const std::function<void(json&)>& change) {
  const Result<UpgradeState> state = Changed(change);
  return state.Ok() ? "" : state.Err().text;
}

}  // namespace

TEST_CASE("every field comes back") {
  for (const UpgradeState& state : {FullState(), SmallState()}) {
    const Result<UpgradeState> same = DecodeState(EncodeState(state));
    REQUIRE(same.Ok());
    CHECK(same.Value() == state);
  }
}

TEST_CASE("every descriptor is named once, and invalid ones are not") {
  std::vector<int> fds = FullState().Descriptors();
  std::sort(fds.begin(), fds.end());
  CHECK(fds == std::vector<int>{10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
                                21, 22, 30, 31, 32, 33, 34, 35, 40, 41, 42});
  CHECK(SmallState().Descriptors().empty());
}

TEST_CASE("a program reads a state with more or fewer fields") {
  const Result<UpgradeState> more = Changed([](json& state) {
    state["colour"] = "blue";
    state["workers_alive"][0]["unknown"] = {1, 2, 3};
  });
  REQUIRE(more.Ok());
  CHECK(more.Value() == FullState());
  const Result<UpgradeState> less = Changed([](json& state) {
    state.erase("watchdog");
    state["workers_alive"][0].erase("extra");
  });
  REQUIRE(less.Ok());
  CHECK_FALSE(less.Value().watchdog);
  CHECK_FALSE(less.Value().workers_alive[0].record.extra);
}

TEST_CASE("a program refuses a state that it may not understand, with a reason") {
  CHECK(Refusal([](json& state) { state["format"] = 3; }) ==
        "the state has format 3, and this program reads 2");
  CHECK(
      Refusal([](json& state) { state["board_layout"] = kBoardLayout + 1; }) ==
      fmt::format("the scoreboard has layout {}, and this program reads {}", kBoardLayout + 1, kBoardLayout));
  CHECK(Refusal([](json& state) { state["wire_version"] = 9; }) ==
        fmt::format("its workers speak wire version 9, and this program speaks {} to {}",
                    static_cast<int>(kOldestWireVersion), static_cast<int>(kWireVersion)));
  CHECK(Refusal([](json& state) {
          state["workers_alive"][1]["wire_version"] = 1;
        }).starts_with("workers speak wire version 1"));
  CHECK(Refusal([](json& state) { state["workers_alive"][0]["board"] = 2; }) ==
        "the worker in slot 3 writes to an unknown scoreboard");
  CHECK(Refusal([](json& state) { state["workers_alive"][0]["state"] = 9; }) ==
        "the worker in slot 3 is in an unknown state");
  CHECK(Refusal([](json& state) { state["workers_alive"][0]["pid"] = 0; }) ==
        "the record of the worker in slot 3 is incomplete");
  CHECK(Refusal([](json& state) { state["connections"][0]["fd"] = 41; }) == "descriptor 41 is named twice");
  CHECK(Refusal([](json& state) { state["connections"][0]["fd"] = -7; }) ==
        "a descriptor number is negative");
  CHECK(Refusal([](json& state) { state["pool_workers"] = json::object(); }) == "the state has no pool");
  CHECK(Refusal([](json& state) { state["pool_workers"]["app"] = 0; }) ==
        "the state asks for 0 workers in pool 'app'");
  CHECK(Refusal([](json& state) { state["pool_ids"].erase("app"); }) == "pool 'app' has no number");
  CHECK(Refusal([](json& state) { state["workers_alive"][1]["pool"] = 9; }) ==
        "the worker in slot 3 belongs to an unknown pool");
}

TEST_CASE("counters of modules: their places are their numbers, so none may be there twice or too many") {
  CHECK(Refusal([](json& state) { state["module_counters"][2] = state["module_counters"][0]; }) ==
        "the state has counter 'orders' of service 'web' twice");
  const auto with = [](std::size_t count) {
    UpgradeState state = SmallState();
    for (std::size_t i = 0; i < count; ++i) state.module_counters.push_back({"s", fmt::format("c{}", i), ""});
    return DecodeState(EncodeState(state));
  };
  CHECK(with(128).Ok());
  REQUIRE_FALSE(with(129).Ok());
  CHECK(with(129).Err().text == "the state has 129 counters of modules, and this program has room for 128");
  const Result<UpgradeState> older = Changed([](json& state) { state.erase("module_counters"); });
  REQUIRE(older.Ok());
  CHECK(older.Value().module_counters.empty());
}

TEST_CASE("a value of another type, or out of range, is refused by name") {
  CHECK(Refusal([](json& state) { state["version"] = 7; }) ==
        "the state is not understood: version: not a string of bytes");
  CHECK(Refusal([](json& state) { state["last_conn"] = "four"; }) ==
        "the state is not understood: last_conn: not a number");
  CHECK(Refusal([](json& state) { state["pool_workers"]["app"] = 1LL << 32; }) ==
        "the state is not understood: pool_workers: a number out of range");
  CHECK(Refusal([](json& state) { state["pool_workers"]["app"] = -1; }) ==
        "the state is not understood: pool_workers: a number out of range");
  CHECK(Refusal([](json& state) { state["detached"] = 1; }) ==
        "the state is not understood: detached: neither true nor false");
  CHECK(Refusal([](json& state) { state["listeners"] = 1; }) ==
        "the state is not understood: listeners: not a list");
  CHECK(Refusal([](json& state) { state["listeners"][0]["file"]["inode"] = -1; }) ==
        "the state is not understood: listeners: file: inode: a number out of range");
  CHECK(Refusal([](json& state) { state["service_ids"] = json::array(); }) ==
        "the state is not understood: service_ids: not a map");
  CHECK(Refusal([](json& state) { state = json::array(); }) == "the state is not understood: not a map");
}

// The seed is in the message: a failure repeats.
TEST_CASE(
    "10^4 states with bytes changed, cut off or added: read as something whole, or refused; never worse") {
  const std::string whole = EncodeState(FullState());
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(DecodeState(whole.substr(0, size)).Ok());
  CHECK_FALSE(DecodeState(whole + "x").Ok());
  for (std::uint32_t seed = 0; seed < 10'000; ++seed) {
    CAPTURE(seed);
    std::minstd_rand random(seed);
    std::string bytes = whole;
    for (std::uint32_t i = 0; i <= random() % 4; ++i)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    const Result<UpgradeState> state = DecodeState(bytes);
    if (state.Ok()) CHECK(DecodeState(EncodeState(state.Value())).Ok());
  }
}

}  // namespace preforkd::testing
