#include "worker/module/http/blocking_module.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/log.h"
#include "worker/module/http/thread_trace.h"

namespace preforkd::module {
namespace {

// How long a request waits for a thread of this worker before it may go to another one. A journey costs about
// a tenth of it, and most handlers that do not block are done by then.
constexpr Duration kGrace = std::chrono::milliseconds(2);
// For end() of all threads, when the worker leaves in order.
constexpr Duration kEndTimeout = std::chrono::seconds(1);

}  // namespace

BlockingModule::BlockingModule(WorkerEnv& env, const ServiceConfig& config, LoopCalls& calls,
                               ModuleStates& states, std::size_t threads)
    : HttpModule(env, config, calls, states),
      count_(threads),
      gauge_(env.row, env.scoreboard.Master().load_marks, env.id.slot, static_cast<std::uint32_t>(threads)),
      threads_([this](std::size_t waiting, std::size_t running) { gauge_.Set(waiting, running, Now()); }),
      spread_timer_(env.loop, EventLoop::kPriorityControl, [this] { Spread(); }) {}

BlockingModule::~BlockingModule() = default;

Status BlockingModule::StartThreads() {
  Status status =
      threads_.Start(count_, config_.name, [this](std::size_t thread) { return states_.Init(thread); });
  // Without a limit: the master kills a worker that takes too long to start.
  if (!status.Ok()) (void)threads_.Finish({}, std::chrono::hours(24));
  return status;
}

void BlockingModule::Start(const HttpRequest&, HttpResponse&, Deferral& deferral) {
  pfd_request& request = Fresh();
  request.BeginDeferred(deferral.Take());
  Watch(request);
  waiting_.push_back({&request, request.Answer().Active()});
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
  if (!spread_timer_.Pending()) spread_timer_.SetAfter(kGrace);
}

void BlockingModule::Spread() {
  ForgetBegun();
  const Time now = Now();
  // With client-hash each request would come back to this worker.
  if (env_.config->dispatch.policy == DispatchPolicy::kClientHash) return;
  std::uint64_t free = FreeThreadsElsewhere(env_.scoreboard, env_.id.slot);
  for (std::size_t i = 0; i < waiting_.size() && free > 0;) {
    const Waiting one = waiting_[i];
    if (now - one.since < kGrace) break;
    if (one.request->Runner() || !threads_.TakeBack(*one.request)) {
      ++i;
      continue;
    }
    one.request->Hold();
    const bool left = one.request->Travel();
    if (left) {
      one.request->Release();  // for the thread, which will not run it
      --free;
    } else {
      threads_.AddFirst(*one.request);
      ++i;
    }
    one.request->Release();
  }
  ForgetBegun();
  if (!waiting_.empty()) ArmSpread();
}

// ---- a request that takes too long ----

void BlockingModule::OnTimedOut(pfd_request& request) {
  if (!request.Runner()) {
    if (threads_.TakeBack(request)) request.Release();
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
  if (env_.replace_me) env_.replace_me();
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
