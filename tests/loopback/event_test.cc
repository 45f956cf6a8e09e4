// The thin wrappers of libevent: timers that move, watches that go away in their own callback, signals.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/event/event_loop.h"
#include "common/event/fd_watch.h"
#include "common/event/idle_call.h"
#include "common/event/signal_watch.h"
#include "common/event/timer.h"
#include "tests/support/wait_until.h"

namespace preforkd {
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

EventLoop MakeLoop() {
  Result<EventLoop> loop = EventLoop::Create();
  REQUIRE(loop.Ok());
  return std::move(loop).Value();
}

// Turns the loop until the condition holds. A guard timer keeps each wait short.
template <typename Condition>
bool TurnUntil(EventLoop& loop, Condition condition, Duration patience = testing::kPatience) {
  const Time end = Now() + patience;
  Timer guard(loop, EventLoop::kPriorityControl, [] {});
  while (!condition() && Now() < end) {
    guard.SetAfter(milliseconds(5));
    REQUIRE(loop.RunOnce().Ok());
  }
  return condition();
}

}  // namespace

TEST_CASE("a timer fires once, not before its time") {
  EventLoop loop = MakeLoop();
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
  EventLoop loop = MakeLoop();
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
  EventLoop loop = MakeLoop();
  int fired = 0;
  Timer timer(loop, EventLoop::kPriorityClient, [&] { ++fired; });
  timer.SetAfter(std::chrono::hours(1));
  timer.SetAfter(milliseconds(10));
  CHECK(TurnUntil(
      loop, [&] { return fired == 1; }, std::chrono::seconds(5)));
}

TEST_CASE("a cancelled timer does not fire, and can be set again") {
  EventLoop loop = MakeLoop();
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
  EventLoop loop = MakeLoop();
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

TEST_CASE("a watch says what is ready, as long as it is, and only what was asked for") {
  EventLoop loop = MakeLoop();
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
  CHECK(TurnUntil(loop, [&] { return reads >= 2; }));  // level-triggered: nobody has read it
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

TEST_CASE("a watch with patience says when it is over, and not when what it waited for came first") {
  EventLoop loop = MakeLoop();
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

TEST_CASE("a watch may be destroyed in its own callback") {
  EventLoop loop = MakeLoop();
  const Pair pair = MakePair();
  std::unique_ptr<FdWatch> watch;
  watch = std::make_unique<FdWatch>(loop, pair.ours.Get(), EventLoop::kPriorityClient,
                                    [&](Interest) { watch.reset(); });
  REQUIRE(watch->Want(Interest::kWrite).Ok());
  CHECK(TurnUntil(loop, [&] { return watch == nullptr; }));
}

TEST_CASE("a signal is an event with its sender; nothing interrupts the program") {
  EventLoop loop = MakeLoop();
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

TEST_CASE("an idle call comes when nothing else is ready, once, and may be asked for again") {
  EventLoop loop = MakeLoop();
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
  idle.reset();  // one that is gone is not called
  CHECK_FALSE(TurnUntil(loop, [&] { return asked > 3; }, milliseconds(20)));
}

TEST_CASE("a call with the clients' priority comes once, behind all clients who are ready, in the same turn") {
  EventLoop loop = MakeLoop();
  std::string order;
  IdleCall last(loop, [&] { order += '.'; }, EventLoop::kPriorityClient);
  std::array<Pair, 3> pairs = {MakePair(), MakePair(), MakePair()};
  std::vector<std::unique_ptr<FdWatch>> watches;
  for (Pair& pair : pairs) {
    REQUIRE(::write(pair.theirs.Get(), "abc", 3) == 3);
    watches.push_back(std::make_unique<FdWatch>(loop, pair.ours.Get(), EventLoop::kPriorityClient, [&](Interest) {
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

}  // namespace preforkd
