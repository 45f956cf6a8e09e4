// A chat by lines among the clients of one worker. Sessions keep their names when they travel to another
// worker: in a reload, or when the client was silent and comes back.
//   name ADA     sets the name        say HELLO    to all clients of this worker        quit
#include <chrono>
#include <preforkd/module.hpp>
#include <set>
#include <string>
#include <string_view>

namespace {

using namespace std::chrono_literals;

constexpr char kLuggageVersion = '1';

class ChatSession;

struct Room {
  std::set<ChatSession*> sessions;
};

class ChatSession : public pfd::LineSession {
 public:
  ChatSession() { state<Room>().sessions.insert(this); }
  ~ChatSession() override { state<Room>().sessions.erase(this); }

  void opened() override {
    idle_timeout(10min);
    send_line("welcome");
  }

  void unpack(std::string_view luggage) override {
    idle_timeout(10min);
    // A luggage of a version that this one does not know: the client gives its name again.
    if (luggage.starts_with(kLuggageVersion)) name_ = luggage.substr(1);
  }

  bool pack(pfd::Luggage& luggage) const override {
    return luggage.write({&kLuggageVersion, 1}) && luggage.write(name_);
  }

  void on_line(std::string_view line) override {
    const std::size_t space = line.find(' ');
    const std::string_view word = line.substr(0, space);
    const std::string_view rest = space == line.npos ? std::string_view() : line.substr(space + 1);
    if (word == "name") {
      name_ = rest.substr(0, 40);
      send_line("you are " + name_);
    } else if (word == "say") {
      count_request();
      for (ChatSession* each : state<Room>().sessions) each->send_line(name_ + ": " + std::string(rest));
    } else if (word == "quit") {
      send_line("bye");
      finish();
    } else {
      send_line("name, say or quit?");
    }
  }

  void timeout() override {
    send_line("too quiet");
    finish();
  }

 private:
  std::string name_ = "nobody";
};

}  // namespace

PREFORKD_MODULE("chat", pfd::state<Room>, pfd::protocol<ChatSession>);
