// The thin wrappers of libevent: timers that move, watches that are destroyed in their own callback, signals.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/event/event_loop.h"
#include "common/event/fd_watch.h"
#include "common/event/idle_call.h"
#include "common/event/readable_set.h"
#include "common/event/signal_watch.h"
#include "common/event/timer.h"
#include "common/process/heap_trim.h"
#include "common/process/limits.h"
#include "common/process/self_stat.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

struct Pair {
  UniqueFd ours;
  UniqueFd theirs;
};

Pair MakePair() {
  std::array<int, 2> fds{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) == 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// Turns the loop until the condition holds. A guard timer keeps each wait short.
template <typename Condition>
bool TurnUntil(EventLoop& loop, Condition condition, Duration timeout = kTimeout) {
  const Time end = Now() + timeout;
  Timer guard(loop, EventLoop::kPriorityControl, [] {});
  while (!condition() && Now() < end) {
    guard.SetAfter(milliseconds(5));
    REQUIRE(loop.RunOnce().Ok());
  }
  return condition();
}

}  // namespace

TEST_CASE("a timer fires once, not before its time") {
  EventLoop loop = std::move(EventLoop::Create()).Value();
  int fired = 0;
  Timer timer(loop, EventLoop::kPriorityClient, [&] { ++fired; });
  const Time start = Now();
  timer.SetAfter(milliseconds(50));
  CHECK(TurnUntil(loop, [&] { return fired == 1; }));
  CHECK(Now() - start >= milliseconds(48));
  CHECK_FALSE(timer.Pending());
  CHECK_FALSE(TurnUntil(
      loop, [&] { return fired == 2; }, milliseconds(50)));
}

TEST_CASE("a deadline that is moved away again and again fires at the last one") {
  EventLoop loop = std::move(EventLoop::Create()).Value();
  int fired = 0;
  Timer timer(loop, EventLoop::kPriorityClient, [&] { ++fired; });
  timer.SetAfter(milliseconds(10));
  const Time last = Now() + milliseconds(120);
  for (int step = 2; step <= 12; ++step) timer.SetAt(last - milliseconds(120 - step * 10));
  CHECK(TurnUntil(loop, [&] { return fired > 0; }));
  CHECK(Now() >= last - milliseconds(2));
  CHECK(fired == 1);
}

TEST_CASE("a deadline that is moved nearer fires at the nearer one") {
  EventLoop loop = std::move(EventLoop::Create()).Value();
  int fired = 0;
  Timer timer(loop, EventLoop::kPriorityClient, [&] { ++fired; });
  timer.SetAfter(std::chrono::hours(1));
  timer.SetAfter(milliseconds(10));
  CHECK(TurnUntil(
      loop, [&] { return fired == 1; }, std::chrono::seconds(5)));
}

TEST_CASE("a cancelled timer does not fire, and can be set again") {
  EventLoop loop = std::move(EventLoop::Create()).Value();
  int fired = 0;
  Timer timer(loop, EventLoop::kPriorityClient, [&] { ++fired; });
  timer.SetAfter(milliseconds(5));
  timer.Cancel();
  CHECK_FALSE(TurnUntil(
      loop, [&] { return fired > 0; }, milliseconds(50)));
  timer.SetAfter(milliseconds(5));
  CHECK(TurnUntil(loop, [&] { return fired == 1; }));
}

TEST_CASE("a timer may be destroyed, or set again, in its own callback") {
  EventLoop loop = std::move(EventLoop::Create()).Value();
  int fired = 0;
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>(loop, EventLoop::kPriorityClient, [&] {
    if (++fired < 3) return timer->SetAfter(milliseconds(1));
    timer.reset();
  });
  timer->SetAfter(milliseconds(1));
  CHECK(TurnUntil(loop, [&] { return timer == nullptr; }));
  CHECK(fired == 3);
}

