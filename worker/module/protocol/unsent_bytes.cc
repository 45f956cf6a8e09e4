#include "worker/module/protocol/unsent_bytes.h"

namespace preforkd::module {

bool UnsentBytes::Send(std::string_view bytes) {
  if (!Waiting() && !SendSome(bytes)) return false;
  if (bytes.empty()) return true;
  // The sent part is dropped when it is the larger one: so each byte is moved once on average.
  if (from_ > bytes_.size() / 2) {
    bytes_.erase(0, from_);
    from_ = 0;
  }
  bytes_.append(bytes);
  return true;
}

bool UnsentBytes::Flush() {
  std::string_view bytes = std::string_view(bytes_).substr(from_);
  const bool works = SendSome(bytes);
  from_ = bytes_.size() - bytes.size();
  if (!Waiting()) {
    std::string().swap(bytes_);
    from_ = 0;
  }
  return works;
}

bool UnsentBytes::SendSome(std::string_view& bytes) {
  while (!bytes.empty()) {
    const IoResult sent = connection_.Send(bytes);
    if (sent.kind == IoResult::Kind::kAgain) return true;
    if (!sent.Done()) return false;
    bytes.remove_prefix(sent.size);
  }
  return true;
}

}  // namespace preforkd::module
