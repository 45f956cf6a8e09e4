#include "worker/connection/session_verdict.h"

#include <cstring>

#include "worker/connection/beginning.h"

namespace preforkd {

SessionVerdict::SessionVerdict() = default;
SessionVerdict::~SessionVerdict() = default;

void SessionVerdict::Note(const IoResult& result) {
  if (result.kind == IoResult::Kind::kEnd) why = "end of file from the client";
  if (result.kind != IoResult::Kind::kError) return;
  const char* name = ::strerrorname_np(result.errnum);
  why = name != nullptr ? name : "a socket error";
}

}  // namespace preforkd
