// Each kind of handler that module.hpp knows, in an event module that takes bodies in pieces. For the tests
// of the wrapper and of the kit.
#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <preforkd/module.hpp>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

class Kinds {
 public:
  explicit Kinds(pfd::Service service) : service_(service) {}
  ~Kinds() {
    for (std::thread& each : threads_) each.join();
  }

  // Later.
  void timer(const pfd::Request&, pfd::Later later) {
    service_.after(1h, [later] { later.respond(pfd::text("after an hour")); });
  }
  void cancelled(const pfd::Request&, pfd::Later later) {
    pfd::Timer timer = service_.after(1h, [later] { later.respond(pfd::text("too late")); });
    timer.cancel();
    service_.after(2h, [later] { later.respond(pfd::text("after two hours")); });
  }
  void posted(const pfd::Request& request, pfd::Later later) {
    service_.post([later, copy = request] { later.respond(pfd::text(std::string(copy.path()))); });
  }
  void thread(const pfd::Request&, pfd::Later later) {
    threads_.emplace_back([later] { later.respond(pfd::text("from a thread")); });
  }
  void thread_timer(const pfd::Request&, pfd::Later later) {
    threads_.emplace_back(
        [later] { later.service().after(1ms, [later] { later.respond(pfd::text("from the loop")); }); });
  }
  void watch(const pfd::Request&, pfd::Later later) {
    if (::pipe(pipe_.data()) != 0) throw pfd::HttpError(500, "no pipe");
    watch_ = service_.watch(pipe_[0], PFD_READ, [this, later](std::uint32_t ready) {
      watch_.reset();
      for (const int fd : pipe_) ::close(fd);
      later.respond(pfd::text(ready == PFD_READ ? "ready" : "?"));
    });
    service_.post([this] { static_cast<void>(!::write(pipe_[1], "x", 1)); });
  }
  void told(const pfd::Request&, pfd::Later later) {
    later.on_gone([this] { ++left_; });
    kept_.push_back(later);
  }
  pfd::Response left(const pfd::Request&) const { return pfd::text(std::to_string(left_)); }
  pfd::Response answer_late(const pfd::Request&) {
    const bool sent = kept_.back().respond(pfd::text("late"));
    kept_.clear();
    return pfd::text(sent ? "sent" : "refused");
  }

  // Streams.
  void pieces(const pfd::Request&, pfd::Stream& out) {
    out.status(201).type("text/plain").field("x-kind", "stream");
    out.write("one ");
    out.write("two");
  }
  void kept_stream(const pfd::Request&, pfd::Stream taken) {
    auto out = std::make_shared<pfd::Stream>(std::move(taken));
    out->write("first ");
    service_.after(1s, [out] {
      out->write("second");
      out->end();
    });
  }
  void broken(const pfd::Request&, pfd::Stream& out) {
    out.write("half of it");
    throw std::runtime_error("in the middle");
  }
  // As much as the client takes, by callbacks.
  void flood(const pfd::Request&, pfd::Stream taken) {
    auto out = std::make_shared<pfd::Stream>(std::move(taken));
    auto rounds = std::make_shared<int>(0);
    const auto fill = [out, rounds] {
      while (*rounds < 40) {
        ++*rounds;
        if (out->write(std::string(8192, 'x')).enough()) return;
      }
      out->end();
    };
    out->on_drained(fill);
    fill();
  }
  // The same by a coroutine.
  pfd::Task<> flood_task(const pfd::Request&, pfd::Stream& out) {
    for (int round = 0; round < 40; ++round) {
      if (!co_await out.write(std::string(8192, 'x'))) {
        pfd::log::info("left in round ", round);
        co_return;
      }
    }
  }

  // Coroutines.
  pfd::Task<pfd::Response> sleeper(pfd::Request request) {
    const int seconds = co_await sleep_twice();
    co_return pfd::text("slept " + std::to_string(seconds) + " " + std::string(request.path()));
  }
  pfd::Task<int> sleep_twice() {
    co_await pfd::sleep(1s);
    co_await pfd::sleep(2s);
    co_return 3;
  }
  pfd::Task<pfd::Response> failing(const pfd::Request&) {
    co_await pfd::sleep(1s);
    throw pfd::HttpError(418, "after a second");
  }
  pfd::Task<pfd::Response> upload(const pfd::Request& request) {
    std::array<char, 5> buffer;
    std::size_t size = 0;
    for (;;) {
      const pfd::Received piece = co_await request.read(buffer.data(), buffer.size());
      if (piece.lost()) throw pfd::HttpError(400, "the body is not whole");
      if (piece.complete()) break;
      size += piece.size();
    }
    co_return pfd::text(std::to_string(size) + " bytes");
  }

 private:
  pfd::Service service_;
  std::vector<std::thread> threads_;
  std::vector<pfd::Later> kept_;
  int left_ = 0;
  std::array<int, 2> pipe_{-1, -1};
  pfd::Watch watch_;
};

pfd::Response file_of(const pfd::Request& request) { return pfd::file("/" + std::string(request.rest())); }

pfd::Response echo(const pfd::Request& request) {
  std::string text = std::string(request.method()) + " " + std::string(request.path());
  for (const pfd::Field& field : request.fields()) {
    text += "\n" + std::string(field.name) + "=" + std::string(field.value);
  }
  return pfd::text(text).field("x-peer", std::string(request.peer()));
}

}  // namespace

PREFORKD_EVENT_MODULE(
    "kinds", pfd::pieces, pfd::state<Kinds>, pfd::uses_threads, pfd::version{"3"},
    pfd::route{"GET", "/timer", &Kinds::timer}, pfd::route{"GET", "/cancelled", &Kinds::cancelled},
    pfd::route{"GET", "/posted", &Kinds::posted}, pfd::route{"GET", "/thread", &Kinds::thread},
    pfd::route{"GET", "/thread-timer", &Kinds::thread_timer}, pfd::route{"GET", "/watch", &Kinds::watch},
    pfd::route{"GET", "/told", &Kinds::told}, pfd::route{"GET", "/left", &Kinds::left},
    pfd::route{"GET", "/late", &Kinds::answer_late}, pfd::route{"GET", "/pieces", &Kinds::pieces},
    pfd::route{"GET", "/kept-stream", &Kinds::kept_stream}, pfd::route{"GET", "/broken", &Kinds::broken},
    pfd::route{"GET", "/flood", &Kinds::flood}, pfd::route{"GET", "/flood-task", &Kinds::flood_task},
    pfd::route{"GET", "/sleeper", &Kinds::sleeper}, pfd::route{"GET", "/failing", &Kinds::failing},
    pfd::route{"PUT", "/upload", &Kinds::upload}, pfd::route{"GET", "/file/*", file_of},
    pfd::route{"*", "/echo", echo}, pfd::route{"POST", "/echo/*", echo},
    pfd::route{"GET", "/echo/deeper/*", echo});
