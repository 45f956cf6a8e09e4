// AccessRecord: the line of the access log that belongs to the answer that a session is giving. At most one
// at a time, because nothing is begun behind an answer that waits.
//
// The line is there before the first byte of the answer leaves: a worker that dies has no client who got an
// answer without one. When not all of it could be sent it is taken back, and put again before the next
// attempt.
#ifndef PREFORKD_WORKER_HTTP_ACCESS_RECORD_H_
#define PREFORKD_WORKER_HTTP_ACCESS_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "worker/connection/access_log.h"
#include "worker/connection/connection.h"

namespace preforkd::http {

class AccessRecord {
 public:
  // Without an access log nothing here does anything.
  explicit AccessRecord(Connection& connection) : connection_(connection) {}
  AccessRecord(const AccessRecord&) = delete;
  AccessRecord& operator=(const AccessRecord&) = delete;

  // Bytes of a request are here. The first call after a Begin counts.
  void Arrive();
  // The answer is made, and will be sent. `head` is what the client sent, as far as that is known; `known`
  // what the connection does not know itself. Ends the record before: who pipelines did not wait for that
  // answer.
  void Begin(std::string_view head, const AccessEntry& known, std::uint64_t body_size);
  // Where in the output it ends.
  void SetEnd(std::uint64_t end) { end_ = end; }
  // Something is going to be sent.
  void BeforeSending();
  // So much of the output has been sent by now. `all`: there is nothing more to be sent, or never will be.
  void AfterSending(std::uint64_t sent, bool all);

 private:
  [[nodiscard]] AccessLog* Log() const { return connection_.Env().access; }
  void Put(std::uint64_t bytes);

  Connection& connection_;
  AccessLine::Parts parts_;
  std::string kept_;  // holds the parts while the answer waits for the socket
  std::uint64_t body_size_ = 0;
  std::uint64_t end_ = 0;
  Time arrived_{};         // of the next request; none yet: zero
  Time began_{};           // of the open record
  std::uint32_t put_ = 0;  // size of the line that can still be taken back
  bool open_ = false;
};

}  // namespace preforkd::http

#endif
