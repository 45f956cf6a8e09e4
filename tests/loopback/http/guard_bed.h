// GuardBed: an HTTP service in one process whose handler asks an AccessGuard first.
#ifndef PREFORKD_TESTS_LOOPBACK_HTTP_GUARD_BED_H_
#define PREFORKD_TESTS_LOOPBACK_HTTP_GUARD_BED_H_

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/loopback/http/later_bed.h"
#include "tests/unit/http/users.h"
#include "worker/http/access/access_guard.h"
#include "worker/http/http_service.h"

namespace preforkd::testing {

using http::AccessGuard;
using http::AccessRules;

// Ann's password is "secret"; a check takes about 50 ms. One of slow's takes 0.8 s, and more on a busy
// machine.
inline constexpr const char* kUsers =
    "ann:$2y$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u\n"
    "slow:$2y$14$abcdefghijklmnopqrstuuu3YKPHzv.du08CUZBfOZF3yKt5yjPLm\n";
inline const std::string kBob = "Authorization: Basic Ym9iOnNlY3JldA==\r\n";  // bob:secret
inline const std::string kChallenge = "Basic realm=\"restricted\", charset=\"UTF-8\"";

inline std::string Base64(std::string text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  REQUIRE(text.size() % 3 == 0);
  std::string encoded;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    unsigned bits = 0;
    for (std::size_t byte = 0; byte < 3; ++byte)
      bits = bits << 8 | static_cast<unsigned char>(text[i + byte]);
    for (int shift = 18; shift >= 0; shift -= 6) encoded += kDigits[bits >> shift & 63];
  }
  return encoded;
}

// Other wrong passwords of ann.
inline std::string WrongOne(int number) {
  return "Authorization: Basic " + Base64(fmt::format("ann:{:05}", number)) + "\r\n";
}

inline SocketAddress PeerOf(const std::string& host) {
  SocketAddress address;
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  REQUIRE(::inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) == 1);
  std::memcpy(&address.storage, &six, sizeof(six));
  address.length = sizeof(six);
  return address;
}

struct GuardBed;

// What a session will do: asks the guard, with the rules of the request, before the handler.
class GuardedHandler final : public RequestHandler {
 public:
  GuardedHandler(GuardBed& bed, WorkerEnv& env);
  [[nodiscard]] BodyUse UseOfBody(const HttpRequest& request) const override;
  void Start(const HttpRequest& request, HttpResponse& response, Deferral& deferral) override;
  bool OnExit() override { return guard_->OnExit(); }

 private:
  GuardBed& bed_;
  std::unique_ptr<AccessGuard> guard_;
};

struct GuardBed {
  GuardBed() {
    std::ofstream(path) << kUsers;
    Settings settings(AccessSettingTable());
    settings.Set("basic_auth", {0, path});
    http::PasswordFiles files;
    rules = AccessRules::Make(settings, files).Value();
    ServiceType type;
    type.factory = [this](const ServiceConfig&, WorkerEnv& env) -> Result<std::unique_ptr<Service>> {
      return MakeHttpService(HttpSettings{}, std::make_unique<GuardedHandler>(*this, env));
    };
    bed = std::make_unique<HttpBed>(std::map<std::string, std::string>{}, type);
  }
  ~GuardBed() { (void)std::remove(path.c_str()); }
  GuardBed(const GuardBed&) = delete;
  GuardBed& operator=(const GuardBed&) = delete;

  std::unique_ptr<Client> Ask(const std::string& bytes) {
    auto client = bed->Connect();
    bed->Exchange(*client, bytes);
    return client;
  }
  // The answers to the client, when there are `count`.
  std::vector<Answer> Answers(Client& client, std::size_t count) {
    CHECK(bed->Until([&] {
      client.Read();
      return ParseAnswers(client.Received()).size() >= count;
    }));
    return ParseAnswers(client.Received());
  }
  // Keeps the thread busy, so that nothing else is checked for a while.
  void Occupy(const std::string& fields = {}) {
    occupying.push_back(Ask(Get("/", "Authorization: Basic " + Base64("slow:wrong__") + "\r\n" + fields)));
  }
  int StatusFor(const std::string& bytes) {
    const auto client = Ask(bytes);
    const std::vector<Answer> answers = Answers(*client, 1);
    return answers.empty() ? 0 : answers[0].status;
  }

  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/users";
  AccessRules rules;
  BodyUse use = BodyUse::kWhole;
  AccessGuard::Then inner = [](const HttpRequest& request, HttpResponse& response, Deferral&) {
    response.Body() = std::string(request.user) + " " + std::string(request.body);
  };
  int calls = 0;  // of `inner`
  std::unique_ptr<HttpBed> bed;
  std::vector<std::unique_ptr<Client>> occupying;
};

inline GuardedHandler::GuardedHandler(GuardBed& bed, WorkerEnv& env)
    : bed_(bed), guard_(std::move(AccessGuard::Make(env, true)).Value()) {}

inline BodyUse GuardedHandler::UseOfBody(const HttpRequest& request) const {
  return guard_->UseOfBody(bed_.rules, request, bed_.use);
}

inline void GuardedHandler::Start(const HttpRequest& request, HttpResponse& response, Deferral& deferral) {
  // The peers of all clients of the bed are the same.
  HttpRequest seen = request;
  SocketAddress peer;
  if (const auto name = request.Field("x-peer")) {
    peer = PeerOf(std::string(*name));
    seen.peer = &peer;
  }
  const AccessGuard::Then then = [this](const HttpRequest& allowed, HttpResponse& answer, Deferral& later) {
    ++bed_.calls;
    bed_.inner(allowed, answer, later);
  };
  if (!guard_->Admit(bed_.rules, seen, bed_.use, response, deferral, then)) return;
  request.user = seen.user;
  then(seen, response, deferral);
}

}  // namespace preforkd::testing

#endif
