// Many clients, few threads, and everything at random: how requests are answered, by whom, and who leaves
// when. Each client that stays gets exactly its own answers, in order. Run it with the sanitizers, too.
#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/loopback/http/later_bed.h"
#include "tests/loopback/module/http_module_bed.h"
#include "tests/loopback/module/module_bed.h"
#include "worker/module/http/host_request.h"

namespace preforkd::testing {
namespace {

constexpr int kClients = 200;
constexpr int kRounds = 12;

// Threads of the module's own that answer requests which a handler has kept.
class Helpers {
 public:
  explicit Helpers(int count) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([this] { Live(); });
  }
  Helpers(const Helpers&) = delete;
  Helpers& operator=(const Helpers&) = delete;
  ~Helpers() { Stop(); }

  void Add(pfd_request* request) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(request);
    changed_.notify_one();
  }
  // After all that was added.
  void Stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  void Live() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      pfd_request* const request = queue_.front();
      queue_.pop_front();
      lock.unlock();
      Finish(request);
    }
  }
  static void Finish(pfd_request* request) {
    const std::string path = Path(request);
    if (path.starts_with("/later/stream")) {
      Begin(request);
      for (int i = 0; i < 5; ++i) Write(request, path.substr(0, 1));
      Write(request, path.substr(1));
      if (path.back() != '7') End(request);  // else it is given up
    } else if (path.back() != '3') {
      Respond(request, path);  // else: 500
    }
    Drop(request);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<pfd_request*> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

void Handle(Helpers& helpers, pfd_request* request) {
  const std::string path = Path(request);
  if (path.starts_with("/later")) {
    Keep(request);
    helpers.Add(request);
  } else if (path.starts_with("/stream")) {
    Begin(request);
    Write(request, std::string(30'000, 's'));
    Write(request, path);
    End(request);
  } else if (path.starts_with("/throw")) {
    throw std::runtime_error("on purpose");
  } else if (path.starts_with("/body")) {
    std::string body;
    char bytes[700];
    std::int64_t size = 0;
    while ((size = module::HostRead(request, bytes, sizeof(bytes))) > 0) {
      body.append(bytes, static_cast<std::size_t>(size));
    }
    if (size == 0) Respond(request, body);
  } else if (!path.starts_with("/nothing")) {
    Respond(request, path);
  }
}

// One client: it asks one thing after another, and perhaps leaves in the middle.
class Visitor {
 public:
  Visitor(HttpModuleBed& bed, unsigned seed, bool blocking) : bed_(bed), random_(seed), blocking_(blocking) {}

  [[nodiscard]] bool Done() const { return rounds_ == kRounds && client_ == nullptr; }
  void Step() {
    if (Done()) return;
    if (client_ == nullptr) return Ask();
    client_->Read();
    if (Random(60) == 0) return Leave();
    if (!Answered()) return;
    client_->Forget();
    if (rounds_ == kRounds || client_->Ended()) return client_.reset();
    Ask();
  }

 private:
  unsigned Random(unsigned below) { return static_cast<unsigned>(random_() % below); }
  void Ask() {
    if (client_ == nullptr) client_ = bed_.http->Connect(SocketKind::kUnix);
    ++rounds_;
    static const std::vector<std::string> kinds = {"/whole/",  "/later/", "/later/stream/",
                                                   "/stream/", "/throw/", "/nothing/"};
    path_ = kinds[Random(static_cast<unsigned>(kinds.size()))] + std::to_string(Random(100'000));
    std::string request = testing::Get(path_);
    if (blocking_ && Random(5) == 0) {
      const std::string body(1 + Random(5'000), 'b');
      path_ = "/body/" + body;
      request = "POST /body/ HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body;
    }
    REQUIRE(client_->Write(request) == request.size());
  }
  void Leave() {
    Random(2) == 0 ? client_->Close() : client_->Finish();
    client_.reset();
    if (rounds_ < kRounds) Ask();
  }
  // The whole answer is there, and it is the right one.
  bool Answered() {
    const std::string& received = client_->Received();
    if (received.empty() && !client_->Ended()) return false;
    if (received.find("chunked\r\n") != std::string::npos) {
      const auto body = Dechunk(received);
      if (!body && !client_->Ended()) return false;
      CHECK(body.has_value() == !(path_.starts_with("/later/stream") && path_.back() == '7'));
      if (body) CHECK(body->ends_with(path_));
      return true;
    }
    const auto answers = ParseAnswers(received);
    if (!client_->Ended() && (answers.empty() || answers.back().status < 0)) return false;
    REQUIRE(answers.size() == 1);
    const bool fails = path_.starts_with("/throw") || path_.starts_with("/nothing") ||
                       (path_.starts_with("/later/") && path_.back() == '3');
    CHECK(answers[0].status == (fails ? 500 : 200));
    if (fails) return true;
    if (path_.starts_with("/body/")) {
      CHECK(answers[0].body == path_.substr(6));
    } else {
      CHECK(answers[0].body == path_);
    }
    return true;
  }

  HttpModuleBed& bed_;
  std::minstd_rand random_;
  bool blocking_;
  std::unique_ptr<Client> client_;
  std::string path_;
  int rounds_ = 0;
};

void Run(HttpModuleOptions options) {
  CapturedLog log;
  Helpers helpers(2);
  const bool blocking = options.kind == PFD_BLOCKING;
  HttpModuleBed bed(std::move(options), [&](pfd_request* request) { Handle(helpers, request); });
  std::vector<std::unique_ptr<Visitor>> visitors;
  for (unsigned i = 0; i < kClients; ++i)
    visitors.push_back(std::make_unique<Visitor>(bed, 4711 + i, blocking));
  const Time deadline = Now() + std::chrono::seconds(100);
  for (std::size_t left = 1; left > 0;) {
    REQUIRE(Now() < deadline);
    left = 0;
    for (const auto& visitor : visitors) {
      visitor->Step();
      if (!visitor->Done()) ++left;
    }
    bed.http->Turn();
  }
  helpers.Stop();
  CHECK(bed.http->Until([&] { return bed.http->Live() == 0; }));
  CHECK(bed.http->Until([&] { return preforkd::Get(bed.http->Env().row.threads_busy) == 0; }));
  CHECK(bed.handled >= kClients);
  CHECK(log.Entries("module_fault").empty());
}

TEST_CASE("four application threads") { Run({.kind = PFD_BLOCKING, .threads = 4}); }

TEST_CASE("four application threads, bodies in pieces, and a timer that always runs") {
  Run({.kind = PFD_BLOCKING, .flags = PFD_PIECES, .threads = 4, .settings = {{"request_timeout", "20s"}}});
}

TEST_CASE("the loop, and threads of the module's own") { Run({.kind = PFD_EVENT}); }

TEST_CASE("requests that time out while they are answered") {
  CapturedLog log;
  Helpers helpers(2);
  HttpModuleBed bed({.kind = PFD_EVENT, .settings = {{"request_timeout", "10ms"}}},
                    [&](pfd_request* request) {
                      Keep(request);
                      helpers.Add(request);
                    });
  std::minstd_rand random(1);
  for (int round = 0; round < 30; ++round) {
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 20; ++i) {
      clients.push_back(bed.http->Connect());
      clients.back()->Write(testing::Get("/later/" + std::to_string(random() % 1000)));
    }
    bed.http->Turn();
    // The loop pauses for about as long as a request may take, so that all comes together.
    const Time end = Now() + std::chrono::milliseconds(8 + random() % 5);
    while (Now() < end) {
    }
    for (const auto& client : clients) {
      REQUIRE(bed.Answers(*client, 1));
      CHECK(bed.answers.size() == 1);
    }
  }
  helpers.Stop();
  bed.http->Turn();
}

}  // namespace
}  // namespace preforkd::testing
