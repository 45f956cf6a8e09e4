// Connection: one client of a module's own protocol, as a worker keeps it. Loop thread only.
//
// Bytes go from the test to the module and back in memory. The client takes everything at once, unless it
// stops reading. A connection that the module finishes is closed from the loop, never inside a call of the
// module.
#ifndef PREFORKD_TESTING_CONNECTION_HPP
#define PREFORKD_TESTING_CONNECTION_HPP

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exchange.hpp"

namespace pfd::testing::detail {

struct Connection {
  std::shared_ptr<Host> host;
  void* state = nullptr;    // of the module
  void* session = nullptr;  // nullptr: it is closed
  std::uint64_t id = 0;
  std::string peer;
  std::shared_ptr<const Tls> tls;
  std::string unread;    // sent by the client, and not used by the module
  std::string received;  // by the client, and not taken by the test
  std::string held;      // waits for a client that does not read
  bool reading = true;
  bool finishing = false;
  bool may_park = false;  // by an idle timeout that runs
  std::uint64_t requests = 0;
  std::string doing;
  std::uint64_t idle_time = 0;
  pfd_timer* idle = nullptr;
  pfd_timer* deadline = nullptr;

  [[nodiscard]] const pfd_protocol& protocol() const { return *host->module->protocol; }
  [[nodiscard]] pfd_connection* raw() { return reinterpret_cast<pfd_connection*>(this); }
  [[nodiscard]] bool open() const { return session != nullptr; }

  // `context`: nullptr for a new client.
  void start(const std::string* context) {
    const pfd_str luggage = context == nullptr ? pfd_str{nullptr, 0} : str(*context);
    call_module(*host, "open", [&] { session = protocol().open(state, raw(), luggage); });
    settle();
  }

  void feed(std::string_view bytes) {
    unread += bytes;
    if (!open() || finishing || !held.empty()) return;  // a client that does not read is not listened to
    arm_idle();
    std::size_t used = 0;
    call_module(*host, "bytes", [&] { used = protocol().bytes(session, str(unread)); });
    if (used > unread.size()) host->add_problem("bytes() used more than there was");
    unread.erase(0, used);
    if (unread.size() > kMostLuggage) close();
    settle();
  }

  // The client reads again.
  void resume() {
    reading = true;
    if (held.empty()) return;
    received += std::exchange(held, {});
    if (open() && !finishing && protocol().drained != nullptr) call("drained", protocol().drained);
    settle();
    if (open() && !unread.empty()) feed({});
  }

  void call(const char* name, void (*function)(void*)) {
    if (!open()) return;
    call_module(*host, name, [&] { function(session); });
    settle();
  }

  void settle() {
    if (open() && finishing && held.empty()) close();
  }

  void close() {
    stop(idle);
    stop(deadline);
    if (void* closed = std::exchange(session, nullptr); closed != nullptr) {
      call_module(*host, "close", [&] { protocol().close(closed); });
    }
  }

  // What it takes to another worker. False: it stays.
  bool pack(std::string& context) {
    if (!open() || finishing || !held.empty() || protocol().pack == nullptr) return false;
    context.assign(kMostLuggage - unread.size(), '\0');
    pfd_luggage luggage{sizeof(pfd_luggage), 0, context.data(), context.size(), 0};
    int refused = -1;
    call_module(*host, "pack", [&] { refused = protocol().pack(session, &luggage); });
    if (luggage.used > luggage.capacity) host->add_problem("pack() used more than its room");
    context.resize(std::min(luggage.used, luggage.capacity));
    return refused == 0;
  }

  void arm_idle() {
    stop(idle);
    may_park = idle_time != 0;
    if (idle_time != 0)
      idle = host->loop.after(
          idle_time, [](void* c) { timed_out(c, &Connection::idle); }, this);
  }
  void arm_deadline(std::uint64_t time) {
    stop(deadline);
    if (time != 0)
      deadline = host->loop.after(
          time, [](void* c) { timed_out(c, &Connection::deadline); }, this);
  }

