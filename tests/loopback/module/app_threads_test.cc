// The application threads alone: order, jobs that are taken back, hooks, a failing start, a bounded end.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/wait_until.h"
#include "worker/module/http/app_threads.h"

namespace preforkd::module {
namespace {

using preforkd::testing::kTimeout;
using preforkd::testing::WaitUntil;
using std::chrono::milliseconds;

// Appends its number to a list; the job 0 waits until it is told.
struct Jobs {
  struct Job final : AppThreads::Job {
    void Run(std::size_t) override {
      std::unique_lock lock(jobs->mutex);
      jobs->begun.push_back(number);
      jobs->changed.notify_all();
      if (number == 0) jobs->changed.wait(lock, [this] { return jobs->go; });
    }
    Jobs* jobs = nullptr;
    int number = 0;
  };

  explicit Jobs(std::size_t count) : all(count) {
    for (std::size_t i = 0; i < count; ++i) {
      all[i].jobs = this;
      all[i].number = static_cast<int>(i);
    }
  }
  std::vector<int> Begun() {
    const std::lock_guard lock(mutex);
    return begun;
  }
  void Go() {
    const std::lock_guard lock(mutex);
    go = true;
    changed.notify_all();
  }

  std::vector<Job> all;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<int> begun;
  bool go = false;
};

const AppThreads::Each kNothing = [](std::size_t) {};

struct Threads : AppThreads {
  Threads()
      : AppThreads([this](std::size_t w, std::size_t r) {
          waiting = w;
          running = r;
        }) {}
  std::atomic<std::size_t> waiting{0};
  std::atomic<std::size_t> running{0};
};

TEST_CASE("jobs run in order; one that waits may be taken back and put in front again") {
  Jobs jobs(5);
  Threads threads;
  REQUIRE(threads.Start(1, "test").Ok());
  for (auto& job : jobs.all) threads.Add(job);
  REQUIRE(WaitUntil(kTimeout, [&] { return threads.running == 1; }));
  CHECK(threads.waiting == 4);
  CHECK_FALSE(threads.TakeBack(jobs.all[0]));
  CHECK(threads.RunnerOf(jobs.all[0]).has_value());
  CHECK_FALSE(threads.RunnerOf(jobs.all[1]).has_value());
  CHECK(threads.TakeBack(jobs.all[3]));
  CHECK_FALSE(threads.TakeBack(jobs.all[3]));
  CHECK(threads.TakeBack(jobs.all[4]));
  CHECK(threads.waiting == 2);
  threads.AddFirst(jobs.all[4]);
  jobs.Go();
  CHECK(threads.Finish(kNothing, kTimeout));
  CHECK(jobs.Begun() == std::vector<int>{0, 4, 1, 2});
  CHECK(threads.running == 0);
  CHECK(threads.waiting == 0);
}

TEST_CASE("an init that fails: its error, once all have tried") {
  std::atomic<int> tried{0};
  Threads threads;
  REQUIRE(threads.Start(4, "test").Ok());
  const Status status = threads.InEach([&](std::size_t thread) -> Status {
    ++tried;
    if (thread == 2) return Error{"no database", 0};
    return {};
  });
  REQUIRE_FALSE(status.Ok());
  CHECK(status.Err().text == "no database");
  CHECK(tried == 4);
  CHECK(threads.Finish(kNothing, kTimeout));
}

TEST_CASE("a hook runs once in each thread, before its next job, also in one that was busy") {
  Jobs jobs(2);
  Threads threads;
  REQUIRE(threads.Start(2, "test").Ok());
  threads.Add(jobs.all[0]);
  REQUIRE(WaitUntil(kTimeout, [&] { return threads.running == 1; }));
  std::mutex mutex;
  std::multiset<std::size_t> ran;
  threads.RunInEach([&](std::size_t thread) {
    const std::lock_guard lock(mutex);
    ran.insert(thread);
  });
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return ran.size();
  };
  CHECK(WaitUntil(kTimeout, [&] { return count() == 1; }));
  jobs.Go();
  CHECK(WaitUntil(kTimeout, [&] { return count() == 2; }));
  CHECK(threads.Finish(kNothing, kTimeout));
  CHECK(ran == std::multiset<std::size_t>{0, 1});
}

TEST_CASE("the end waits for what is queued, and not for longer than it may") {
  Jobs jobs(3);
  Threads threads;
  REQUIRE(threads.Start(1, "test").Ok());
  for (auto& job : jobs.all) threads.Add(job);
  REQUIRE(WaitUntil(kTimeout, [&] { return threads.running == 1; }));
  std::atomic<int> last{0};
  const Time begin = Now();
  CHECK_FALSE(threads.Finish([&](std::size_t) { ++last; }, milliseconds(30)));
  CHECK(Now() - begin >= milliseconds(30));
  CHECK(Now() - begin < std::chrono::seconds(5));
  CHECK(last == 0);
  jobs.Go();
  CHECK(threads.Finish([&](std::size_t) { ++last; }, kTimeout));
  CHECK(last == 2);  // also the one before
  CHECK(jobs.Begun() == std::vector<int>{0, 1, 2});
}

TEST_CASE(
    "the hooks of several services: each runs once in each thread, in their order, the last ones last") {
  Jobs jobs(3);
  Threads threads;
  REQUIRE(threads.Start(1, "test").Ok());
  std::mutex mutex;
  std::vector<std::string> ran;
  const auto note = [&](const char* what) {
    return [&, what](std::size_t) {
      const std::lock_guard lock(mutex);
      ran.emplace_back(what);
    };
  };
  const auto init = [&](const char* what) {
    return threads.InEach([&, what](std::size_t thread) -> Status {
      note(what)(thread);
      return {};
    });
  };
  REQUIRE(init("init a").Ok());
  REQUIRE(init("init b").Ok());
  for (auto& job : jobs.all) threads.Add(job);
  REQUIRE(WaitUntil(kTimeout, [&] { return threads.running == 1; }));
  threads.RunInEach(note("retire a"));
  threads.RunInEach(note("retire b"));
  jobs.Go();
  CHECK(threads.Finish(note("end a"), kTimeout));
  CHECK(jobs.Begun() == std::vector<int>{0, 1, 2});
  CHECK(threads.Finish(note("end b"), kTimeout));
  const std::vector<std::string> all = {"init a", "init b", "retire a", "retire b", "end a", "end b"};
  CHECK(ran == all);
}

}  // namespace
}  // namespace preforkd::module
