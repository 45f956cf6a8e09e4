#include "worker/http/access/access_guard.h"

#include <sys/random.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <optional>
#include <string_view>

#include "common/base/check.h"
#include "common/base/log.h"
#include "worker/http/access/credentials.h"
#include "worker/http/answer/error_page.h"

namespace preforkd::http {
namespace {

void Challenge(const AccessRules& rules, HttpResponse& response) {
  AnswerStatus(response, 401);
  response.AddHeader("WWW-Authenticate", rules.challenge);
}

void Refuse(int status, HttpResponse& response) {
  AnswerStatus(response, status);
  response.AddHeader("Retry-After", "1");
}

Verified::Keys RandomKeys() {
  Verified::Keys keys{};
  // So few bytes arrive complete (getrandom(2)).
  PF_CHECK(::getrandom(keys.data(), sizeof(keys), 0) == sizeof(keys), "the kernel has no random bytes");
  return keys;
}

// One person has a whole /64.
HostAddress ClientOf(const HttpRequest& request) {
  const HostAddress host = HostAddress::Of(*request.peer);
  return host.family == HostFamily::kIPv6 ? host.Masked(64) : host;
}

// The exchange of a request that was deferred, for who answers it at last.
class GivenDeferral final : public Deferral {
 public:
  explicit GivenDeferral(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  std::shared_ptr<Exchange> Take() override {
    taken_ = true;
    return exchange_;
  }
  [[nodiscard]] bool Taken() const { return taken_; }

 private:
  std::shared_ptr<Exchange> exchange_;
  bool taken_ = false;
};

}  // namespace

// A request whose credentials are being checked.
struct AccessGuard::Waiter final : Exchange::Observer {
  Waiter(AccessGuard& its_guard, std::uint64_t check, const AccessRules& its_rules, Then next,
         std::shared_ptr<Exchange> taken)
      : guard(its_guard), number(check), rules(its_rules), then(std::move(next)), exchange(std::move(taken)) {
    exchange->Observe(this);
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() { exchange->Observe(nullptr); }

  void OnLeaving() override {}
  void OnEnded() override { guard.OnEnded(number, this); }
  void OnRoom() override {}
  void OnBody(std::string_view, bool) override {}  // it is held

  AccessGuard& guard;
  const std::uint64_t number;
  const AccessRules& rules;
  const Then then;
  const std::shared_ptr<Exchange> exchange;
};

Result<std::unique_ptr<AccessGuard>> AccessGuard::Make(WorkerEnv& env, bool passwords) {
  std::unique_ptr<AccessGuard> guard(new AccessGuard(env));
  if (!passwords) return guard;
  Result<std::unique_ptr<PasswordThread>> thread = PasswordThread::Start(
      env.loop, [self = guard.get()](std::uint64_t number, bool right) { self->OnChecked(number, right); });
  if (!thread.Ok()) return thread.Err();
  guard->thread_ = std::move(thread).Value();
  return guard;
}

AccessGuard::AccessGuard(WorkerEnv& env) : env_(env) {}

AccessGuard::~AccessGuard() = default;

bool AccessGuard::DeniesAtOnce(const AccessRules& rules, const HttpRequest& request) {
  const Access access = Decide(rules, request);
  return access == Access::kForbidden || access == Access::kNoCredentials;
}

bool AccessGuard::Admit(const AccessRules& rules, const HttpRequest& request, HttpResponse& response,
                        Deferral& deferral, const Then& then) {
  switch (Decide(rules, request)) {
    case Access::kAllowed: return true;
    case Access::kForbidden: AnswerStatus(response, 403); return false;
    case Access::kNoCredentials: Challenge(rules, response); return false;
    case Access::kMustVerify: break;
  }
  return Verify(rules, request, response, deferral, then);
}

Verified& AccessGuard::VerifiedOf(const PasswordFile& file) {
  return verified_.try_emplace(&file, RandomKeys(), kMaxVerified, kVerifiedFor).first->second;
}

bool AccessGuard::Verify(const AccessRules& rules, const HttpRequest& request, HttpResponse& response,
                         Deferral& deferral, const Then& then) {
  PF_CHECK(thread_ != nullptr, "a password is asked for, and the guard was made without");
  const std::optional<Credentials> credentials = Credentials::Of(request);
  Verified& verified = VerifiedOf(*rules.passwords);
  const PasswordEntry* const entry = rules.passwords->Find(credentials->User());
  const Verified::Digest digest = verified.DigestOf(credentials->Both());
  if (entry != nullptr && verified.Has(digest, Now())) {
    request.user = entry->user;
    return true;
  }
  const auto same = std::find_if(checks_.begin(), checks_.end(), [&](const auto& each) {
    return each.second.file == rules.passwords && each.second.digest == digest;
  });
  if (same != checks_.end()) {
    if (same->second.waiters.size() >= kMaxWaiters) return Refuse(503, response), false;
    return Await(same->first, rules, request, deferral, then), false;
  }
  const HostAddress client = ClientOf(request);
  if (const int refusal = Refusal(client); refusal != 0) return Refuse(refusal, response), false;
  const std::uint64_t number = ++last_number_;
  checks_[number] = {rules.passwords, digest, entry, client, {}};
  Await(number, rules, request, deferral, then);
  const std::string_view password = credentials->Password();
  thread_->Add({number, SecretBytes(password.begin(), password.end()),
                entry != nullptr ? entry->hash : rules.passwords->Decoy()});
  return false;
}

int AccessGuard::Refusal(const HostAddress& client) const {
  const auto of_client = std::count_if(checks_.begin(), checks_.end(),
                                       [&](const auto& each) { return each.second.client == client; });
  if (static_cast<std::size_t>(of_client) >= kMaxOfClient) return 429;
  return checks_.size() >= kMaxChecks ? 503 : 0;
}

void AccessGuard::Await(std::uint64_t number, const AccessRules& rules, const HttpRequest& request,
                        Deferral& deferral, const Then& then) {
  std::shared_ptr<Exchange> exchange = deferral.Take();
  if (request.body_follows) exchange->HoldBody(true);
  checks_[number].waiters.push_back(
      std::make_unique<Waiter>(*this, number, rules, then, std::move(exchange)));
}

// The waiter is destroyed.
void AccessGuard::OnEnded(std::uint64_t number, const Waiter* waiter) {
  const auto check = checks_.find(number);
  if (check == checks_.end()) return;
  std::erase_if(check->second.waiters, [&](const auto& each) { return each.get() == waiter; });
  if (check->second.waiters.empty() && thread_->Remove(number)) checks_.erase(check);
}

void AccessGuard::OnChecked(std::uint64_t number, bool right) {
  const auto found = checks_.find(number);
  if (found == checks_.end()) return;
  Check check = std::move(found->second);
  checks_.erase(found);
  const bool allowed = right && check.entry != nullptr;
  if (allowed) VerifiedOf(*check.file).Add(check.digest, Now());
  // Each may end others: their observers are gone first.
  std::vector<std::pair<std::shared_ptr<Exchange>, std::pair<const AccessRules*, Then>>> waiting;
  for (const auto& waiter : check.waiters)
    waiting.push_back({waiter->exchange, {&waiter->rules, waiter->then}});
  check.waiters.clear();
  for (const auto& [exchange, rest] : waiting) {
    if (!exchange->Open()) continue;
    if (allowed) {
      exchange->Request().user = check.entry->user;
      GoOn(exchange, rest.second);
    } else {
      HttpResponse response;
      Challenge(*rest.first, response);
      exchange->Answer(std::move(response));
    }
  }
}

// As a session calls a handler: what is answered or wanted inside is held until it has returned.
void AccessGuard::GoOn(const std::shared_ptr<Exchange>& exchange, const Then& then) {
  HttpResponse response;
  GivenDeferral deferral(exchange);
  const void* const before = std::exchange(env_.busy, this);
  if (exchange->Request().body_follows) exchange->HoldBody(false);
  const bool thrown = Throws(then, exchange->Request(), response, deferral);
  env_.busy = before;
  if (!exchange->Open() || (deferral.Taken() && !thrown)) return;
  if (thrown || response.Malformed()) {
    response.Clear();
    AnswerStatus(response, 500);
  }
  exchange->Answer(std::move(response));
}

bool AccessGuard::Throws(const Then& then, const HttpRequest& request, HttpResponse& response,
                         Deferral& deferral) {
  std::string fault;
  try {
    then(request, response, deferral);
    if (!response.Malformed()) return false;
    fault = "the handler's response is malformed";
  } catch (const std::exception& exception) {
    fault = exception.what();
  } catch (...) {
    fault = "the handler threw an exception that is not a std::exception";
  }
  if (const auto held_back = fault_log_.Allow(Now())) {
    log::Error({log::kRequestFailed, ConnId{request.connection}, {{"suppressed", *held_back}}},
               "500 for {} {}: {}", request.method_name, request.target, fault);
  }
  return true;
}

}  // namespace preforkd::http
