// What the server offers to a state of a module: log, settings, place, counters, posts, timers, watches.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>

#include "common/base/log.h"
#include "tests/loopback/module/module_bed.h"
#include "worker/module/host/host_loop.h"
#include "worker/module/host/host_report.h"
#include "worker/module/host/host_service.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kMillisecond = 1'000'000;

pfd_str Str(std::string_view text) { return {text.data(), text.size()}; }

std::string Copy(pfd_str text) { return text.data == nullptr ? "absent" : std::string(text.data, text.size); }

// A function of a module: argument of timers, watches and posts. It must live until they are over.
using Hook = std::function<void(std::uint32_t ready)>;
void CallHook(void* hook) { (*static_cast<Hook*>(hook))(0); }
void CallReady(void* hook, std::uint32_t ready) { (*static_cast<Hook*>(hook))(ready); }

struct Pipe {
  Pipe() {
    std::array<int, 2> fds{};
    REQUIRE(::pipe2(fds.data(), O_NONBLOCK | O_CLOEXEC) == 0);
    out = UniqueFd(fds[0]);
    in = UniqueFd(fds[1]);
  }
  UniqueFd out;
  UniqueFd in;
};

// ---- reports ----

TEST_CASE("the state of the server, in the three forms of the status page") {
  FakeModule module;
  ModuleBed bed(module);
  const auto report = [&](std::uint32_t what) {
    std::string text = "nothing was told";
    const auto take = [](void* into, pfd_str from) { *static_cast<std::string*>(into) = Copy(from); };
    CHECK(module::HostReport(bed.State(), what, take, &text) == 0);
    return text;
  };
  CHECK(report(PFD_REPORT_STATUS).starts_with("{"));
  CHECK(report(PFD_REPORT_METRICS).find("\npreforkd_build_info{") != std::string::npos);
  CHECK(report(PFD_REPORT_READINESS) == "no worker is ready");
  CHECK(module::HostReport(
            bed.State(), 3, [](void*, pfd_str) {}, nullptr) == -EINVAL);
  CHECK(module::HostReport(bed.State(), PFD_REPORT_STATUS, nullptr, nullptr) == -EINVAL);
  CHECK(module::HostReport(
            bed.State(), PFD_REPORT_STATUS, [](void*, pfd_str) { throw std::bad_alloc(); }, nullptr) ==
        -ENOMEM);
}

// ---- log ----

TEST_CASE("a line of a module has the service's name and its level, is one line, and is cut") {
  const CapturedLog log;
  FakeModule module;
  ModuleBed bed(module);
  module::HostLog(bed.State(), PFD_WARNING, Str("two\nlines \x1b[31m"));
  module::HostLog(bed.State(), PFD_DEBUG, Str("not at this level"));
  module::HostLog(bed.State(), 99, Str("an error"));
  module::HostLog(bed.State(), -1, Str("debug"));
  module::HostLog(bed.State(), PFD_INFO, {nullptr, 5});
  // A character of two bytes across the limit.
  module::HostLog(bed.State(), PFD_NOTICE, Str(std::string(module::kMaxSaid - 1, 'x') + "\xc3\xa9 more"));
  const std::vector<LogEntry> lines = log.Entries("module_said service=chat");
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].Field("level") == "warning");
  CHECK(lines[0].message == "two\\nlines \\x1b[31m");
  CHECK(lines[1].Field("level") == "error");
  CHECK(lines[2].message.empty());
  CHECK(lines[3].message == std::string(module::kMaxSaid - 1, 'x'));
}

TEST_CASE("threads of a module write whole lines") {
  const CapturedLog log;
  FakeModule module;
  ModuleBed bed(module);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&bed] {
      for (int n = 0; n < 200; ++n) module::HostLog(bed.State(), PFD_INFO, Str(std::string(500, 'x')));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::vector<LogEntry> lines = log.Entries("module_said service=chat");
  CHECK(lines.size() == 800);
  for (const LogEntry& line : lines) CHECK(line.message == std::string(500, 'x'));
}

// ---- settings, place, counters ----