TEST_CASE("a watch reports what is ready, as long as it is, and only what was asked for") {
  EventLoop loop = std::move(EventLoop::Create()).Value();
  const Pair pair = MakePair();
  int reads = 0;
  int writes = 0;
  FdWatch watch(loop, pair.ours.Get(), EventLoop::kPriorityClient, [&](Interest ready) {
    reads += Has(ready, Interest::kRead) ? 1 : 0;
    writes += Has(ready, Interest::kWrite) ? 1 : 0;
  });
  REQUIRE(watch.Want(Interest::kRead).Ok());
  CHECK_FALSE(TurnUntil(
      loop, [&] { return reads + writes > 0; }, milliseconds(30)));
  REQUIRE(::write(pair.theirs.Get(), "x", 1) == 1);
  CHECK(TurnUntil(loop, [&] { return reads >= 2; }));  // level-triggered: the byte was not read
  CHECK(writes == 0);
  REQUIRE(watch.Want(Interest::kWrite).Ok());
  reads = 0;
  CHECK(TurnUntil(loop, [&] { return writes > 0; }));
  CHECK(reads == 0);
  REQUIRE(watch.Want(Interest::kNone).Ok());
  writes = 0;
  CHECK_FALSE(TurnUntil(
      loop, [&] { return reads + writes > 0; }, milliseconds(30)));
}

TEST_CASE("a watch with a timeout reports when it is over, unless an event came first") {
  EventLoop loop = std::move(EventLoop::Create()).Value();
  const Pair pair = MakePair();
  int timeouts = 0;
  int reads = 0;
  FdWatch watch(loop, pair.ours.Get(), EventLoop::kPriorityClient, [&](Interest ready) {
    timeouts += Has(ready, Interest::kTimeout) ? 1 : 0;
    reads += Has(ready, Interest::kRead) ? 1 : 0;
  });
  const Time start = Now();
  REQUIRE(watch.Want(Interest::kRead, milliseconds(50)).Ok());
  CHECK(TurnUntil(loop, [&] { return timeouts > 0; }));
  CHECK(Now() - start >= milliseconds(45));
  CHECK(reads == 0);
  watch.Stop();
  timeouts = 0;
  REQUIRE(watch.Want(Interest::kRead, std::chrono::seconds(60)).Ok());
  REQUIRE(::write(pair.theirs.Get(), "x", 1) == 1);
  CHECK(TurnUntil(loop, [&] { return reads > 0; }));
  CHECK(timeouts == 0);
}

TEST_CASE("a watch for what happens at the other end reports each event once, and need not read") {
  EventLoop loop = std::move(EventLoop::Create()).Value();
  Pair pair = MakePair();
  int calls = 0;
  FdWatch watch(loop, pair.ours.Get(), EventLoop::kPriorityClient, [&](Interest) { ++calls; });
  SUBCASE("nothing there at the start") {}
  SUBCASE("something there at the start is reported, once") {
    REQUIRE(::write(pair.theirs.Get(), "x", 1) == 1);
    REQUIRE(watch.Want(Interest::kHangUp).Ok());
    CHECK(TurnUntil(loop, [&] { return calls == 1; }));
    calls = 0;
  }
  REQUIRE(watch.Want(Interest::kHangUp).Ok());
  CHECK_FALSE(TurnUntil(
      loop, [&] { return calls > 0; }, milliseconds(30)));
  REQUIRE(::write(pair.theirs.Get(), "y", 1) == 1);
  CHECK(TurnUntil(loop, [&] { return calls == 1; }));
  CHECK_FALSE(TurnUntil(
      loop, [&] { return calls > 1; }, milliseconds(30)));
  REQUIRE(::shutdown(pair.theirs.Get(), SHUT_WR) == 0);
  CHECK(TurnUntil(loop, [&] { return calls == 2; }));
  CHECK_FALSE(TurnUntil(
      loop, [&] { return calls > 2; }, milliseconds(30)));
  // What was not read is still there for another interest, and comes as long as it is.
  REQUIRE(watch.Want(Interest::kRead).Ok());
  CHECK(TurnUntil(loop, [&] { return calls >= 5; }));
  REQUIRE(watch.Want(Interest::kHangUp).Ok());
  REQUIRE(watch.Want(Interest::kNone).Ok());
  const int then = calls;
  pair.theirs.Reset();
  CHECK_FALSE(TurnUntil(
      loop, [&] { return calls > then; }, milliseconds(30)));
}

TEST_CASE("a watch may be destroyed in its own callback") {
  EventLoop loop = std::move(EventLoop::Create()).Value();
  const Pair pair = MakePair();
  std::unique_ptr<FdWatch> watch;
  watch = std::make_unique<FdWatch>(loop, pair.ours.Get(), EventLoop::kPriorityClient,
                                    [&](Interest) { watch.reset(); });
  REQUIRE(watch->Want(Interest::kWrite).Ok());
  CHECK(TurnUntil(loop, [&] { return watch == nullptr; }));
}