 private:
  static void timed_out(void* argument, pfd_timer* Connection::*which) {
    auto& connection = *static_cast<Connection*>(argument);
    connection.*which = nullptr;
    if (connection.protocol().timeout == nullptr) {
      connection.close();
    } else {
      connection.call("timeout", connection.protocol().timeout);
    }
  }
  void stop(pfd_timer*& timer) {
    if (timer != nullptr) host->loop.cancel(std::exchange(timer, nullptr));
  }
};

inline Connection& of(pfd_connection* raw) { return *reinterpret_cast<Connection*>(raw); }
inline const Connection& of(const pfd_connection* raw) { return *reinterpret_cast<const Connection*>(raw); }

inline std::int64_t host_send(pfd_connection* raw, pfd_str bytes) {
  Connection& connection = of(raw);
  connection.host->check_loop_thread("send");
  if (connection.finishing) return -EPIPE;
  (connection.reading ? connection.received : connection.held) += view(bytes);
  return static_cast<std::int64_t>(connection.held.size());
}

inline void host_finish(pfd_connection* raw) {
  Connection& connection = of(raw);
  connection.host->check_loop_thread("finish");
  if (std::exchange(connection.finishing, true)) return;
  // The Host keeps the connection, so it is there when the call comes.
  connection.host->loop.post([](void* argument) { static_cast<Connection*>(argument)->settle(); },
                             &connection);
}

inline void host_idle_timeout(pfd_connection* raw, std::uint64_t time) {
  of(raw).idle_time = time;
  of(raw).arm_idle();
}

inline void host_deadline(pfd_connection* raw, std::uint64_t time) { of(raw).arm_deadline(time); }

}  // namespace pfd::testing::detail

namespace pfd::testing {

// A client of a protocol, or of a connection that was taken over, for the test. Copies are the same client.
class Client {
 public:
  explicit Client(std::shared_ptr<detail::Connection> connection) : connection_(std::move(connection)) {}

  // Sends bytes, and runs what comes of it.
  void send(std::string_view bytes) {
    connection_->feed(bytes);
    loop().run_ready();
  }
  // What has arrived since the last call.
  std::string take() {
    loop().run_ready();
    return std::exchange(connection_->received, {});
  }
  // One line of it, without its end; empty if there is none.
  std::string take_line() {
    loop().run_ready();
    std::string& received = connection_->received;
    const std::size_t end = received.find('\n');
    if (end == received.npos) return {};
    std::string line = received.substr(0, end);
    received.erase(0, end + 1);
    if (line.ends_with('\r')) line.pop_back();
    return line;
  }

  [[nodiscard]] bool open() const { return connection_->open(); }
  // What the client sent and the module did not use yet.
  [[nodiscard]] std::size_t unread() const { return connection_->unread.size(); }
  [[nodiscard]] bool may_park() const { return connection_->may_park; }
  [[nodiscard]] std::uint64_t requests() const { return connection_->requests; }
  [[nodiscard]] std::string doing() const { return connection_->doing; }

  // The client stops to read: what the module sends waits.
  void stop_reading() { connection_->reading = false; }
  void resume() {
    connection_->resume();
    loop().run_ready();
  }
  // The client sends no more, but reads on.
  void shut_down() {
    if (connection_->protocol().ended == nullptr) {
      connection_->finishing = true;
      connection_->settle();
    } else {
      connection_->call("ended", connection_->protocol().ended);
    }
    loop().run_ready();
  }
  void leave() {
    connection_->close();
    loop().run_ready();
  }

  // The connection goes to another worker, as in a reload or when it was parked: pack, close, and open with
  // the luggage. False: it may not travel now, and stays.
  bool travel() { return travel_to(*connection_->host, connection_->state); }

  // For Module.
  bool travel_to(detail::Host& host, void* state) {
    std::string context;
    if (!connection_->pack(context)) return false;
    connection_->close();
    auto next = std::make_shared<detail::Connection>();
    next->host = host.self.lock();
    next->state = state;
    next->id = connection_->id;
    next->peer = connection_->peer;
    next->tls = connection_->tls;
    next->unread = connection_->unread;
    next->received = connection_->received;
    next->reading = connection_->reading;
    next->requests = connection_->requests;
    host.connections.push_back(next);
    connection_ = next;
    connection_->start(&context);
    loop().run_ready();
    return true;
  }

 private:
  detail::Loop& loop() { return connection_->host->loop; }

  std::shared_ptr<detail::Connection> connection_;
};

}  // namespace pfd::testing

#endif
