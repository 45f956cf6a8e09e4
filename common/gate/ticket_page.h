// TicketPage: the key of session tickets, in one page of shared memory. The master writes it, gates read it:
// so all gates use the same key, a new gate has it at once, and a change needs no message.
//
// The master's mapping is not copied into children, and only gates map the page again. The descriptor goes
// through an upgrade in place, so tickets stay valid.
#ifndef PREFORKD_COMMON_GATE_TICKET_PAGE_H_
#define PREFORKD_COMMON_GATE_TICKET_PAGE_H_

#include <array>
#include <cstdint>
#include <utility>

#include "common/base/result.h"
#include "common/base/secret_bytes.h"
#include "common/base/unique_fd.h"

namespace preforkd {

// Bytes of a key, as gnutls_session_ticket_enable_server(3) wants them.
inline constexpr std::size_t kTicketKeyBytes = 64;

class TicketPage {
 public:
  // A new page without a key, for the master.
  static Result<TicketPage> Create();
  // The page of the previous program (upgrade). Error: it is none.
  static Result<TicketPage> Restore(UniqueFd file);
  // For a gate: read-only, for good. `file` is borrowed. Needs /proc.
  static Result<TicketPage> MapForGate(int file);

  TicketPage(TicketPage&& other) noexcept
      : file_(std::move(other.file_)), page_(std::exchange(other.page_, nullptr)) {}
  TicketPage& operator=(TicketPage&&) = delete;
  ~TicketPage();

  [[nodiscard]] int Fd() const { return file_.Get(); }  // borrowed; -1 in a gate
  // Precondition: not MapForGate. `made_at`: seconds since the epoch.
  void Write(const SecretBytes& key, std::int64_t made_at);
  // A copy of the key. Empty: there is none yet, or the master was killed while it changed it.
  [[nodiscard]] SecretBytes Read() const;
  // When it was made; 0: there is none.
  [[nodiscard]] std::int64_t MadeAt() const;

 private:
  struct Layout;

  TicketPage(UniqueFd file, Layout* page) : file_(std::move(file)), page_(page) {}
  static Result<TicketPage> Map(UniqueFd file);

  UniqueFd file_;
  Layout* page_;
};

}  // namespace preforkd

#endif
