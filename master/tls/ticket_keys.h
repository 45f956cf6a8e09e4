// TicketKeys: makes the key of session tickets, and a new one every seven days. All gates of all generations
// read it from one page of shared memory; so reload, restart of a gate and upgrade keep tickets valid.
//
// GnuTLS derives the keys that are in use from it by time, and still accepts the one before. Only when a new
// key is made must clients make a whole handshake once.
#ifndef PREFORKD_MASTER_TLS_TICKET_KEYS_H_
#define PREFORKD_MASTER_TLS_TICKET_KEYS_H_

#include <cstdint>
#include <optional>

#include "common/base/unique_fd.h"
#include "common/event/event_loop.h"
#include "common/event/timer.h"
#include "common/gate/ticket_page.h"

namespace preforkd {

class TicketKeys {
 public:
  explicit TicketKeys(EventLoop& loop);

  // The page, made with its first key if need be; borrowed. -1: that failed, which was logged.
  int Page();
  // The same, without making one.
  [[nodiscard]] int Fd() const { return page_ ? page_->Fd() : -1; }
  // The page of the previous program (upgrade); not valid: it had none.
  void Restore(UniqueFd file);

 private:
  void Renew();

  std::optional<TicketPage> page_;
  Timer look_;
};

}  // namespace preforkd

#endif
