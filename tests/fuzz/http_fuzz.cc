// Fuzz target: a whole HTTP connection. Whatever a client sends, and in whatever pieces, the handler sees the
// same requests, the client gets the same answers, and these are well-formed. So it is if the connection goes
// to another worker between two pieces, and if requests travel that nobody has begun.
//
// An input: byte 0 chooses the limits and whether anything travels; then the sizes of the pieces (input.h);
// the rest is what the client sends. The last segment of a request's path chooses how it is answered.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/log.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/strict_answers.h"
#include "tests/loopback/http/http_bed.h"

namespace preforkd::testing {
namespace {

enum class How { kEcho, kLater, kStream, kPieces, kNone, kThrow, kClose, kFile };

How HowOf(std::string_view path) {
  constexpr std::pair<std::string_view, How> kWays[] = {
      {"/later", How::kLater}, {"/stream", How::kStream}, {"/pieces", How::kPieces}, {"/none", How::kNone},
      {"/throw", How::kThrow}, {"/close", How::kClose},   {"/file", How::kFile}};
  for (const auto& [end, how] : kWays) {
    if (path.ends_with(end)) return how;
  }
  return How::kEcho;
}

// A request, as its handler saw it.
struct Seen {
  std::string head;  // all but the body
  std::string body;
  bool to_head = false;
  bool complete = true;  // the whole body has arrived
  How how = How::kEcho;

  bool operator==(const Seen& other) const {
    if (head != other.head || complete != other.complete) return false;
    // How much of a malformed body a handler gets depends on the pieces.
    return !complete || body == other.body;
  }
};

std::string HeadOf(const HttpRequest& request) {
  std::string head(request.method_name);
  head.append(" ").append(request.target).append(" ").append(request.path).append("?").append(request.query);
  head.append(" ").append(request.host).append(request.minor_version == 0 ? " 1.0" : " 1.1");
  head.append(request.keep_alive ? " stays" : " ends");
  for (const HttpField& field : request.fields)
    head.append("\n").append(field.name).append(":").append(field.value);
  return head;
}

void CheckRequest(const HttpRequest& request, const HttpSettings& settings) {
  const std::string_view path = request.path;
  PF_CHECK(path == "*" || path.starts_with('/'), "a path that does not begin with /");
  PF_CHECK(path.find('\0') == std::string_view::npos, "a NUL in a path");
  PF_CHECK(("/" + std::string(path) + "/").find("/../") == std::string::npos, "a path that leaves its root");
  PF_CHECK(request.minor_version == 0 || !request.host.empty(), "HTTP/1.1 without a host");
  PF_CHECK(request.body.size() <= settings.max_body, "a body above its maximum");
  PF_CHECK(request.fields.size() <= settings.max_headers, "more fields than their maximum");
  for (const HttpField& field : request.fields) {
    PF_CHECK(http::IsToken(field.name) && http::IsFieldValue(field.value), "a field that is none");
    PF_CHECK(http::TrimBlanks(field.value) == field.value, "blanks around a value");
  }
}

std::string AnswerTo(const Seen& seen) { return seen.head + "\n\n" + seen.body; }

// Every way to answer.
class Handler final : public RequestHandler {
 public:
  explicit Handler(const HttpSettings& settings) : settings_(settings) {}

  std::vector<std::unique_ptr<Seen>> seen;
  int journeys_left = 0;  // of requests

  [[nodiscard]] BodyUse UseOfBody(const HttpRequest& request) const override {
    switch (HowOf(request.path)) {
      case How::kPieces: return BodyUse::kPieces;
      case How::kNone: return BodyUse::kNone;
      default: return BodyUse::kWhole;
    }
  }

