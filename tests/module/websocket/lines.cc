// A protocol of lines behind an HTTP handshake that may block: the handler looks the client up in its thread,
// and the session runs in the loop thread, with a state of its own.
#include <chrono>
#include <preforkd/module.hpp>
#include <string>
#include <string_view>
#include <thread>

namespace {

using namespace std::chrono_literals;

// What a handler needs in its thread, a connection to a database for example; and sessions in the loop.
struct Desk {
  explicit Desk(pfd::Service service) : thread(service.place().thread) {}
  const std::uint32_t thread;
  std::uint64_t served = 0;
};

class Lines final : public pfd::LineSession {
 public:
  // What enter() wrote, or pack().
  void unpack(std::string_view luggage) override {
    idle_timeout(10min);
    name_ = luggage;
  }
  bool pack(pfd::Luggage& luggage) const override { return luggage.write(name_); }

  void on_line(std::string_view line) override {
    Desk& desk = state<Desk>();
    send_line(name_ + ", state " + std::to_string(desk.thread) + ", line " + std::to_string(++desk.served) +
              ": " + std::string(line));
  }

 private:
  std::string name_;
};

pfd::Response enter(const pfd::Request& request) {
  std::this_thread::sleep_for(1ms);  // a query
  const std::string name = request.query("name").value_or("");
  if (name.empty()) return pfd::status(403, "who are you");
  return pfd::upgrade("lines", name + " of state " + std::to_string(request.state<Desk>().thread));
}

// What a handler must not do: each is one 500.
pfd::Response wrong(const pfd::Request& request) {
  if (request.rest() == "no-name") return pfd::upgrade("not a token");
  return pfd::upgrade("lines", "x").field("connection", "close");
}

}  // namespace

PREFORKD_MODULE("lines", pfd::state<Desk>, pfd::upgrades_to<Lines>, pfd::route{"GET", "/enter", enter},
                pfd::route{"GET", "/wrong/*", wrong});