TEST_CASE("a set reports which of very many descriptors can be read, each turn, until read or removed") {
  EventLoop loop = std::move(EventLoop::Create()).Value();
  constexpr std::size_t kMany = 500;  // several turns
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < kMany; ++i) pairs.push_back(MakePair());
  std::vector<int> told(kMany);
  ReadableSet set(loop, EventLoop::kPriorityClient, [&](ReadableSet::Name name, ReadableSet::Reading) {
    ++told[static_cast<std::size_t>(static_cast<Pair*>(name) - pairs.data())];
  });
  for (Pair& pair : pairs) REQUIRE(set.Add(pair.ours.Get(), &pair).Ok());
  for (std::size_t i = 0; i < kMany; i += 2) REQUIRE(::write(pairs[i].theirs.Get(), "x", 1) == 1);
  REQUIRE(TurnUntil(loop, [&] {
    for (std::size_t i = 0; i < kMany; i += 2) {
      if (told[i] < 2) return false;
    }
    return true;
  }));
  for (std::size_t i = 1; i < kMany; i += 2) CHECK(told[i] == 0);
  for (std::size_t i = 0; i < kMany; i += 2) set.Remove(pairs[i].ours.Get(), &pairs[i]);
  pairs[1].theirs.Reset();  // end of file counts too
  const std::vector<int> before = told;
  REQUIRE(TurnUntil(loop, [&] { return told[1] > 0; }));
  for (std::size_t i = 0; i < kMany; i += 2) CHECK(told[i] == before[i]);
}

TEST_CASE("a set tells data from what may be the end") {
  EventLoop loop = std::move(EventLoop::Create()).Value();
  for (const auto& [sent, closed] : {std::pair(true, false), std::pair(true, true), std::pair(false, true)}) {
    CAPTURE(sent);
    CAPTURE(closed);
    Pair pair = MakePair();
    std::optional<ReadableSet::Reading> told;
    ReadableSet set(loop, EventLoop::kPriorityClient,
                    [&](ReadableSet::Name, ReadableSet::Reading reading) { told = reading; });
    REQUIRE(set.Add(pair.ours.Get(), &pair).Ok());
    if (sent) REQUIRE(::write(pair.theirs.Get(), "x", 1) == 1);
    if (closed) pair.theirs.Reset();
    REQUIRE(TurnUntil(loop, [&] { return told.has_value(); }));
    CHECK(told == (closed ? ReadableSet::Reading::kPerhapsEnded : ReadableSet::Reading::kData));
    set.Remove(pair.ours.Get(), &pair);
  }
}

TEST_CASE("a set: a descriptor removed in a callback is not reported again, not even in the same turn") {
  EventLoop loop = std::move(EventLoop::Create()).Value();
  std::vector<Pair> pairs;
  for (int i = 0; i < 40; ++i) pairs.push_back(MakePair());
  int calls = 0;
  std::vector<Pair*> added;
  std::optional<ReadableSet> set;
  set.emplace(loop, EventLoop::kPriorityClient, [&](ReadableSet::Name, ReadableSet::Reading) {
    ++calls;
    for (Pair* const pair : std::exchange(added, {})) set->Remove(pair->ours.Get(), pair);
  });
  const auto add = [&](Pair& pair) {
    REQUIRE(set->Add(pair.ours.Get(), &pair).Ok());
    added.push_back(&pair);
  };
  for (Pair& pair : pairs) {
    REQUIRE(::write(pair.theirs.Get(), "x", 1) == 1);
    add(pair);
  }
  REQUIRE(TurnUntil(loop, [&] { return calls > 0; }));
  CHECK(calls == 1);
  add(pairs[0]);
  REQUIRE(TurnUntil(loop, [&] { return calls > 1; }));
  CHECK(calls == 2);
}

TEST_CASE("a set refuses a file that cannot be polled, and goes on working") {
  EventLoop loop = std::move(EventLoop::Create()).Value();
  ReadableSet set(loop, EventLoop::kPriorityClient, [](ReadableSet::Name, ReadableSet::Reading) {});
  const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  REQUIRE(file.Valid());
  const Status status = set.Add(file.Get(), nullptr);
  REQUIRE_FALSE(status.Ok());
  CHECK(status.Err().errnum == EPERM);
  Pair pair = MakePair();
  CHECK(set.Add(pair.ours.Get(), &pair).Ok());
}

