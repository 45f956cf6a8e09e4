#include "master/accept/admission.h"

#include <sys/socket.h>

#include <string>
#include <utility>

#include "common/base/log.h"
#include "common/bounds/too_many_answer.h"
#include "common/net/socket_ops.h"

namespace preforkd {

Admission::Admission(EventLoop& loop, MasterBounds& clients)
    : clients_(clients), due_(loop, EventLoop::kPriorityClient, [this] { CloseDue(); }) {}

bool Admission::Admit(UniqueFd& fd, const Arrival& arrival) {
  if (arrival.hidden) {
    clients_.ConnectsHidden(arrival.id, arrival.at);
    return true;
  }
  const auto refusal = clients_.Connects(arrival.id, arrival.peer, arrival.tls, arrival.at);
  if (!refusal) return true;
  if (refusal->log_with) {
    const std::string client = refusal->client.Text();
    log::Info({log::kClientBounded,
               {{"client", client},
                {"bound", BoundName(refusal->bound)},
                {"listener", arrival.listener},
                {"suppressed", *refusal->log_with}}},
              "{} has met limits.{}: its connection is refused", client, BoundName(refusal->bound));
  }
  if (arrival.http && !arrival.tls) {
    Answer(std::move(fd), refusal->retry_after, arrival.at);
  } else {
    ResetOnClose(fd.Get());
    fd.Reset();
  }
  return false;
}

void Admission::Answer(UniqueFd fd, Duration retry_after, Time now) {
  const std::string answer = TooManyAnswer(retry_after);
  // A buffer that has never been used takes it whole, or the client has gone.
  (void)::send(fd.Get(), answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  (void)::shutdown(fd.Get(), SHUT_WR);
  while (closing_.Size() >= kMaxClosing) CloseOne();
  closing_.PushBack({std::move(fd), now + kClosing});
  if (!due_.Pending()) due_.SetAfter(kClosing);
}

bool Admission::CloseOne() {
  if (closing_.Empty()) return false;
  // If the client has not ended it by now, nothing of it stays in the kernel either.
  const Leaving leaving = closing_.PopFront();
  ResetOnClose(leaving.fd.Get());
  return true;
}

void Admission::CloseDue() {
  const Time now = Now();
  while (!closing_.Empty() && closing_.Front().until <= now) CloseOne();
  if (!closing_.Empty()) due_.SetAt(closing_.Front().until, now);
}

}  // namespace preforkd