TEST_CASE("a setting is read by its name and kind, and what was not declared is absent") {
  FakeModule module;
  ModuleBed bed(
      module,
      {{.name = "text", .fallback = "hello", .doc = "d"},
       {.name = "empty", .doc = "d"},
       {.name = "number", .kind = SettingKind::kNumber, .min = "0", .max = "9", .fallback = "7", .doc = "d"},
       {.name = "size",
        .kind = SettingKind::kSize,
        .min = "0",
        .max = "1MiB",
        .fallback = "1KiB",
        .doc = "d"},
       {.name = "time",
        .kind = SettingKind::kDuration,
        .min = "0",
        .max = "1h",
        .fallback = "5ms",
        .doc = "d"},
       {.name = "flag", .kind = SettingKind::kFlag, .fallback = "true", .doc = "d"},
       {.name = "choice",
        .kind = SettingKind::kChoice,
        .fallback = "slow",
        .doc = "d",
        .words = {"fast", "slow"}},
       {.name = "path", .kind = SettingKind::kPath, .fallback = "/tmp/x", .doc = "d"}},
      {{"number", "3"}, {"text", "written"}});
  pfd_service* const state = bed.State();
  const auto text = [state](const char* name) { return Copy(module::HostText(state, name)); };
  CHECK(text("text") == "written");
  CHECK(text("empty") == "");
  CHECK(text("choice") == "slow");
  CHECK(text("path") == "/tmp/x");
  for (const char* name : {"number", "size", "time", "flag", "unknown", ""}) CHECK(text(name) == "absent");
  CHECK(Copy(module::HostText(state, nullptr)) == "absent");
  CHECK(module::HostNumber(state, "number") == 3);
  CHECK(module::HostNumber(state, "size") == 1024);
  CHECK(module::HostNumber(state, "time") == 5 * kMillisecond);
  CHECK(module::HostNumber(state, "flag") == 1);
  for (const char* name : {"text", "choice", "path", "unknown", ""})
    CHECK(module::HostNumber(state, name) == 0);
  CHECK(module::HostNumber(state, nullptr) == 0);
}

TEST_CASE("a module learns its place, as far as its header knows it") {
  FakeModule module;
  ModuleBed bed(module);
  pfd_place place;
  std::memset(&place, 0xff, sizeof(place));
  place.size = sizeof(place);
  module::HostPlace(bed.State(), &place);
  CHECK(place.size == sizeof(place));
  CHECK(place.slot == 3);
  CHECK(place.incarnation == 7);
  CHECK(place.generation == 1);
  CHECK(Copy(place.service) == "chat");
  CHECK(place.thread == 0);
  CHECK(place.pid == static_cast<std::uint32_t>(::getpid()));
  std::memset(&place, 0xff, sizeof(place));
  place.size = offsetof(pfd_place, generation);
  module::HostPlace(bed.State(), &place);
  CHECK(place.size == offsetof(pfd_place, generation));
  CHECK(place.incarnation == 7);
  CHECK(place.generation == UINT64_MAX);
  // A module of a later header.
  struct {
    pfd_place known;
    std::uint64_t later = 99;
  } longer;
  longer.known.size = sizeof(longer);
  module::HostPlace(bed.State(), &longer.known);
  CHECK(longer.known.size == sizeof(place));
  CHECK(longer.later == 99);
}

TEST_CASE("counters go where the server keeps them") {
  FakeModule module;
  ModuleBed bed(module);
  module::HostCount(bed.State(), 2, 5);
  module::HostCount(bed.State(), 2, 1);
  CHECK(bed.World().counts == std::map<std::uint32_t, std::uint64_t>{{2, 6}});
  pfd_service without(bed.Http().Env(), bed.World().config, *bed.World().calls, nullptr, 1, false);
  module::HostCount(&without, 0, 1);  // a module without counters
  CHECK(bed.World().counts.size() == 1);
}

// ---- the loop ----

