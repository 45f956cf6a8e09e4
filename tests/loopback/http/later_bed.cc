#include "tests/loopback/http/later_bed.h"

#include <charconv>
#include <utility>

namespace preforkd::testing {
namespace {

class LaterHandler final : public RequestHandler {
 public:
  explicit LaterHandler(LaterBed& bed) : bed_(bed) {}

  [[nodiscard]] BodyUse UseOfBody(const HttpRequest& request) const override { return bed_.use(request); }
  void Start(const HttpRequest& request, HttpResponse& response, Deferral& deferral) override {
    if (request.path == "/now") return Mirror(request, response);
    auto taken = std::make_unique<Taken>();
    taken->exchange = deferral.Take();
    taken->exchange->Observe(taken.get());
    bed_.taken.push_back(std::move(taken));
    if (bed_.start) bed_.start(bed_.Last());
  }

 private:
  LaterBed& bed_;
};

}  // namespace

void Taken::Say(std::string_view text, int status) const {
  HttpResponse response;
  response.SetStatus(status);
  response.Body() = text;
  exchange->Answer(std::move(response));
}

void Taken::Begin(int status) const {
  HttpResponse head;
  head.SetStatus(status);
  exchange->Begin(std::move(head));
}

void Taken::OnLeaving() {
  ++leaving;
  if (on_leaving) on_leaving();
}

void Taken::OnEnded() {
  ++ended;
  if (on_ended) on_ended();
}

void Taken::OnRoom() {
  ++room;
  if (on_room) on_room();
}

void Taken::OnBody(std::string_view piece, bool is_last) {
  body += piece;
  ++pieces;
  if (is_last) ++last;
  if (on_body) on_body(piece);
}

LaterBed::LaterBed(const HttpSettings& settings)
    : http(settings, std::unique_ptr<RequestHandler>(std::make_unique<LaterHandler>(*this))) {}

std::unique_ptr<Client> LaterBed::Ask(std::string_view bytes, SocketKind kind) {
  auto client = http.Connect(kind);
  http.Exchange(*client, bytes);
  return client;
}

const std::string& LaterBed::Hear(Client& client) {
  http.Turn();
  client.Read();
  return client.Received();
}

std::string Get(const std::string& target, const std::string& fields) {
  return "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

std::string Post(const std::string& fields, std::string_view body) {
  return "POST /later HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + std::string(body);
}

std::string_view AfterHead(std::string_view received) {
  const std::size_t end = received.find("\r\n\r\n");
  return end == std::string_view::npos ? std::string_view() : received.substr(end + 4);
}

std::optional<std::string> Dechunk(std::string_view received) {
  std::string_view rest = AfterHead(received);
  std::string body;
  for (;;) {
    const std::size_t line = rest.find("\r\n");
    std::size_t size = 0;
    if (line == std::string_view::npos) return std::nullopt;
    const auto parsed = std::from_chars(rest.data(), rest.data() + line, size, 16);
    if (parsed.ec != std::errc() || parsed.ptr != rest.data() + line) return std::nullopt;
    rest.remove_prefix(line + 2);
    if (rest.size() < size + 2 || rest.substr(size, 2) != "\r\n") return std::nullopt;
    body += rest.substr(0, size);
    rest.remove_prefix(size + 2);
    if (size == 0) break;
  }
  if (!rest.empty()) return std::nullopt;
  return body;
}

}  // namespace preforkd::testing
