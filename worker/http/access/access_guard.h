// AccessGuard: lets the requests through that the rules allow, and answers the others. One for each service
// that has such rules, in each worker.
//
// The check of a password runs in a thread, one at a time (password_thread.h), and the request is deferred
// meanwhile. Credentials that were right cost no further hash for five minutes; those of several requests at
// the same time are checked once. At most kMaxChecks are checked or wait, kMaxOfClient of one client's (an
// IPv6 one by its /64): beyond, the answer is 503 and 429. Clients take turns, and one that has many waiting
// gives way to one that has few (password_turns.h): all requests that wait for the check that gives way get
// 503. A user that there is not costs a hash too.
//
// How a session calls it, with the rules of the place of the request:
//
//   UseOfBody: return guard.UseOfBody(rules, request, use);
//   Start:     if (!guard.Admit(rules, request, use, response, deferral, then)) return;
//              then(request, response, deferral);
//
// `use` is what the answer needs of the body. No body is read before its request is allowed: while its
// password is checked the body waits, in the client or in the socket, and then it is read as the handler
// wants it. A client that is refused and waits for "100 Continue" is never told to send it.
//
// Loop thread only.
#ifndef PREFORKD_WORKER_HTTP_ACCESS_ACCESS_GUARD_H_
#define PREFORKD_WORKER_HTTP_ACCESS_ACCESS_GUARD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret_bytes.h"
#include "common/net/network.h"
#include "common/structures/rate_limit.h"
#include "worker/connection/worker_env.h"
#include "worker/http/access/access_rules.h"
#include "worker/http/access/password_thread.h"
#include "worker/http/access/password_turns.h"
#include "worker/http/access/verified.h"
#include "worker/http/answer/handler.h"

namespace preforkd::http {

class Credentials;

class AccessGuard {
 public:
  static constexpr std::size_t kMaxChecks = 16;
  static constexpr std::size_t kMaxOfClient = 4;
  static constexpr std::size_t kMaxWaiters = 64;  // of the same credentials
  static constexpr std::size_t kMaxVerified = 1024;
  static constexpr Duration kVerifiedFor = std::chrono::minutes(5);

  // What answers the request if it is allowed, like RequestHandler::Start; called later if its password has
  // to be checked. Then the connection still exists.
  using Then = std::function<void(const HttpRequest&, HttpResponse&, Deferral&)>;

  // `passwords`: some of the rules ask for one: starts the thread. While the service is made.
  static Result<std::unique_ptr<AccessGuard>> Make(WorkerEnv& env, bool passwords);
  AccessGuard(const AccessGuard&) = delete;
  AccessGuard& operator=(const AccessGuard&) = delete;
  ~AccessGuard();

  // What RequestHandler::UseOfBody says for the request.
  [[nodiscard]] BodyUse UseOfBody(const AccessRules& rules, const HttpRequest& request, BodyUse use) const;
  // True: it is allowed. False: it is answered in `response`, or deferred. `rules` must live as long as this.
  bool Admit(const AccessRules& rules, const HttpRequest& request, BodyUse use, HttpResponse& response,
             Deferral& deferral, const Then& then);
  // RequestHandler::OnExit.
  bool OnExit() { return thread_ == nullptr || thread_->Finish(); }

 private:
  struct Waiter;
  class WholeBody;
  // A pair that is being checked.
  struct Check {
    std::shared_ptr<const PasswordFile> file;
    Verified::Digest digest{};
    const PasswordEntry* entry = nullptr;  // nullptr: there is no such user
    SecretBytes password;                  // until it is checked
    std::vector<std::unique_ptr<Waiter>> waiters;
  };

  explicit AccessGuard(WorkerEnv& env);
  Verified& VerifiedOf(const PasswordFile& file);
  // Its credentials were right a short while ago.
  [[nodiscard]] bool IsKnown(const AccessRules& rules, const HttpRequest& request) const;
  bool Verify(const AccessRules& rules, const HttpRequest& request, BodyUse use, HttpResponse& response,
              Deferral& deferral, const Then& then);
  // Has the next password checked, if none is.
  void CheckNext();
  // That check makes room for another client's.
  void GiveUp(std::uint64_t number);
  void Await(std::uint64_t number, const AccessRules& rules, const HttpRequest& request, BodyUse use,
             Deferral& deferral, const Then& then);
  void OnChecked(std::uint64_t number, bool right);
  void OnEnded(std::uint64_t number, const Waiter* waiter);
  void GoOn(const std::shared_ptr<Exchange>& exchange, const Then& then);
  // The same when the whole body is there.
  void Collect(const std::shared_ptr<Exchange>& exchange, const Then& then);
  void OnCollected(const WholeBody* body);

  WorkerEnv& env_;
  std::map<const PasswordFile*, Verified> verified_;
  std::map<std::uint64_t, Check> checks_;           // by their numbers
  std::vector<std::unique_ptr<WholeBody>> bodies_;  // that are being read
  PasswordTurns turns_{kMaxChecks, kMaxOfClient};
  std::uint64_t last_number_ = 0;
  OncePerSecond fault_log_;
  std::unique_ptr<PasswordThread> thread_;  // its end waits for what it uses
};

}  // namespace preforkd::http

#endif
