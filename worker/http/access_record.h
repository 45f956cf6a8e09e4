// AccessRecord: the access-log line of the response that a session is sending. There is at most one at a
// time, because no response is started while another waits for the socket.
//
// The line is written before the first byte of the response is sent, so that a worker that crashes leaves no
// response without its line. If only part of the response could be sent, the line is removed, and written
// again before the next attempt.
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
  // Without an access log, all functions do nothing.
  explicit AccessRecord(Connection& connection) : connection_(connection) {}
  AccessRecord(const AccessRecord&) = delete;
  AccessRecord& operator=(const AccessRecord&) = delete;

  // Bytes of a request have arrived. Only the first call after a Begin counts.
  void Arrive();
  // A response has been created and will be sent. `head`: the request's head as far as it was received.
  // `known`: what the connection does not know itself. Closes the previous record: with pipelining its
  // response may still be unsent.
  void Begin(std::string_view head, const AccessEntry& known, std::uint64_t body_size);
  // The body of the open record has grown by `bytes`, and the output would end at `end` now. For a body whose
  // size is not known before: the record stays open until SetEnd.
  void Grow(std::uint64_t bytes, std::uint64_t end) {
    body_size_ += bytes;
    end_ = end;
    grows_ = true;
  }
  // Sets the position in the output where the response ends.
  void SetEnd(std::uint64_t end) {
    end_ = end;
    grows_ = false;
  }
  // Call before sending anything.
  void BeforeSending();
  // `sent` bytes of the output have been sent so far. `all`: nothing more will be sent.
  void AfterSending(std::uint64_t sent, bool all);

 private:
  [[nodiscard]] AccessLog* Log() const { return connection_.Env().access; }
  void Put(std::uint64_t bytes);

  Connection& connection_;
  AccessLine::Parts parts_;
  std::string kept_;  // copies of the parts while the response waits for the socket
  std::uint64_t body_size_ = 0;
  std::uint64_t body_sent_ = 0;  // of a body that grows: all of it up to here was sent
  std::uint64_t end_ = 0;
  Time arrived_{};         // of the next request; zero: none yet
  Time began_{};           // start of the open record
  std::uint32_t put_ = 0;  // size of the line that can still be removed
  bool open_ = false;
  bool grows_ = false;  // its end is not known yet
};

}  // namespace preforkd::http

#endif
