#include "worker/http/access_record.h"

#include <algorithm>
#include <utility>

namespace preforkd::http {

void AccessRecord::Arrive() {
  if (Log() == nullptr || arrived_ != Time{}) return;
  // Reuses the clock reading made at the start of the callback.
  arrived_ = FromNanoseconds(static_cast<std::int64_t>(Get(connection_.Env().row.callback_since_ns)));
}

void AccessRecord::Begin(std::string_view head, const AccessEntry& known, std::uint64_t body_size) {
  if (Log() == nullptr) return;
  if (open_) Log()->Done();
  AccessEntry entry = known;
  entry.peer = &connection_.Peer();
  entry.conn = connection_.Id();
  entry.request = connection_.Requests();
  entry.journeys = connection_.Journeys();
  entry.tls = connection_.Tls();
  entry.request_line = head.substr(0, head.find_first_of("\r\n"));
  parts_ = Log()->Begin(entry);
  body_size_ = body_size;
  end_ = UINT64_MAX;
  grows_ = false;
  body_sent_ = 0;
  began_ = std::exchange(arrived_, Time{});
  Put(body_size);
}

void AccessRecord::Put(std::uint64_t bytes) {
  put_ = static_cast<std::uint32_t>(Log()->Put(parts_, bytes, Now() - began_));
  open_ = put_ > 0;
}

void AccessRecord::BeforeSending() {
  if (open_ && !kept_.empty()) Put(body_size_);
}

void AccessRecord::AfterSending(std::uint64_t sent, bool all) {
  if (!open_) return;
  if (sent >= end_) body_sent_ = body_size_;
  if (sent < end_ || grows_) {
    Log()->Retract(std::exchange(put_, 0));
    if (!all) {
      if (!kept_.empty()) return;
      kept_.append(parts_.head).append(parts_.tail);
      const std::string_view kept = kept_;
      parts_ = {kept.substr(0, parts_.head.size()), kept.substr(parts_.head.size())};
      return;
    }
    // Of a chunked body also the lines between the chunks may be missing.
    const std::uint64_t missing = end_ - std::min(end_, sent);
    Put(std::max(body_sent_, body_size_ - std::min(body_size_, missing)));
  }
  Log()->Done();
  open_ = false;
  std::string().swap(kept_);  // frees the memory; assigning an empty string would not
}

}  // namespace preforkd::http
