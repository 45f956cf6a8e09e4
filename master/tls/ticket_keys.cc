#include "master/tls/ticket_keys.h"

#include <sys/random.h>

#include <chrono>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"

namespace preforkd {
namespace {

constexpr std::chrono::seconds kLife = std::chrono::hours(7 * 24);
constexpr Duration kLook = std::chrono::minutes(10);

// Wall clock: the age of a key counts over restarts of the program.
std::chrono::seconds SinceEpoch() {
  return std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
}

}  // namespace

TicketKeys::TicketKeys(EventLoop& loop) : look_(loop, EventLoop::kPriorityControl, [this] { Renew(); }) {}

int TicketKeys::Page() {
  if (!page_) {
    Result<TicketPage> page = TicketPage::Create();
    if (!page.Ok()) {
      log::Warning({log::kTicketsOff, {{"why", page.Err().text}}}, "no session tickets: {}", page.Err().text);
      return -1;
    }
    page_.emplace(std::move(page).Value());
    Renew();
  }
  return page_->Fd();
}

void TicketKeys::Restore(UniqueFd file) {
  if (!file.Valid()) return;
  Result<TicketPage> page = TicketPage::Restore(std::move(file));
  if (!page.Ok()) {
    log::Warning({log::kTicketsOff, {{"why", page.Err().text}}}, "session tickets are not valid any more: {}",
                 page.Err().text);
    return;
  }
  page_.emplace(std::move(page).Value());
  Renew();
}

void TicketKeys::Renew() {
  look_.SetAfter(kLook);
  const std::chrono::seconds age = SinceEpoch() - std::chrono::seconds(page_->MadeAt());
  if (age >= std::chrono::seconds(0) && age < kLife) return;
  SecretBytes key(kTicketKeyBytes);
  // So few bytes arrive complete (getrandom(2)).
  PF_CHECK(::getrandom(key.data(), key.size(), 0) == static_cast<ssize_t>(key.size()),
           "cannot get random bytes for a ticket key");
  page_->Write(key, SinceEpoch().count());
}

}  // namespace preforkd