TEST_CASE("a post from another thread runs in the loop, guarded") {
  const CapturedLog log;
  FakeModule module;
  ModuleBed bed(module);
  int runs = 0;
  std::string doing;
  bool stamped = false;
  Hook hook = [&](std::uint32_t) {
    ++runs;
    CHECK(bed.World().calls->InLoopThread());
    const WorkerRow& row = bed.Http().Env().row;
    stamped = Get(row.callback_since_ns) != 0;
    doing = row.DescribeDoing(ToNanoseconds(Now()));
    if (runs == 1) throw std::runtime_error("told to");
  };
  std::thread thread([&] {
    CHECK(module::HostPost(bed.State(), &CallHook, &hook) == 0);
    CHECK(module::HostPost(bed.State(), &CallHook, &hook) == 0);
  });
  CHECK(bed.Http().Until([&] { return runs == 2; }));
  thread.join();
  CHECK(stamped);
  CHECK(doing.starts_with("posted call of chat for "));
  CHECK(Get(bed.Http().Env().row.callback_since_ns) == 0);
  CHECK(bed.Http().Env().row.DescribeDoing(ToNanoseconds(Now())) == "nothing; last: posted call of chat");
  const std::vector<LogEntry> faults = log.Entries("module_fault service=chat in=\"posted call\"");
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].Field("error") == "told to");
  CHECK(module::HostPost(bed.State(), nullptr, nullptr) == -EINVAL);
  bed.World().calls->Close();
  CHECK(module::HostPost(bed.State(), &CallHook, &hook) == -ESHUTDOWN);
  CHECK(runs == 2);
}

TEST_CASE("a timer calls once, not before its time, unless it was cancelled") {
  FakeModule module;
  ModuleBed bed(module);
  int fired = 0;
  int cancelled = 0;
  Hook hook = [&fired](std::uint32_t) { ++fired; };
  Hook never = [&cancelled](std::uint32_t) { ++cancelled; };
  const Time begin = Now();
  REQUIRE(module::HostAfter(bed.State(), 50 * kMillisecond, &CallHook, &hook) != nullptr);
  pfd_timer* const timer = module::HostAfter(bed.State(), 10 * kMillisecond, &CallHook, &never);
  REQUIRE(timer != nullptr);
  REQUIRE(module::HostAfter(bed.State(), UINT64_MAX, &CallHook, &never) != nullptr);  // ends with the worker
  module::HostCancel(timer);
  module::HostCancel(nullptr);
  CHECK(bed.Http().Until([&] { return fired > 0; }));
  CHECK(Now() - begin >= milliseconds(48));
  CHECK(bed.Http().Until([&] { return Now() - begin > milliseconds(150); }));
  CHECK(fired == 1);
  CHECK(cancelled == 0);
  CHECK(module::HostAfter(bed.State(), 0, nullptr, nullptr) == nullptr);
}

TEST_CASE("a timer that fails, cancels itself, or sets the next one") {
  const CapturedLog log;
  FakeModule module;
  ModuleBed bed(module);
  int fired = 0;
  pfd_timer* self = nullptr;
  Hook hook = [&](std::uint32_t) {
    module::HostCancel(self);  // it is over already: no effect
    if (++fired < 3) self = module::HostAfter(bed.State(), 0, &CallHook, &hook);
    if (fired == 2) throw 42;
  };
  self = module::HostAfter(bed.State(), 0, &CallHook, &hook);
  CHECK(bed.Http().Until([&] { return fired == 3; }));
  CHECK(log.Entries("module_fault service=chat in=timer").size() == 1);
  CHECK(Get(bed.Http().Env().row.callback_since_ns) == 0);
}

