#include "worker/module/http/blocking_module.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "common/base/log.h"
#include "worker/module/http/thread_trace.h"

namespace preforkd::module {
namespace {

// A request with less time left gets its 504 here.
constexpr Duration kTooLate = std::chrono::milliseconds(20);
// After a refusal, because of the state of its connection. Packing costs a copy.
constexpr Duration kRefusedPause = std::chrono::milliseconds(100);
// For end() of all threads, when the worker leaves in order.
constexpr Duration kEndTimeout = std::chrono::seconds(1);

}  // namespace

BlockingModule::BlockingModule(WorkerEnv& env, const ServiceConfig& config, LoopCalls& calls,
                               ModuleStates& states, std::shared_ptr<WorkerThreads> threads)
    : HttpModule(env, config, calls, states),
      worker_(std::move(threads)),
      threads_(worker_->Threads()),
      spread_timer_(env.loop, EventLoop::kPriorityControl, [this] { Spread(); }) {}

BlockingModule::~BlockingModule() = default;

Status BlockingModule::InitThreads() {
  return threads_.InEach([this](std::size_t thread) { return states_.Init(thread); });
}

void BlockingModule::Start(const HttpRequest& facts, HttpResponse&, Deferral& deferral) {
  pfd_request& request = Fresh();
  request.BeginDeferred(deferral.Take());
  Watch(request);
  // One that has waited in the master was given to us for a free thread.
  const bool behind_others = !facts.answer_by && OthersAreNext(request.Answer().Active()) && MasterQueues();
  waiting_.push_back({&request, request.Answer().Active(), !behind_others});
  if (behind_others) return spread_timer_.SetAfter(Duration(0));
  threads_.Add(request);
  ArmSpread();
}

void BlockingModule::OnUnused(pfd_request& request) {
  std::erase_if(waiting_, [&](const Waiting& one) { return one.request == &request; });
  HttpModule::OnUnused(request);
}

// ---- requests that wait ----

void BlockingModule::ForgetBegun() {
  while (!waiting_.empty() && waiting_.front().request->Runner()) waiting_.pop_front();
}

void BlockingModule::ArmSpread() {
  if (!spread_timer_.Pending()) spread_timer_.SetAfter(LocalWait::kMoment);
}

bool BlockingModule::MasterQueues() const {
  const bool stops = env_.scoreboard.Master().state.load(std::memory_order_relaxed) == MasterState::kStopping;
  return !env_.retiring && !stops && env_.config->dispatch.policy != DispatchPolicy::kClientHash &&
         env_.scoreboard.PoolOf(env_.row) != nullptr;
}

bool BlockingModule::OthersAreNext(Time now) const {
  const PoolRow* const pool = env_.scoreboard.PoolOf(env_.row);
  const std::uint64_t since = pool != nullptr ? Get(pool->thread_queue_since_ns) : 0;
  if (since == 0) return false;
  return now - FromNanoseconds(static_cast<std::int64_t>(since)) >= env_.config->dispatch.reclaim_after;
}

void BlockingModule::Spread() {
  ForgetBegun();
  const Time now = Now();
  // With client-hash each request would come back to this worker.
  if (env_.config->dispatch.policy == DispatchPolicy::kClientHash) return;
  std::uint64_t free = FreeThreadsElsewhere(env_.scoreboard, env_.id.slot);
  const std::optional<Duration> limit =
      MasterQueues() ? worker_->Wait().Limit(env_.config->dispatch.reclaim_after) : std::nullopt;
  for (std::size_t i = 0; i < waiting_.size();) {
    Waiting& one = waiting_[i];
    const Duration waited = now - one.since;
    const bool goes =
        !one.queued || (free > 0 && waited >= LocalWait::kMoment) || (limit && waited >= *limit);
    const bool may = goes && one.request->at - now > kTooLate;
    const bool stays = one.queued && (!may || one.request->Runner() || !threads_.TakeBack(*one.request));
    if (!stays && HandBack(one, may, now)) {
      free -= std::min<std::uint64_t>(free, 1);
    } else {
      ++i;
    }
  }
  ForgetBegun();
  if (!waiting_.empty()) ArmSpread();
}

bool BlockingModule::HandBack(Waiting& waiting, bool may, Time now) {
  pfd_request& request = *waiting.request;
  request.Hold();
  const bool left = may && request.Travel();
  if (left) {
    request.Release();  // for the thread, which will not run it
  } else {
    if (may) waiting.since = now + kRefusedPause;
    std::exchange(waiting.queued, true) ? threads_.AddFirst(request) : threads_.Add(request);
  }
  request.Release();  // if it has left, `waiting` is gone after this
  return left;
}

bool BlockingModule::TakeUnqueued(const pfd_request& request) {
  for (Waiting& one : waiting_) {
    if (one.request == &request) return !std::exchange(one.queued, true);
  }
  return false;
}

// ---- a request that takes too long ----

// Its wait is limited on all its journeys together; the time of its handler is its own.
Time BlockingModule::Due(pfd_request& request) const {
  const Time due = HttpModule::Due(request);
  return request.Runner() ? due : std::min(due, request.Facts().Request().answer_by.value_or(due));
}

void BlockingModule::OnTimedOut(pfd_request& request) {
  if (!request.Runner()) {
    if (threads_.TakeBack(request) || TakeUnqueued(request)) request.Release();
    return OnFault(request.Facts().Request(), "504: no thread was free in time");
  }
  const std::optional<pthread_t> thread = threads_.RunnerOf(request);
  if (!thread) return OnFault(request.Facts().Request(), "504: it was not answered in time");
  OnFault(request.Facts().Request(), "504: its handler blocks for too long; this worker is replaced");
  const std::vector<std::string> trace = TraceOf(*thread);
  for (std::size_t i = 0; i < trace.size(); ++i) {
    log::Error({log::kThreadTrace,
                ConnId{request.Facts().Request().connection},
                {{"frame", i}, {"at", std::string_view(trace[i])}}},
               "#{} {}", i, trace[i]);
  }
  if (env_.master.replace_me) env_.master.replace_me();
}

// ---- the end of the worker ----

void BlockingModule::OnRetire() {
  if (states_.Module().retire == nullptr) return;
  threads_.RunInEach([this](std::size_t thread) { states_.Retire(thread); });
}

bool BlockingModule::OnExit() {
  const bool all = threads_.Finish([this](std::size_t thread) { states_.End(thread); }, kEndTimeout);
  if (!all) {
    log::Notice({log::kModuleBusy, {{"service", std::string_view(config_.name)}}},
                "an application thread is still busy when the worker exits");
  }
  return all;
}

}  // namespace preforkd::module
