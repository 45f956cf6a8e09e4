// LaterBed: an HTTP service in one process whose handler is the test's, and may take the exchange of a
// request.
#ifndef PREFORKD_TESTS_LOOPBACK_HTTP_LATER_BED_H_
#define PREFORKD_TESTS_LOOPBACK_HTTP_LATER_BED_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/loopback/http/http_bed.h"

namespace preforkd::testing {

// A request that was taken, and what its exchange has told.
struct Taken final : Exchange::Observer {
  std::shared_ptr<Exchange> exchange;
  int leaving = 0;
  int ended = 0;
  int room = 0;
  std::string body;
  int pieces = 0;
  int last = 0;
  // Called after the count above.
  std::function<void()> on_leaving;
  std::function<void()> on_ended;
  std::function<void()> on_room;
  std::function<void(std::string_view)> on_body;

  ~Taken() { exchange->Observe(nullptr); }
  Exchange* operator->() const { return exchange.get(); }
  void Say(std::string_view text, int status = 200) const;
  void Begin(int status = 200) const;

 private:
  void OnLeaving() override;
  void OnEnded() override;
  void OnRoom() override;
  void OnBody(std::string_view piece, bool is_last) override;
};

class LaterBed {
 public:
  explicit LaterBed(const HttpSettings& settings = {});

  // Called inside Start, after the request was taken. A request for /now is mirrored and not taken.
  std::function<void(Taken&)> start;
  std::function<BodyUse(const HttpRequest&)> use = [](const HttpRequest&) { return BodyUse::kWhole; };
  std::vector<std::unique_ptr<Taken>> taken;  // in the order of arrival

  // A client that has sent `bytes`.
  std::unique_ptr<Client> Ask(std::string_view bytes, SocketKind kind = SocketKind::kUnix);
  // All that the client has received by now.
  const std::string& Hear(Client& client);
  Taken& Last() { return *taken.back(); }

  HttpBed http;
};

// "GET /path HTTP/1.1" with a Host field and `fields`, each with its CR LF.
std::string Get(const std::string& target, const std::string& fields = {});
std::string Post(const std::string& fields, std::string_view body);
// The body of one chunked answer, with its head removed; nullopt: it is not exactly one complete body.
std::optional<std::string> Dechunk(std::string_view received);
// The bytes after the first head.
std::string_view AfterHead(std::string_view received);

}  // namespace preforkd::testing

#endif