  void Start(const HttpRequest& request, HttpResponse& response, Deferral& deferral) override {
    CheckRequest(request, settings_);
    const How how = HowOf(request.path);
    seen.push_back(
        std::make_unique<Seen>(Seen{HeadOf(request), std::string(request.body),
                                    request.method == HttpMethod::kHead, !request.body_follows, how}));
    switch (how) {
      case How::kThrow: throw std::runtime_error("as asked");
      case How::kLater:
      case How::kStream:
      case How::kPieces: pending_ = std::make_unique<Pending>(*this, deferral.Take(), *seen.back()); return;
      case How::kClose: response.CloseAfter(); break;
      case How::kFile: return PutFile(AnswerTo(*seen.back()), response);
      case How::kEcho:
      case How::kNone: break;
    }
    response.Body() = AnswerTo(*seen.back());
  }

  // One step towards the answer of the request that waits for it. False: none does, or it waits for its body.
  bool Step() {
    if (pending_ == nullptr || !pending_->seen.complete) return false;
    const std::shared_ptr<Exchange> exchange = pending_->exchange;
    const std::string answer = AnswerTo(pending_->seen);
    if (exchange->Open() && pending_->seen.how == How::kStream) {
      exchange->Begin({});
      exchange->Write(answer.substr(0, answer.size() / 2));
      return true;
    }
    if (exchange->Streaming()) {
      pending_.reset();
      exchange->Write(answer.substr(answer.size() / 2));
      exchange->Finish();
      return true;
    }
    if (journeys_left > 0 && pending_->seen.how == How::kLater && Travels(*exchange)) return true;
    pending_.reset();
    HttpResponse response;
    response.Body() = answer;
    exchange->Answer(std::move(response));
    return true;
  }

  // The connection has ended.
  void Forget() {
    pending_.reset();
    seen.clear();
  }

 private:
  struct Pending final : Exchange::Observer {
    Pending(Handler& own, std::shared_ptr<Exchange> taken, Seen& request)
        : handler(own), exchange(std::move(taken)), seen(request) {
      exchange->Observe(this);
    }
    ~Pending() { exchange->Observe(nullptr); }
    void OnLeaving() override {}
    void OnEnded() override {}
    void OnRoom() override {}
    void OnBody(std::string_view piece, bool last) override {
      PF_CHECK(!seen.complete, "a piece behind the last one");
      seen.body += piece;
      seen.complete = last;
      PF_CHECK(seen.body.size() <= handler.settings_.max_body, "pieces above the maximum of a body");
    }

    Handler& handler;
    std::shared_ptr<Exchange> exchange;
    Seen& seen;
  };

  bool Travels(Exchange& exchange) {
    --journeys_left;
    if (!exchange.Travel(Now() + std::chrono::minutes(1))) return false;
    pending_.reset();
    seen.pop_back();  // it is seen again
    return true;
  }

  static void PutFile(const std::string& text, HttpResponse& response) {
    UniqueFd file(::memfd_create("answer", MFD_CLOEXEC));
    PF_CHECK(::write(file.Get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()), "memfd");
    response.SetFile(std::move(file), 0, text.size());
  }

  HttpSettings settings_;
  std::unique_ptr<Pending> pending_;
};

// A service, and what one connection to it comes to.
struct Outcome {
  std::vector<Seen> seen;
  std::vector<StrictAnswer> answers;
  bool ended = false;
  bool operator==(const Outcome&) const = default;
};

void CheckAnswers(const Outcome& outcome) {
  for (std::size_t i = 0; i < std::min(outcome.seen.size(), outcome.answers.size()); ++i) {
    const Seen& seen = outcome.seen[i];
    const StrictAnswer& answer = outcome.answers[i];
    const bool last = i + 1 == outcome.answers.size();
    if (!seen.complete && seen.how == How::kPieces) {
      PF_CHECK(answer.status >= 400 && last && outcome.ended, "a request that is not complete was answered");
      continue;
    }
    PF_CHECK(answer.status == (seen.how == How::kThrow ? 500 : 200), "another status than the handler's");
    if (answer.status == 200 && !seen.to_head)
      PF_CHECK(answer.body == AnswerTo(seen), "another answer than the handler's");
  }
  if (outcome.answers.size() > outcome.seen.size()) {
    PF_CHECK(outcome.answers.size() == outcome.seen.size() + 1, "answers that nobody has given");
    PF_CHECK(outcome.answers.back().status >= 400 && outcome.ended, "an answer without a request");
  } else if (outcome.answers.size() < outcome.seen.size()) {
    const bool awaited = outcome.answers.size() + 1 == outcome.seen.size() && !outcome.seen.back().complete;
    PF_CHECK(awaited, "a request without an answer");
  }
}

class World {
 public:
  explicit World(const HttpSettings& settings) {
    auto owned = std::make_unique<Handler>(settings);
    handler_ = owned.get();
    bed_ = std::make_unique<HttpBed>(settings, std::unique_ptr<RequestHandler>(std::move(owned)));
    // Connections are not parked when the machine is slow.
    auto config = std::make_shared<Config>();
    config->parking.after = Duration(0);
    bed_->Env().config = std::move(config);
  }

