#include "worker/http/files/served_root.h"

#include <utility>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/text/quote.h"

namespace preforkd::http {

Result<ServedRoot> ServedRoot::Open(const std::string& path, Time now) {
  Result<Beneath> folder = Beneath::Open(path);
  if (!folder.Ok()) return folder.Err();
  return ServedRoot(path, std::move(folder).Value(), now);
}

Beneath::Opened ServedRoot::OpenFile(const char* name, Time now) {
  if (schedule_.Due(now)) CheckAgain(now);
  Beneath::Opened opened = folder_.OpenFile(name);
  if (opened.fd.Valid() || IsShortage(opened.errnum) || !schedule_.SpendOnMiss(now)) return opened;
  CheckAgain(now);
  return folder_.OpenFile(name);
}

void ServedRoot::CheckAgain(Time now) {
  schedule_.Checked(now);
  const int errnum = folder_.Reopen(path_);
  if (errnum != 0) return LogGone(errnum, now);
  if (std::exchange(logged_gone_, false))
    log::Notice({log::kRootRestored, {{"path", path_}}}, "root {} can be opened again", Quoted(path_));
}

// Logs once each time the folder disappears, and at most once per second.
void ServedRoot::LogGone(int errnum, Time now) {
  if (IsShortage(errnum) || logged_gone_ || !log_limit_.Allow(now)) return;
  log::Warning({log::kRootMissing, {{"path", path_}}},
               "cannot open root {}: {}; its files are missing until that succeeds", Quoted(path_),
               ErrnoText(errnum));
  logged_gone_ = true;
}

}  // namespace preforkd::http
