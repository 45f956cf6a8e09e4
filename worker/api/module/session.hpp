// Session: one client of a protocol of your own, or of a connection that a handler has switched to it
// (pfd::upgrade()); and LineSession, for protocols of lines.
//
// A session is made for each client and destroyed when its connection has ended or has left for another
// worker. All of it runs in the loop thread and must not block. An exception that leaves one of its functions
// is logged and ends the connection. PREFORKD_MODULE("chat", pfd::protocol<ChatSession>), or
// PREFORKD_MODULE("room", pfd::route{"GET", "/room", join}, pfd::upgrades_to<RoomSession>).
#ifndef PREFORKD_MODULE_SESSION_HPP
#define PREFORKD_MODULE_SESSION_HPP

#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "service.hpp"
#include "tls.hpp"

namespace pfd::inline v1 {

// What travels with a connection. Begin it with a version byte: the next worker may run a newer module.
class Luggage {
 public:
  explicit Luggage(pfd_luggage* raw) : raw_(raw) {}

  // False: there is no room (49,152 bytes, less what the client sent and was not used).
  bool write(std::string_view bytes) {
    if (bytes.size() > raw_->capacity - raw_->used) return false;
    if (!bytes.empty()) std::memcpy(raw_->context + raw_->used, bytes.data(), bytes.size());
    raw_->used += bytes.size();
    return true;
  }
  // There is something to do without the client: the connection goes to a worker at once and is not parked.
  void wake() { raw_->wake = 1; }

 private:
  pfd_luggage* raw_;
};

namespace detail {

struct Link {
  Instance* instance = nullptr;
  pfd_connection* connection = nullptr;
};

// Of the session that is being made: its constructor may send already.
[[gnu::visibility("hidden")]] inline constinit thread_local Link opening;

template <class Session>
struct ProtocolOf;

}  // namespace detail

class Session {
 public:
  Session() : link_(detail::opening) {
    if (link_.connection == nullptr) throw std::logic_error("only the server makes a session");
  }
  virtual ~Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // A new client: the first call. A client that comes from another worker: unpack() with what pack() wrote
  // there.
  virtual void opened() {}
  virtual void unpack(std::string_view luggage) { static_cast<void>(luggage); }
  // All bytes that were not used yet. Returns how many are used now; the rest comes again, with more. A
  // client whose rest grows above 48 KiB is disconnected.
  virtual std::size_t bytes(std::string_view bytes) = 0;
  virtual void drained() {}             // everything has been sent
  virtual void ended() { finish(); }    // the client sends no more
  virtual void timeout() { finish(); }  // idle_timeout() or deadline() is over
  // Writes what the session needs in another worker and changes nothing: it may stay. False: not now. A
  // session without pack() stays in its worker as long as it lives.
  virtual bool pack(Luggage& luggage) const { return static_cast<void>(luggage), false; }
  // The worker leaves, and the connection could not travel: finish soon.
  virtual void retire() {}

  // Sends bytes, which are copied. False: the client has left. While some of them wait the server reads
  // nothing from the client, and drained() follows.
  bool send(std::string_view bytes) {
    waiting_ = host().send(link_.connection, detail::str(bytes));
    return waiting_ >= 0;
  }
  // Bytes that waited for the client after the last send().
  [[nodiscard]] std::int64_t waiting() const { return waiting_ < 0 ? 0 : waiting_; }
  // Ends the connection when everything has been sent. bytes() is not called any more.
  void finish() {
    finished_ = true;
    host().finish(link_.connection);
  }
  [[nodiscard]] bool finished() const { return finished_; }
  // Calls timeout() if the client is silent for that long. The connection counts as idle. 0: never.
  void idle_timeout(std::chrono::nanoseconds time) {
    host().idle_timeout(link_.connection, static_cast<std::uint64_t>(time.count()));
  }
  // Calls timeout() once after that time, whatever the client does. 0: never.
  void deadline(std::chrono::nanoseconds time) {
    host().deadline(link_.connection, static_cast<std::uint64_t>(time.count()));
  }
  void count_request() { host().count_request(link_.connection); }  // one more in the metrics
  // What is being done for this client: for reports of a crash or a hang.
  void doing(std::string_view what) { host().doing(link_.connection, detail::str(what)); }

  [[nodiscard]] std::string_view client() const { return detail::view(host().client(link_.connection)); }
  [[nodiscard]] std::uint64_t client_id() const { return host().client_id(link_.connection); }
  // See Request::tls.
  [[nodiscard]] std::optional<Tls> tls() const {
    if (!PFD_HAS(&host(), client_tls)) return std::nullopt;
    return detail::tls_of([this](pfd_tls* facts) { return host().client_tls(link_.connection, facts); });
  }
  [[nodiscard]] Service service() const { return Service(link_.instance); }
  template <class State>
  [[nodiscard]] State& state() const {
    return service().state<State>();
  }