TEST_CASE("a watch calls while its descriptor is ready, until it is unwatched, also from its own call") {
  FakeModule module;
  ModuleBed bed(module);
  const Pipe pipe;
  int calls = 0;
  std::uint32_t seen = 0;
  pfd_watch* watch = nullptr;
  Hook hook = [&](std::uint32_t ready) {
    seen = ready;
    char byte = 0;
    if (++calls == 2) return module::HostUnwatch(watch);
    CHECK(::read(pipe.out.Get(), &byte, 1) == 1);
  };
  watch = module::HostWatch(bed.State(), pipe.out.Get(), PFD_READ, &CallReady, &hook);
  REQUIRE(watch != nullptr);
  bed.Http().Turn();
  CHECK(calls == 0);
  REQUIRE(::write(pipe.in.Get(), "abc", 3) == 3);
  CHECK(bed.Http().Until([&] { return calls == 2; }));
  CHECK(seen == PFD_READ);
  bed.Http().Turn();
  CHECK(calls == 2);  // two bytes are left
  pfd_watch* const other = module::HostWatch(bed.State(), pipe.in.Get(), PFD_WRITE, &CallReady, &hook);
  REQUIRE(other != nullptr);
  module::HostUnwatch(other);
  module::HostUnwatch(nullptr);
  bed.Http().Turn();
  CHECK(calls == 2);
}

TEST_CASE("what cannot be watched is refused, and leaves nothing behind") {
  FakeModule module;
  ModuleBed bed(module);
  const Pipe pipe;
  Hook hook = [](std::uint32_t) {};
  const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  REQUIRE(file.Valid());
  const auto watch = [&](int fd, std::uint32_t interest) {
    return module::HostWatch(bed.State(), fd, interest, &CallReady, &hook);
  };
  CHECK(watch(file.Get(), PFD_READ) == nullptr);  // EPERM: a file cannot be polled
  CHECK(watch(-1, PFD_READ) == nullptr);
  CHECK(watch(pipe.out.Get(), 0) == nullptr);
  CHECK(watch(pipe.out.Get(), 4) == nullptr);
  CHECK(module::HostWatch(bed.State(), pipe.out.Get(), PFD_READ, nullptr, nullptr) == nullptr);
}

TEST_CASE("a watch that throws is called again, and the log is not flooded") {
  const CapturedLog log;
  FakeModule module;
  ModuleBed bed(module);
  const Pipe pipe;
  int calls = 0;
  pfd_watch* watch = nullptr;
  Hook hook = [&](std::uint32_t) {
    if (++calls == 50) module::HostUnwatch(watch);
    throw std::runtime_error("told to");
  };
  REQUIRE(::write(pipe.in.Get(), "a", 1) == 1);
  watch = module::HostWatch(bed.State(), pipe.out.Get(), PFD_READ, &CallReady, &hook);
  REQUIRE(watch != nullptr);
  CHECK(bed.Http().Until([&] { return calls == 50; }));
  CHECK(log.Entries("module_fault service=chat in=watch").size() <= 11);  // one a second; Until waits for 10
}

TEST_CASE("what belongs to the loop thread does nothing elsewhere, and the log says so once") {
  const CapturedLog log;
  FakeModule module;
  ModuleBed bed(module);
  const Pipe pipe;
  std::atomic<int> calls{0};
  Hook hook = [&calls](std::uint32_t) { ++calls; };
  pfd_timer* const timer = module::HostAfter(bed.State(), 0, &CallHook, &hook);
  std::thread thread([&] {
    CHECK(module::HostAfter(bed.State(), 0, &CallHook, &hook) == nullptr);
    CHECK(module::HostWatch(bed.State(), pipe.in.Get(), PFD_WRITE, &CallReady, &hook) == nullptr);
    module::HostCancel(timer);
  });
  thread.join();
  CHECK(bed.Http().Until([&] { return calls == 1; }));
  CHECK(log.Entries("module_misuse service=chat function=after").size() == 1);
  CHECK(log.Entries("module_misuse").size() == 1);
}

TEST_CASE("timers and watches that a module leaves behind end with the worker") {
  FakeModule module;
  const Pipe pipe;
  int calls = 0;
  Hook hook = [&calls](std::uint32_t) { ++calls; };
  ModuleBed bed(module);
  REQUIRE(module::HostAfter(bed.State(), 1000 * kMillisecond, &CallHook, &hook) != nullptr);
  REQUIRE(module::HostWatch(bed.State(), pipe.out.Get(), PFD_READ, &CallReady, &hook) != nullptr);
  bed.Leave();
  CHECK(calls == 0);
}

}  // namespace
}  // namespace preforkd::testing
