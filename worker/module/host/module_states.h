// ModuleStates: the states of one module in one service: one for each application thread, and one of the loop
// thread, or only that. Owned by the service.
#ifndef PREFORKD_WORKER_MODULE_HOST_MODULE_STATES_H_
#define PREFORKD_WORKER_MODULE_HOST_MODULE_STATES_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "common/base/result.h"
#include "worker/api/module.h"
#include "worker/module/host/module_state.h"

namespace preforkd::module {

class ModuleStates {
 public:
  // All must outlive it. `module`: a table that was checked (module_library.h). `threads`: of a blocking
  // module; their states are the first ones. The loop thread has one behind them if it runs the module.
  ModuleStates(const pfd_module& module, const pfd_host& host, WorkerEnv& env, const ServiceConfig& config,
               LoopCalls& calls, CountSink* counters, std::size_t threads);

  // Calls init for state `index`, in the thread that will use it. Error: what the module wrote, or what it
  // threw.
  Status Init(std::size_t index);
  // Calls the hooks of the module, if it has them.
  void Retire(std::size_t index);
  void End(std::size_t index);

  [[nodiscard]] const pfd_module& Module() const { return module_; }
  // The last state is of the loop thread.
  [[nodiscard]] bool HasLoopState() const { return states_.back().service->in_loop; }
  [[nodiscard]] std::size_t LoopState() const { return states_.size() - 1; }
  [[nodiscard]] void* State(std::size_t index) const { return states_[index].state; }
  [[nodiscard]] pfd_service& Service(std::size_t index) const { return *states_[index].service; }

 private:
  struct One {
    std::unique_ptr<pfd_service> service;
    void* state = nullptr;
    bool begun = false;  // init was successful
  };

  void Call(std::size_t index, const char* what, void (*function)(void*));

  const pfd_module& module_;
  const pfd_host& host_;
  std::vector<One> states_;
};

}  // namespace preforkd::module

#endif
