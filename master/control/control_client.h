// ControlClient: one connection of the control socket: a request at a time, answered before the next is read.
//
// Nobody on the other end can hold up the master: what may be kept of a request and of an answer is bounded,
// half a request and half-read answers have a deadline, and every call is non-blocking.
#ifndef PREFORKD_MASTER_CONTROL_CONTROL_CLIENT_H_
#define PREFORKD_MASTER_CONTROL_CONTROL_CLIENT_H_

#include <functional>
#include <memory>
#include <string>

#include "common/base/unique_fd.h"
#include "common/control/control_message.h"
#include "common/event/event_loop.h"
#include "common/event/fd_watch.h"
#include "common/event/timer.h"

namespace preforkd {

// Called at most once, now or later; nothing happens when the client has gone by then.
using ControlAnswer = std::function<void(const ControlReply&)>;
// What the master does with a request.
using ControlHandler = std::function<void(const ControlRequest&, ControlAnswer)>;

class ControlClient : public std::enable_shared_from_this<ControlClient> {
 public:
  // How long the rest of a request, or the client's reading of an answer, may take.
  static constexpr Duration kTimeout = std::chrono::seconds(10);

  // `handler` outlives the client. `on_closed`: drop it; called from the loop, as the last thing that is
  // done.
  ControlClient(EventLoop& loop, UniqueFd fd, const ControlHandler& handler,
                std::function<void(ControlClient*)> on_closed);

  // Error: it cannot be watched.
  Status Start();
  // Instead of Start, for one whose request this process has taken as another program: the answer to it.
  // Nothing is read before that is given.
  ControlAnswer AwaitAnswer();
  // Answers before anything was asked, and closes.
  void TurnAway(const ControlReply& reply);

  // It waits for nothing that the server has promised: may be closed for a newer one.
  [[nodiscard]] bool Idle() const { return !answering_; }
  // Its request changes what serves, and it waits for the outcome: reload --wait, upgrade --wait.
  [[nodiscard]] bool WaitsForChange() const;
  // Nothing is on the way in either direction.
  [[nodiscard]] bool Quiet() const {
    return !answering_ && received_.empty() && unsent_.empty() && !no_more_;
  }
  [[nodiscard]] int Fd() const { return fd_.Get(); }  // borrowed

 private:
  void OnReady(Interest ready);
  // What there is to be read; false when the connection is over.
  bool Receive();
  // Handles complete requests, as long as answers go out at once.
  void Proceed();
  void Handle(const std::string& line);
  ControlAnswer MakeAnswer();
  void Answer(const ControlReply& reply);
  // Sends what it can; false when the connection is over.
  bool Send();
  // Waits for what can happen next.
  void Await();
  void Close();

  EventLoop& loop_;
  UniqueFd fd_;
  const ControlHandler& handler_;
  std::function<void(ControlClient*)> on_closed_;
  std::string received_;
  std::string unsent_;
  bool answering_ = false;    // the handler has the request
  ControlRequest asked_;      // that one
  bool proceeding_ = false;   // Proceed is at work further down the stack
  bool no_more_ = false;      // the client will send nothing more
  bool last_answer_ = false;  // close when it is sent
  FdWatch watch_;
  Timer deadline_;
};

}  // namespace preforkd

#endif
