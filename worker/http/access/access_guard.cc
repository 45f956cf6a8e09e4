#include "worker/http/access/access_guard.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>

#include "common/base/check.h"
#include "worker/http/access/credentials.h"
#include "worker/http/answer/error_page.h"
#include "worker/http/answer/handler_call.h"

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
  for (SipKey& key : keys) PF_CHECK(MakeRandom(key), "the kernel has no random bytes");
  return keys;
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
  Waiter(AccessGuard& its_guard, std::uint64_t check, const AccessRules& its_rules, BodyUse its_use,
         Then next, std::shared_ptr<Exchange> taken)
      : guard(its_guard),
        number(check),
        rules(its_rules),
        use(its_use),
        then(std::move(next)),
        exchange(std::move(taken)) {
    exchange->Observe(this);
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() { exchange->Observe(nullptr); }

  void OnLeaving() override {}  // GoOn tells it to the handler
  void OnEnded() override { guard.OnEnded(number, this); }
  void OnRoom() override {}
  void OnBody(std::string_view, bool) override {}  // it is held

  AccessGuard& guard;
  const std::uint64_t number;
  const AccessRules& rules;
  const BodyUse use;
  const Then then;
  const std::shared_ptr<Exchange> exchange;
};

// A request that is allowed, whose body its handler wants whole. The session bounds it (max_body,
// body_timeout).
class AccessGuard::WholeBody final : Exchange::Observer {
 public:
  WholeBody(AccessGuard& guard, Then then, std::shared_ptr<Exchange> exchange)
      : guard_(guard), then_(std::move(then)), exchange_(std::move(exchange)) {
    exchange_->Observe(this);
  }
  WholeBody(const WholeBody&) = delete;
  WholeBody& operator=(const WholeBody&) = delete;
  ~WholeBody() {
    if (exchange_ != nullptr) exchange_->Observe(nullptr);
  }

  // The request has its body now. What observes it next is another's business.
  std::shared_ptr<Exchange> Take() {
    exchange_->Observe(nullptr);
    exchange_->Kept().TakeBody(std::move(text_));
    return std::exchange(exchange_, nullptr);
  }
  [[nodiscard]] const Then& Next() const { return then_; }

 private:
  void OnLeaving() override {}  // likewise
  void OnRoom() override {}
  // These two destroy it.
  void OnEnded() override {
    std::erase_if(guard_.bodies_, [this](const auto& each) { return each.get() == this; });
  }
  void OnBody(std::string_view piece, bool last) override {
    text_.append(piece);
    if (last) guard_.OnCollected(this);
  }

  AccessGuard& guard_;
  const Then then_;
  std::shared_ptr<Exchange> exchange_;
  std::string text_;
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

BodyUse AccessGuard::UseOfBody(const AccessRules& rules, const HttpRequest& request, BodyUse use) const {
  switch (Decide(rules, request)) {
    case Access::kAllowed: return use;
    case Access::kForbidden:
    case Access::kNoCredentials: return BodyUse::kNone;
    case Access::kMustVerify: break;
  }
  // In pieces, so that it can wait.
  return use == BodyUse::kWhole && !IsKnown(rules, request) ? BodyUse::kPieces : use;
}

bool AccessGuard::IsKnown(const AccessRules& rules, const HttpRequest& request) const {
  const auto verified = verified_.find(rules.passwords.get());
  if (verified == verified_.end()) return false;
  const std::optional<Credentials> credentials = Credentials::Of(request);
  return credentials && verified->second.Has(verified->second.DigestOf(credentials->Both()), Now());
}

bool AccessGuard::Admit(const AccessRules& rules, const HttpRequest& request, BodyUse use,
                        HttpResponse& response, Deferral& deferral, const Then& then) {
  switch (Decide(rules, request)) {
    case Access::kAllowed: return true;
    case Access::kForbidden: AnswerStatus(response, 403); return false;
    case Access::kNoCredentials: Challenge(rules, response); return false;
    case Access::kMustVerify: break;
  }
  return Verify(rules, request, use, response, deferral, then);
}

Verified& AccessGuard::VerifiedOf(const PasswordFile& file) {
  return verified_.try_emplace(&file, RandomKeys(), kMaxVerified, kVerifiedFor).first->second;
}

bool AccessGuard::Verify(const AccessRules& rules, const HttpRequest& request, BodyUse use,
                         HttpResponse& response, Deferral& deferral, const Then& then) {
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
    turns_.Join(same->first, HostAddress::Of(*request.peer).Client());
    return Await(same->first, rules, request, use, deferral, then), false;
  }
  const std::uint64_t number = ++last_number_;
  const PasswordTurns::Verdict verdict = turns_.Enter(number, HostAddress::Of(*request.peer).Client());
  if (verdict.entered != PasswordTurns::Entered::kWaits)
    return Refuse(verdict.entered == PasswordTurns::Entered::kTooMany ? 429 : 503, response), false;
  if (verdict.displaced) GiveUp(*verdict.displaced);
  const std::string_view password = credentials->Password();
  checks_[number] = {rules.passwords, digest, entry, SecretBytes(password.begin(), password.end()), {}};
  Await(number, rules, request, use, deferral, then);
  CheckNext();
  return false;
}

