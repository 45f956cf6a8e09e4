// websocket::Session: one WebSocket client (RFC 6455), for modules: wslay reads and writes the frames, this
// class joins it to a pfd::Session. Header-only, so that a module of yours can copy it: -lwslay -lnettle.
//
// wslay does masks, fragments, UTF-8, pings and the codes of a close; it does no I/O. Its state cannot be
// packed, so it gets whole frames only: half a frame stays unused in the server, and travels. A session
// travels between two messages.
//
// Loop thread only. An exception must not pass through wslay, which is C: each ends the session.
#ifndef PREFORKD_TESTS_MODULE_WEBSOCKET_SESSION_H_
#define PREFORKD_TESTS_MODULE_WEBSOCKET_SESSION_H_

#include <wslay/wslay.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <preforkd/module.hpp>
#include <string_view>

#include "tests/module/websocket/frame_size.h"

namespace websocket {

// A client that takes nothing is disconnected when more than this waits for it.
inline constexpr std::int64_t kMostWaiting = 256 * 1024;

class Session : public pfd::Session {
 public:
  // `longest`: of a message; a longer one is closed with 1009.
  explicit Session(std::uint64_t longest) {
    wslay_event_callbacks calls{};
    calls.recv_callback = receive;
    calls.send_callback = transmit;
    calls.on_frame_recv_start_callback = frame_begins;
    calls.on_msg_recv_callback = message_arrived;
    wslay_event_context_ptr made = nullptr;
    if (wslay_event_context_server_init(&made, &calls, this) != 0) throw std::bad_alloc();
    frames_.reset(made);
    wslay_event_config_set_max_recv_msg_length(made, longest);
  }

  // A whole message. `text`: it is UTF-8; else binary.
  virtual void on_message(std::string_view message, bool text) = 0;
  virtual void on_pong() {}

  void send_message(std::string_view message, bool text = true) {
    const wslay_event_msg queued{static_cast<std::uint8_t>(text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME),
                                 reinterpret_cast<const std::uint8_t*>(message.data()), message.size()};
    if (wslay_event_queue_msg(frames_.get(), &queued) == 0) flush();
    if (waiting() > kMostWaiting) finish();
  }
  void send_ping() {
    const wslay_event_msg queued{WSLAY_PING, nullptr, 0};
    if (wslay_event_queue_msg(frames_.get(), &queued) == 0) flush();
  }
  // Begins the close handshake; the connection ends with the client's answer, or after `timeout`.
  void close(std::uint16_t code, std::string_view reason = {},
             std::chrono::nanoseconds timeout = std::chrono::seconds(10)) {
    wslay_event_queue_close(frames_.get(), code, reinterpret_cast<const std::uint8_t*>(reason.data()),
                            reason.size());
    deadline(timeout);
    flush();
  }
  [[nodiscard]] bool closing() const { return wslay_event_get_close_sent(frames_.get()) != 0; }
  // In the middle of a frame or of a message of several: what wslay has of it cannot travel.
  [[nodiscard]] bool between_messages() const { return frame_left_ == 0 && !in_message_ && !closing(); }

  std::size_t bytes(std::string_view bytes) final {
    std::size_t used = 0;
    while (!finished() && used < bytes.size()) {
      const std::string_view rest = bytes.substr(used);
      if (frame_left_ == 0) {
        const std::uint64_t size = frame_size(rest);
        if (size == 0) break;                                  // half a head
        if (size > rest.size() && size <= kWholeFrame) break;  // the rest of it comes
        frame_left_ = size;
      }
      input_ = rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(frame_left_, rest.size())));
      used += input_.size();
      frame_left_ -= input_.size();
      const int result = wslay_event_recv(frames_.get());
      if (failure_) std::rethrow_exception(failure_);
      if (result != 0) return fail(), bytes.size();
      flush();
    }
    return finished() ? bytes.size() : used;
  }

  // The worker leaves, and the session could not travel.
  void retire() override { close(WSLAY_CODE_GOING_AWAY); }

 private:
  // A longer frame is given to wslay as it comes: it would not fit into what the server keeps unused.
  static constexpr std::uint64_t kWholeFrame = 32 * 1024;

  struct Free {
    void operator()(wslay_event_context* context) const { wslay_event_context_free(context); }
  };

  // Sends what is queued. After a close handshake, or a breach of the protocol, nothing more is read.
  void flush() {
    wslay_event_send(frames_.get());
    const bool ended = wslay_event_get_close_sent(frames_.get()) != 0 &&
                       (wslay_event_get_close_received(frames_.get()) != 0 ||
                        wslay_event_get_read_enabled(frames_.get()) == 0);
    if (ended) finish();
  }

  // wslay could not read a frame, and would send a close without a code.
  void fail() {
    constexpr std::string_view kProtocolError("\x88\x02\x03\xea", 4);  // a close with 1002
    if (!closing()) send(kProtocolError);
    finish();
  }

  static Session& of(void* data) { return *static_cast<Session*>(data); }

  static ssize_t receive(wslay_event_context_ptr context, std::uint8_t* into, std::size_t size, int,
                         void* data) {
    std::string_view& input = of(data).input_;
    if (input.empty()) {
      wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
      return -1;
    }
    const std::size_t taken = std::min(size, input.size());
    std::memcpy(into, input.data(), taken);
    input.remove_prefix(taken);
    return static_cast<ssize_t>(taken);
  }

  static ssize_t transmit(wslay_event_context_ptr context, const std::uint8_t* bytes, std::size_t size, int,
                          void* data) {
    if (of(data).send({reinterpret_cast<const char*>(bytes), size})) return static_cast<ssize_t>(size);
    wslay_event_set_error(context, WSLAY_ERR_CALLBACK_FAILURE);  // the client has left
    return -1;
  }

  static void frame_begins(wslay_event_context_ptr, const wslay_event_on_frame_recv_start_arg* frame,
                           void* data) {
    if (!wslay_is_ctrl_frame(frame->opcode)) of(data).in_message_ = frame->fin == 0;
  }

  static void message_arrived(wslay_event_context_ptr, const wslay_event_on_msg_recv_arg* message,
                              void* data) {
    Session& self = of(data);
    try {
      if (message->opcode == WSLAY_PONG) self.on_pong();
      // wslay answers pings and a close itself; after our own close only the client's matters.
      if (wslay_is_ctrl_frame(message->opcode) || self.closing()) return;
      self.count_request();
      self.on_message({reinterpret_cast<const char*>(message->msg), message->msg_length},
                      message->opcode == WSLAY_TEXT_FRAME);
    } catch (...) {
      self.failure_ = std::current_exception();
      self.finish();
    }
  }

  std::unique_ptr<wslay_event_context, Free> frames_;
  std::string_view input_;        // what wslay may read now
  std::uint64_t frame_left_ = 0;  // bytes of the current frame that wslay has not got
  bool in_message_ = false;       // of several frames, and its last one has not begun
  std::exception_ptr failure_;    // of on_message
};

}  // namespace websocket

#endif