  Outcome Serve(std::string_view bytes, const std::vector<std::size_t>& sizes, bool travels) {
    handler_->journeys_left = travels ? 3 : 0;
    const bool may_be_head = bytes.find("HEAD") != std::string_view::npos;
    const auto client = bed_->Connect();
    for (const std::size_t size : sizes) {
      if (bytes.empty()) break;
      Give(*client, bytes.substr(0, size));
      bytes.remove_prefix(std::min(size, bytes.size()));
      if (travels && bed_->Live() > 0) bed_->Last().Retire();
      Settle(*client);
    }
    if (!bytes.empty()) Give(*client, bytes);
    Outcome outcome;
    std::vector<bool> to_head;
    for (const auto& seen : handler_->seen) {
      outcome.seen.push_back(*seen);
      to_head.push_back(seen->to_head);
    }
    outcome.ended = client->Ended();
    outcome.answers = StrictAnswers(client->Received(), to_head, may_be_head, outcome.ended).answers;
    End(*client);
    CheckAnswers(outcome);
    return outcome;
  }

 private:
  void Give(Client& client, std::string_view bytes) {
    if (client.Ended()) return;
    bed_->Exchange(client, bytes);
    Settle(client);
  }

  // Until nothing is left to do without the client.
  void Settle(Client& client) {
    for (bool busy = true; busy;) {
      bed_->Turn();
      busy = bed_->Travelled() > 0;
      if (busy) bed_->Resume();
      busy = handler_->Step() || busy;
    }
    bed_->Turn();
    client.Read();
  }

  // Nothing is answered behind the end of the input, and nothing is left of the connection.
  void End(Client& client) {
    const std::size_t before = client.Received().size();
    client.Finish();
    Settle(client);
    PF_CHECK(client.Ended(), "a connection outlives its client");
    PF_CHECK(client.Received().size() == before, "an answer behind the end of the input");
    client.Close();
    bed_->Turn();
    PF_CHECK(bed_->Live() == 0 && bed_->Travelled() == 0, "a connection is left");
    handler_->Forget();
  }

  Handler* handler_;  // owned by the service
  std::unique_ptr<HttpBed> bed_;
};

HttpSettings Tight() {
  HttpSettings settings;
  settings.max_header = 256;
  settings.max_headers = 4;
  settings.max_body = 40;
  settings.max_requests = 3;
  return settings;
}

void Run(Input input) {
  constexpr std::size_t kShort = 64;  // what is also sent byte by byte
  static World usual{HttpSettings()};
  static World tight{Tight()};
  const std::uint8_t choice = input.Byte();
  World& world = (choice & 1) != 0 ? tight : usual;
  const bool travels = (choice & 2) != 0;
  const std::vector<std::size_t> sizes = input.Sizes();
  const std::string_view bytes = input.Rest();
  const Outcome whole = world.Serve(bytes, {}, false);
  PF_CHECK(world.Serve(bytes, sizes, travels) == whole, "the pieces make a difference");
  if (bytes.size() > kShort) return;
  const std::vector<std::size_t> single(bytes.size(), 1);
  PF_CHECK(world.Serve(bytes, single, travels) == whole, "single bytes make a difference");
}

}  // namespace
}  // namespace preforkd::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  preforkd::log::SetLevel(preforkd::log::Level::kAlert);
  preforkd::testing::Run({data, size});
  return 0;
}