#ifndef PREFORKD_SANITIZED
TEST_CASE("the memory of many ended clients can be returned to the system") {
  REQUIRE(RaiseDescriptorLimit() > 4096);
  EventLoop loop = std::move(EventLoop::Create()).Value();
  constexpr std::size_t kMany = 1000;
  constexpr std::size_t kBytes = 2000;
  struct Client {
    Pair pair;
    std::unique_ptr<FdWatch> watch;
    std::unique_ptr<std::string> bytes;
  };
  std::vector<Client> clients;
  for (std::size_t i = 0; i < kMany; ++i) {
    Pair pair = MakePair();
    auto watch =
        std::make_unique<FdWatch>(loop, pair.ours.Get(), EventLoop::kPriorityClient, [](Interest) {});
    REQUIRE(watch->Want(Interest::kRead).Ok());
    clients.push_back({std::move(pair), std::move(watch), std::make_unique<std::string>(kBytes, 'x')});
  }
  const std::uint64_t before = ReadSelfStat().rss_bytes;
  for (Client& client : clients) {
    client.watch.reset();
    client.bytes.reset();
  }
  HeapTrim heap;
  REQUIRE(heap.Check(0, kMany, 0, Now()));
  CHECK(ReadSelfStat().rss_bytes + kMany * kBytes * 3 / 4 < before);
}
#endif

TEST_CASE("a signal is an event with its sender; nothing interrupts the program") {
  EventLoop loop = std::move(EventLoop::Create()).Value();
  int seen = 0;
  int from = 0;
  Result<std::unique_ptr<SignalWatch>> watch =
      SignalWatch::Create(loop, {SIGUSR1}, [&](int signo, int sender) {
        seen = signo;
        from = sender;
      });
  REQUIRE(watch.Ok());
  REQUIRE(::kill(::getpid(), SIGUSR1) == 0);
  CHECK(seen == 0);
  CHECK(TurnUntil(loop, [&] { return seen == SIGUSR1; }));
  CHECK(from == ::getpid());
}

TEST_CASE("an idle call comes when nothing else is ready, once, and may be requested again") {
  EventLoop loop = std::move(EventLoop::Create()).Value();
  std::string order;
  std::unique_ptr<IdleCall> idle;
  int asked = 0;
  idle = std::make_unique<IdleCall>(loop, [&] {
    order += 'i';
    if (++asked < 3) idle->Request();
  });
  idle->Request();
  idle->Request();
  Pair pair = MakePair();
  REQUIRE(::write(pair.theirs.Get(), "abc", 3) == 3);
  FdWatch watch(loop, pair.ours.Get(), EventLoop::kPriorityClient, [&](Interest) {
    char byte = 0;
    REQUIRE(::read(pair.ours.Get(), &byte, 1) == 1);
    order += byte;
  });
  REQUIRE(watch.Want(Interest::kRead).Ok());
  CHECK(TurnUntil(loop, [&] { return asked == 3; }));
  CHECK(order == "abciii");
  idle->Request();
  idle.reset();  // a destroyed one is not called
  CHECK_FALSE(TurnUntil(
      loop, [&] { return asked > 3; }, milliseconds(20)));
}

TEST_CASE("a call with the clients' priority comes once, behind all ready clients, in the same turn") {
  EventLoop loop = std::move(EventLoop::Create()).Value();
  std::string order;
  IdleCall last(
      loop, [&] { order += '.'; }, EventLoop::kPriorityClient);
  std::array<Pair, 3> pairs = {MakePair(), MakePair(), MakePair()};
  std::vector<std::unique_ptr<FdWatch>> watches;
  for (Pair& pair : pairs) {
    REQUIRE(::write(pair.theirs.Get(), "abc", 3) == 3);
    watches.push_back(
        std::make_unique<FdWatch>(loop, pair.ours.Get(), EventLoop::kPriorityClient, [&](Interest) {
          char byte = 0;
          REQUIRE(::read(pair.ours.Get(), &byte, 1) == 1);
          order += byte;
          last.Request();
        }));
    REQUIRE(watches.back()->Want(Interest::kRead).Ok());
  }
  for (int turn = 0; turn < 3; ++turn) REQUIRE(loop.RunOnce().Ok());
  CHECK(order == "aaa.bbb.ccc.");
}

}  // namespace preforkd::testing
