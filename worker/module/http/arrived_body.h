// ArrivedBody: the body of a request that comes in pieces: what has arrived and was not read yet. Filled in
// the loop thread, read by the module in any thread.
#ifndef PREFORKD_WORKER_MODULE_HTTP_ARRIVED_BODY_H_
#define PREFORKD_WORKER_MODULE_HTTP_ARRIVED_BODY_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

namespace preforkd::module {

class ArrivedBody {
 public:
  // `last`: the body is complete. True: enough has arrived, read no more from the client.
  bool Arrive(std::string_view piece, bool last);
  [[nodiscard]] bool Complete();
  // No more will arrive.
  void Stop();
  // Moves bytes to `into`. 0: the body is complete. -EAGAIN: nothing is there now. -EPIPE: nothing more will
  // come. `wait`: until something arrives, instead of -EAGAIN. Sets `read_on` if the client, which was held
  // back, may send again.
  std::int64_t Read(std::span<char> into, bool wait, bool& read_on);
  void Reset();

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::string bytes_;
  bool complete_ = false;
  bool stopped_ = false;
  bool held_ = false;
};

}  // namespace preforkd::module

#endif
