#include "worker/module/http/http_module.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "common/base/log.h"
#include "worker/http/answer/error_page.h"
#include "worker/module/host/module_call.h"

namespace preforkd::module {
namespace {

// Requests that are kept for reuse. Together they are as many as are usually in progress.
constexpr std::size_t kSpare = 64;

Duration TimeOfRequest(const Settings& settings) {
  constexpr std::string_view kName = "request_timeout";
  constexpr Duration kUsual = std::chrono::seconds(30);
  const auto& items = settings.Items();
  const bool declared = std::any_of(items.begin(), items.end(),
                                    [&](const Settings::Item& item) { return item.setting.name == kName; });
  return declared ? settings.Time(kName) : kUsual;
}

}  // namespace

HttpModule::HttpModule(WorkerEnv& env, const ServiceConfig& config, LoopCalls& calls, ModuleStates& states)
    : env_(env),
      config_(config),
      calls_(calls),
      states_(states),
      timeout_(TimeOfRequest(config.settings)),
      timer_(env.loop, EventLoop::kPriorityControl, [this] { CheckTimes(); }) {}

HttpModule::~HttpModule() = default;

pfd_request& HttpModule::Fresh() {
  if (!spare_.empty()) {
    pfd_request* const spare = spare_.back();
    spare_.pop_back();
    return *spare;
  }
  RequestOwner& owner = *this;
  auto request = std::make_unique<pfd_request>(owner, calls_);
  pfd_request& made = *request;
  requests_.emplace(&made, std::move(request));
  return made;
}

void HttpModule::OnUnused(pfd_request& request) {
  deadlines_.Remove(request);
  if (spare_.size() >= kSpare) {
    requests_.erase(&request);
    return;
  }
  request.Reset();
  spare_.push_back(&request);
}

void HttpModule::CallHandle(pfd_request& request, std::size_t state) {
  try {
    states_.Module().handle(states_.State(state), &request);
    return;
  } catch (const std::exception& exception) {
    OnFault(request.Facts().Request(), exception.what());
  } catch (...) {
    OnFault(request.Facts().Request(), "its handler threw what is not a std::exception");
  }
  request.Answer().Fail();
}

// ---- what a request tells ----

void HttpModule::Tell(pfd_request& request, const char* what, void (*function)(void*, pfd_request*)) {
  if (function == nullptr) return;
  if (!request.Hold()) return;                             // the call may drop it
  const std::size_t state = request.Runner().value_or(0);  // of an event module: its only one
  CallModule(states_.Service(state), what, [&] { function(states_.State(state), &request); });
  request.Release();
}

void HttpModule::OnGone(pfd_request& request) { Tell(request, "gone", states_.Module().gone); }

void HttpModule::OnDrained(pfd_request& request) { Tell(request, "drained", states_.Module().drained); }

void HttpModule::OnArrived(pfd_request& request) { Tell(request, "arrived", states_.Module().arrived); }

void HttpModule::OnFault(const HttpRequest& facts, std::string_view what) {
  std::unique_lock lock(fault_mutex_);
  const auto held_back = fault_lines_.Allow(Now());
  lock.unlock();
  if (!held_back) return;
  log::Error({log::kRequestFailed,
              ConnId{facts.connection},
              {{"service", std::string_view(config_.name)}, {"suppressed", *held_back}}},
             "{} {}: {}", facts.method_name, facts.target, what);
}

// ---- the time of a request ----

void HttpModule::Watch(pfd_request& request) {
  request.at = Due(request);
  deadlines_.Add(request);
  ArmTimer();
}

void HttpModule::ArmTimer() {
  if (deadlines_.Earliest() == nullptr) return;
  // Most requests end long before: one timer for all, which need not be exact.
  constexpr Duration kSoonest = std::chrono::milliseconds(5);
  const Time now = Now();
  const Time at = std::max<Time>(deadlines_.Earliest()->at, now + kSoonest);
  if (timer_.Pending() && timer_at_ <= at) return;
  timer_at_ = at;
  timer_.SetAt(at, now);
}

void HttpModule::CheckTimes() {
  const Time now = Now();
  for (;;) {
    auto* const entry = deadlines_.Earliest();
    if (entry == nullptr || entry->at > now) break;
    auto& request = static_cast<pfd_request&>(*entry);
    deadlines_.Remove(request);
    if (!request.Hold()) continue;  // it is done; and answering may end it
    const Time again = Due(request);
    if (again > now) {
      request.at = again;
      deadlines_.Add(request);
    } else if (request.TimeOut()) {
      OnTimedOut(request);
    } else if (request.Runner() && !request.Kept() && request.Answer().Streams()) {
      request.at = now + timeout_;  // it waits for its client now, and may hang later
      deadlines_.Add(request);
    }
    request.Release();
  }
  ArmTimer();
}

}  // namespace preforkd::module
