// A room over WebSocket: who is in it hears what the others of this worker say, after /room?name=Ada. /say
// tells all of them something by plain HTTP. A client keeps its name and the number of its messages when its
// session goes to another worker: in a reload, or because it was idle and its worker is killed meanwhile.
#include <chrono>
#include <preforkd/module.hpp>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "tests/module/websocket/handshake.h"
#include "tests/module/websocket/session.h"

namespace {

using namespace std::chrono_literals;

pfd::setting::Size longest{
    "longest",
    {.min = "1", .max = "16MiB", .fallback = "64KiB", .doc = "A longer message is closed with 1009."}};
pfd::setting::Duration ping_after{
    "ping",
    {.max = "1h", .fallback = "0", .doc = "A ping after so much silence; such a client is not parked."}};

constexpr char kLuggageVersion = '1';

class Guest;

struct Room {
  std::set<Guest*> guests;
};

class Guest final : public websocket::Session {
 public:
  Guest() : websocket::Session(*longest) { state<Room>().guests.insert(this); }
  ~Guest() override { state<Room>().guests.erase(this); }

  // What join() has written below, or pack() in another worker: a version, the number, a blank, the name.
  void unpack(std::string_view luggage) override {
    // With pings, a client that answers none is closed; without, it is idle, and may be parked.
    *ping_after > 0ns ? deadline(*ping_after) : idle_timeout(1h);
    const std::size_t blank = luggage.find(' ');
    if (!luggage.starts_with(kLuggageVersion) || blank == luggage.npos) return;
    messages_ = std::stoull(std::string(luggage.substr(1, blank - 1)));
    name_ = luggage.substr(blank + 1);
  }

  bool pack(pfd::Luggage& luggage) const override {
    return between_messages() && luggage.write({&kLuggageVersion, 1}) &&
           luggage.write(std::to_string(messages_)) && luggage.write(" ") && luggage.write(name_);
  }

  void on_message(std::string_view message, bool text) override {
    ++messages_;
    if (message == "throw") throw std::runtime_error("as it was told to");
    if (message == "bye") return close(WSLAY_CODE_NORMAL_CLOSURE, "bye");
    const std::string said =
        text ? name_ + " #" + std::to_string(messages_) + ": " + std::string(message) : std::string(message);
    for (Guest* each : state<Room>().guests) each->send_message(said, text);
  }

  void on_pong() override { pinged_ = false; }

  void timeout() override {
    if (*ping_after == 0ns || closing() || std::exchange(pinged_, true)) return finish();
    send_ping();
    deadline(*ping_after);
  }

 private:
  std::string name_ = "nobody";
  std::uint64_t messages_ = 0;
  bool pinged_ = false;
};

pfd::Response join(const pfd::Request& request) {
  return websocket::accept(request,
                           std::string(1, kLuggageVersion) + "0 " + request.query("name").value_or("guest"));
}

pfd::Response say(const pfd::Request& request) {
  for (Guest* each : request.state<Room>().guests) each->send_message(request.body());
  return pfd::text(std::to_string(request.state<Room>().guests.size()) + "\n");
}

}  // namespace

PREFORKD_EVENT_MODULE("room", longest, ping_after, pfd::state<Room>, pfd::upgrades_to<Guest>,
                      pfd::route{"GET", "/room", join}, pfd::route{"POST", "/say", say});