void AccessGuard::CheckNext() {
  const std::optional<std::uint64_t> next = turns_.Begin();
  if (!next) return;
  Check& check = checks_.at(*next);
  thread_->Check(
      {*next, std::move(check.password), check.entry != nullptr ? check.entry->hash : check.file->Decoy()});
}

void AccessGuard::GiveUp(std::uint64_t number) {
  auto check = checks_.extract(number);
  std::vector<std::shared_ptr<Exchange>> all;
  for (const auto& waiter : check.mapped().waiters) all.push_back(waiter->exchange);
  check.mapped().waiters.clear();
  for (const std::shared_ptr<Exchange>& exchange : all) {
    HttpResponse response;
    Refuse(503, response);
    if (exchange->Open()) exchange->Answer(std::move(response));
  }
}

void AccessGuard::Await(std::uint64_t number, const AccessRules& rules, const HttpRequest& request,
                        BodyUse use, Deferral& deferral, const Then& then) {
  std::shared_ptr<Exchange> exchange = deferral.Take();
  if (request.body_follows) exchange->HoldBody(true);
  checks_[number].waiters.push_back(
      std::make_unique<Waiter>(*this, number, rules, use, then, std::move(exchange)));
}

// The waiter is destroyed.
void AccessGuard::OnEnded(std::uint64_t number, const Waiter* waiter) {
  const auto check = checks_.find(number);
  if (check == checks_.end()) return;
  std::erase_if(check->second.waiters, [&](const auto& each) { return each.get() == waiter; });
  if (check->second.waiters.empty() && turns_.Remove(number)) checks_.erase(check);
}

void AccessGuard::OnChecked(std::uint64_t number, bool right) {
  turns_.End();
  CheckNext();
  const auto found = checks_.find(number);
  if (found == checks_.end()) return;
  Check check = std::move(found->second);
  checks_.erase(found);
  const bool allowed = right && check.entry != nullptr;
  if (allowed) VerifiedOf(*check.file).Add(check.digest, Now());
  // Each may end others: their observers are gone first.
  struct Due {
    std::shared_ptr<Exchange> exchange;
    const AccessRules& rules;
    BodyUse use;
    Then then;
  };
  std::vector<Due> all;
  for (const auto& waiter : check.waiters)
    all.push_back({waiter->exchange, waiter->rules, waiter->use, waiter->then});
  check.waiters.clear();
  for (const Due& due : all) {
    if (!due.exchange->Open()) continue;
    if (allowed) {
      due.exchange->Request().user = check.entry->user;
      const bool whole = due.use == BodyUse::kWhole && due.exchange->Request().body_follows;
      whole ? Collect(due.exchange, due.then) : GoOn(due.exchange, due.then);
    } else {
      HttpResponse response;
      Challenge(due.rules, response);
      due.exchange->Answer(std::move(response));
    }
  }
}

void AccessGuard::Collect(const std::shared_ptr<Exchange>& exchange, const Then& then) {
  bodies_.push_back(std::make_unique<WholeBody>(*this, then, exchange));
  // It is read when this has returned.
  const BusyMark mark(env_.busy, this);
  exchange->HoldBody(false);
}

void AccessGuard::OnCollected(const WholeBody* body) {
  const auto found =
      std::find_if(bodies_.begin(), bodies_.end(), [body](const auto& each) { return each.get() == body; });
  const std::unique_ptr<WholeBody> collected = std::move(*found);
  bodies_.erase(found);
  GoOn(collected->Take(), collected->Next());
}

// As a session calls a handler: what is answered or wanted inside is held until it has returned.
void AccessGuard::GoOn(const std::shared_ptr<Exchange>& exchange, const Then& then) {
  HttpResponse response;
  GivenDeferral deferral(exchange);
  const bool done = [&] {
    const BusyMark mark(env_.busy, this);
    if (exchange->Request().body_follows) exchange->HoldBody(false);
    return CallHandler([&] { then(exchange->Request(), response, deferral); }, exchange->Request(),
                       fault_log_, response);
  }();
  if (exchange->Open() && !(done && deferral.Taken())) return exchange->Answer(std::move(response));
  // The client may have left while its password was checked. A handler is started all the same: one that has
  // shut down only its sending side still gets the answer.
  exchange->TellLeaving();
}

}  // namespace preforkd::http