 private:
  template <class>
  friend struct detail::ProtocolOf;

  [[nodiscard]] const pfd_host& host() const { return *link_.instance->host; }

  detail::Link link_;
  std::int64_t waiting_ = 0;
  bool finished_ = false;
};

// Lines that end with LF or CR LF. Half a line waits, and travels, until its end has come.
class LineSession : public Session {
 public:
  // Without its end. Valid during the call.
  virtual void on_line(std::string_view line) = 0;
  // A line is longer than longest_line(): what came of it is dropped. Default: the connection ends.
  virtual void on_long_line() { finish(); }
  [[nodiscard]] virtual std::size_t longest_line() const { return 8192; }  // at most 48 KiB

  bool send_line(std::string_view line) {
    std::string text;
    text.reserve(line.size() + 1);
    text += line;
    text += '\n';
    return send(text);
  }

  std::size_t bytes(std::string_view bytes) final {
    std::size_t used = 0;
    while (!finished()) {
      const std::size_t end = bytes.find('\n', used);
      if (end == bytes.npos) break;
      std::string_view line = bytes.substr(used, end - used);
      if (line.ends_with('\r')) line.remove_suffix(1);
      used = end + 1;
      on_line(line);
    }
    if (finished()) return bytes.size();
    if (bytes.size() - used <= longest_line()) return used;
    on_long_line();
    return bytes.size();
  }
};

namespace detail {

// The table of functions of one class of sessions. What it does not override is left to the server.
template <class Client>
struct ProtocolOf {
  static pfd_protocol table() {
    pfd_protocol made{};
    made.size = sizeof(made);
    made.open = open;
    made.bytes = bytes;
    made.close = [](void* session) {
      const Scope scope(of(session)->link_.instance, true);
      delete of(session);
    };
    made.drained = [](void* session) { call(session, &Session::drained); };
    made.retire = [](void* session) { call(session, &Session::retire); };
    if constexpr (!requires { requires std::is_same_v<decltype(&Client::ended), void (Session::*)()>; }) {
      made.ended = [](void* session) { call(session, &Session::ended); };
    }
    if constexpr (!requires { requires std::is_same_v<decltype(&Client::timeout), void (Session::*)()>; }) {
      made.timeout = [](void* session) { call(session, &Session::timeout); };
    }
    if constexpr (!requires {
                    requires std::is_same_v<decltype(&Client::pack), bool (Session::*)(Luggage&) const>;
                  }) {
      made.pack = pack;
    }
    return made;
  }

 private:
  static Session* of(void* session) { return static_cast<Session*>(session); }

  static void* open(void* state, pfd_connection* connection, pfd_str context) noexcept {
    auto* instance = static_cast<Instance*>(state);
    const Scope scope(instance, true);
    opening = {instance, connection};
    void* opened = nullptr;
    guarded(instance, "a new client", [&] {
      std::unique_ptr<Session> session = std::make_unique<Client>();
      opening = {};
      if (context.data == nullptr) {
        session->opened();
      } else {
        session->unpack(view(context));
      }
      opened = session.release();
    });
    opening = {};
    return opened;
  }

  static std::size_t bytes(void* session, pfd_str bytes) noexcept {
    std::size_t used = bytes.size;
    guarded_session(session, [&](Session& client) {
      if (!client.finished()) used = client.bytes(view(bytes));
    });
    return used;
  }

  static int pack(const void* session, pfd_luggage* raw) noexcept {
    const auto* client = static_cast<const Session*>(session);
    const Scope scope(client->link_.instance, true);
    bool packed = false;
    guarded(client->link_.instance, "what a client takes along", [&] {
      Luggage luggage(raw);
      raw->used = 0;
      packed = client->pack(luggage);
    });
    return packed ? 0 : -1;
  }

  static void call(void* session, void (Session::*function)()) noexcept {
    guarded_session(session, [function](Session& client) { (client.*function)(); });
  }

  template <class Call>
  static void guarded_session(void* session, Call function) noexcept {
    Session& client = *of(session);
    const Scope scope(client.link_.instance, true);
    try {
      function(client);
    } catch (...) {
      log_exception(client.link_.instance, "connection " + std::to_string(client.client_id()));
      client.finish();
    }
  }
};

}  // namespace detail
}  // namespace pfd::inline v1

#endif
