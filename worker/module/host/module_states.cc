#include "worker/module/host/module_states.h"

#include <fmt/format.h>

#include <array>
#include <exception>
#include <string>

#include "worker/module/host/module_call.h"

namespace preforkd::module {
namespace {

constexpr std::size_t kErrorBytes = 1024;

}  // namespace

ModuleStates::ModuleStates(const pfd_module& module, const pfd_host& host, WorkerEnv& env,
                           const ServiceConfig& config, LoopCalls& calls, CountSink* counters,
                           std::size_t threads)
    : module_(module), host_(host) {
  const bool loop = module.kind != PFD_BLOCKING || module.protocol != nullptr;
  states_.resize(threads + (loop ? 1 : 0));
  for (std::size_t i = 0; i < states_.size(); ++i) {
    states_[i].service = std::make_unique<pfd_service>(env, config, calls, counters,
                                                       static_cast<std::uint32_t>(i), i >= threads);
  }
}

Status ModuleStates::Init(std::size_t index) {
  One& one = states_[index];
  std::array<char, kErrorBytes> error{};
  int result = 0;
  try {
    result = module_.init(&host_, one.service.get(), &one.state, error.data(), error.size());
  } catch (const std::exception& exception) {
    return Error{fmt::format("the module's init threw an exception: {}", exception.what()), 0};
  } catch (...) {
    return Error{"the module's init threw what is not a std::exception", 0};
  }
  if (result == 0) {
    one.begun = true;
    return {};
  }
  error.back() = '\0';
  const std::string text(error.data());
  return Error{text.empty() ? fmt::format("the module's init failed with {}, without a reason", result)
                            : fmt::format("the module's init failed: {}", text),
               0};
}

void ModuleStates::Call(std::size_t index, const char* what, void (*function)(void*)) {
  const One& one = states_[index];
  if (function == nullptr || !one.begun) return;
  try {
    function(one.state);
  } catch (const std::exception& exception) {
    ReportFault(*one.service, what, exception.what());
  } catch (...) {
    ReportFault(*one.service, what, "threw what is not a std::exception");
  }
}

void ModuleStates::Retire(std::size_t index) { Call(index, "retire", module_.retire); }

void ModuleStates::End(std::size_t index) { Call(index, "end", module_.end); }

}  // namespace preforkd::module
