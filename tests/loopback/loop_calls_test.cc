// Calls from other threads into the loop: each runs once, in its thread's order, in the loop thread.
#include "common/event/loop_calls.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <thread>
#include <vector>

#include "common/event/timer.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

void RunFunction(const LoopCall& call) { (*static_cast<std::function<void()>*>(call.owner))(); }

// `function` must live until it has run.
LoopCall CallOf(std::function<void()>& function) { return {&RunFunction, &function, nullptr, nullptr}; }

struct World {
  EventLoop loop = std::move(EventLoop::Create()).Value();
  std::unique_ptr<LoopCalls> calls = std::move(LoopCalls::Create(loop)).Value();
  int waits = 0;

  template <typename Condition>
  bool Until(Condition condition) {
    const Time end = Now() + kTimeout;
    Timer guard(loop, EventLoop::kPriorityControl, [] {});
    while (!condition() && Now() < end) {
      guard.SetAfter(std::chrono::milliseconds(5));
      REQUIRE(loop.RunOnce().Ok());
      ++waits;
    }
    return condition();
  }
};

}  // namespace

TEST_CASE("posts of several threads run once each, in order, in the loop thread") {
  constexpr std::size_t kThreads = 4;
  constexpr int kCalls = 5000;
  struct Sender {
    World* world = nullptr;
    std::vector<int> got;
    bool elsewhere = false;
  };
  struct Number {
    Sender* sender = nullptr;
    int number = 0;
  };
  World world;
  std::vector<Sender> senders(kThreads);
  std::vector<std::vector<Number>> numbers(kThreads);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    senders[i].world = &world;
    for (int n = 0; n < kCalls; ++n) numbers[i].push_back({&senders[i], n});
    threads.emplace_back([&world, &mine = numbers[i]] {
      for (Number& number : mine) {
        const auto run = [](const LoopCall& call) {
          const Number& arrived = *static_cast<Number*>(call.owner);
          arrived.sender->got.push_back(arrived.number);
          if (!arrived.sender->world->calls->InLoopThread()) arrived.sender->elsewhere = true;
        };
        while (world.calls->Post({run, &number, nullptr, nullptr}) != 0) {
        }
      }
    });
  }
  const bool all = world.Until([&] {
    std::size_t sum = 0;
    for (const Sender& sender : senders) sum += sender.got.size();
    return sum == kThreads * kCalls;
  });
  for (std::thread& thread : threads) thread.join();
  CHECK(all);
  for (const Sender& sender : senders) {
    CHECK_FALSE(sender.elsewhere);
    REQUIRE(sender.got.size() == kCalls);
    for (int n = 0; n < kCalls; ++n) REQUIRE(sender.got[static_cast<std::size_t>(n)] == n);
  }
}

TEST_CASE("many posts wake the loop once, and a post from a call runs in the next turn") {
  World world;
  int runs = 0;
  int nested = 0;
  std::function<void()> second = [&nested] { ++nested; };
  std::function<void()> first = [&] {
    if (++runs == 1000) CHECK(world.calls->Post(CallOf(second)) == 0);
    CHECK(nested == 0);
  };
  for (int i = 0; i < 1000; ++i) REQUIRE(world.calls->Post(CallOf(first)) == 0);
  CHECK(runs == 0);  // never inside Post
  REQUIRE(world.loop.RunOnce().Ok());
  CHECK(runs == 1000);
  CHECK(world.Until([&] { return nested == 1; }));
}

TEST_CASE("a loop that waits is woken by another thread") {
  World world;
  bool ran = false;
  std::function<void()> call = [&] { ran = true; };
  std::thread thread([&] { CHECK(world.calls->Post(CallOf(call)) == 0); });
  // Without the wake this would wait for the guard.
  Timer guard(world.loop, EventLoop::kPriorityControl, [] {});
  guard.SetAfter(kTimeout);
  const Time start = Now();
  REQUIRE(world.loop.RunOnce().Ok());
  CHECK(ran);
  CHECK(Now() - start < kTimeout / 2);
  thread.join();
}

TEST_CASE("Close runs what was posted and refuses what comes") {
  World world;
  int runs = 0;
  int refused = 0;
  std::function<void()> later = [&runs] { ++runs; };
  std::function<void()> call = [&] {
    ++runs;
    refused = world.calls->Post(CallOf(later));
  };
  CHECK(world.calls->Post(CallOf(call)) == 0);
  world.calls->Close();
  CHECK(runs == 1);
  CHECK(refused == -ESHUTDOWN);
  CHECK(world.calls->Post(CallOf(later)) == -ESHUTDOWN);
  world.calls->Close();
  CHECK(runs == 1);
}

TEST_CASE("threads that post while the loop ends are told, and no call is lost") {
  for (int round = 0; round < 50; ++round) {
    World world;
    int ran = 0;  // loop thread only
    std::function<void()> call = [&ran] { ++ran; };
    std::atomic<int> accepted{0};
    std::atomic<int> posting{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        ++posting;
        while (world.calls->Post(CallOf(call)) == 0) ++accepted;
      });
    }
    CHECK(world.Until([&] { return posting == 3; }));
    world.calls->Close();
    for (std::thread& thread : threads) thread.join();
    CHECK(ran == accepted);
  }
}

}  // namespace preforkd::testing
