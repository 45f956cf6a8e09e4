#include "worker/module/http/worker_threads.h"

#include <fmt/format.h>

#include <atomic>
#include <utility>

namespace preforkd::module {

bool OthersWait(const WorkerEnv& env) {
  const PoolRow* const pool = env.scoreboard.PoolOf(env.row);
  return pool != nullptr && Get(pool->thread_queue) > 0;
}

Result<std::shared_ptr<WorkerThreads>> WorkerThreads::Of(WorkerEnv& env, std::size_t count,
                                                         const std::string& service) {
  if (env.threads == nullptr) {
    auto threads = std::make_shared<WorkerThreads>(env, count);
    if (const Status status = threads->threads_.Start(count, service); !status.Ok()) return status.Err();
    env.threads = std::move(threads);
  }
  // The configuration was checked for this; a module may have declared something else since.
  if (env.threads->count_ != count) {
    return Error{
        fmt::format("it wants {} application threads, and the worker has {}", count, env.threads->count_), 0};
  }
  return env.threads;
}

WorkerThreads::WorkerThreads(WorkerEnv& env, std::size_t count)
    : env_(env),
      count_(count),
      gauge_(env.row, env.scoreboard.Master().load_marks, env.id.slot, static_cast<std::uint32_t>(count)),
      threads_([this](std::size_t waiting, std::size_t running) { OnChange(waiting, running); }) {}

void WorkerThreads::OnChange(std::size_t waiting, std::size_t running) {
  const Time now = Now();
  gauge_.Set(waiting, running, now);
  wait_.Ran(running, now);
  if (running >= std::exchange(running_, running) || waiting > 0) return;
  // A thread is free. With the fence in Dispatcher::ShowThreadQueue: either the master sees that, or we its
  // queue.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (OthersWait(env_) && env_.master.thread_free) env_.master.thread_free();
}

}  // namespace preforkd::module
