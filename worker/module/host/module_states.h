// ModuleStates: the states of one module in one service: one for each application thread, or a single one in
// the loop thread. Owned by the service.
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
  // All must outlive it. `module`: a table that was checked (module_library.h).
  ModuleStates(const pfd_module& module, const pfd_host& host, WorkerEnv& env, const ServiceConfig& config,
               LoopCalls& calls, CountSink* counters, std::size_t count);

  // Calls init for state `index`, in the thread that will use it. Error: what the module wrote, or what it
  // threw.
  Status Init(std::size_t index);
  // Calls the hooks of the module, if it has them.
  void Retire(std::size_t index);
  void End(std::size_t index);

  [[nodiscard]] const pfd_module& Module() const { return module_; }
  [[nodiscard]] std::size_t Count() const { return states_.size(); }
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
