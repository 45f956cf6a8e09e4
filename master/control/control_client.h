// ControlClient: one connection to the control socket. It handles one request at a time and sends the reply
// before it reads the next one.
//
// A client cannot block the master: the size of a request and of a reply is bounded, a partial request and an
// unread reply have a deadline, and every call is non-blocking.
#ifndef PREFORKD_MASTER_CONTROL_CONTROL_CLIENT_H_
#define PREFORKD_MASTER_CONTROL_CONTROL_CLIENT_H_

#include <functional>
#include <memory>
#include <string>

#include "common/base/unique_fd.h"
#include "common/control/control_message.h"
#include "common/event/event_loop.h"
#include "common/event/fd_watch.h"
#include "common/event/idle_call.h"
#include "common/event/timer.h"

namespace preforkd {

// Called at most once, now or later. Does nothing if the client has disconnected.
using ControlAnswer = std::function<void(const ControlReply&)>;
// The master's request handler.
using ControlHandler = std::function<void(const ControlRequest&, ControlAnswer)>;

class ControlClient : public std::enable_shared_from_this<ControlClient> {
 public:
  // Maximum time for the rest of a request to arrive, or for the client to read more of a reply.
  static constexpr Duration kTimeout = std::chrono::seconds(10);

  // `handler` must outlive the client. `on_closed` is called from the event loop as the last action; it may
  // destroy the client.
  ControlClient(EventLoop& loop, UniqueFd fd, const ControlHandler& handler,
                std::function<void(ControlClient*)> on_closed);

  // Error: the descriptor cannot be watched.
  Status Start();
  // Use instead of Start after an upgrade, for a client whose request the previous program received. Returns
  // the function that sends the reply; nothing is read before it is called.
  ControlAnswer AwaitAnswer();
  // Sends `reply` before any request was read. The caller drops the client afterwards.
  void TurnAway(const ControlReply& reply);

  // No reply is outstanding: this client may be closed to make room for a new one.
  [[nodiscard]] bool Idle() const { return !answering_; }
  // The client waits for the outcome of a reload or an upgrade (--wait).
  [[nodiscard]] bool WaitsForChange() const;
  // Nothing is pending in either direction.
  [[nodiscard]] bool Quiet() const {
    return !answering_ && received_.empty() && unsent_.empty() && !no_more_;
  }
  [[nodiscard]] int Fd() const { return fd_.Get(); }  // borrowed

 private:
  void OnReady(Interest ready);
  // Reads what is available. False if the connection has failed.
  bool Receive();
  // Handles complete requests for as long as each reply is sent at once. Never called from an answer that
  // comes later.
  void Proceed();
  void Handle(const std::string& line);
  ControlAnswer MakeAnswer();
  void Answer(const ControlReply& reply);
  // Sends as much as possible. False if the connection has failed.
  bool Send();
  // Sets the watch and the deadline for the next event.
  void Await();
  void Close();

  EventLoop& loop_;
  UniqueFd fd_;
  const ControlHandler& handler_;
  std::function<void(ControlClient*)> on_closed_;
  std::string received_;
  std::string unsent_;
  bool answering_ = false;    // the handler works on asked_
  ControlRequest asked_;      // the current request
  bool proceeding_ = false;   // Proceed is already on the call stack
  bool no_more_ = false;      // the client has closed its sending side
  bool last_answer_ = false;  // close after the reply is sent
  FdWatch watch_;
  Timer deadline_;
  IdleCall proceed_;  // after an answer that came later
};

}  // namespace preforkd

#endif
