#include "common/scoreboard/worker_row.h"

#include <fmt/core.h>

#include <cstring>
#include <new>

namespace preforkd {

const char* SlotStateName(SlotState state) {
  switch (state) {
    case SlotState::kFree: return "free";
    case SlotState::kStarting: return "starting";
    case SlotState::kReady: return "ready";
    case SlotState::kRetiring: return "retiring";
    case SlotState::kGone: return "gone";
  }
  return "unknown";  // a row is shared memory: no value may stop a reader
}

std::uint64_t WorkerRow::Connections() const {
  return Difference(Get(taken), Get(finished) + Get(lost) + Get(returned));
}

std::uint64_t WorkerRow::InProgress() const {
  return Difference(Get(handed_over), Get(reclaimed) + Get(handed_back) + Get(finished) + Get(lost));
}

std::uint64_t WorkerRow::Queued() const { return Difference(Get(handed_over), Get(reclaimed) + Get(taken)); }

SocketAddress WorkerRow::DoingPeer() const {
  SocketAddress peer;
  const std::string bytes = doing_peer.Read();
  if (bytes.size() > sizeof(peer.storage)) return peer;
  std::memcpy(&peer.storage, bytes.data(), bytes.size());
  peer.length = static_cast<socklen_t>(bytes.size());
  return peer;
}

bool WorkerRow::Serving() const { return Get(callback_since_ns) != 0 || Get(threads_busy) != 0; }

std::string WorkerRow::DescribeDoing(std::int64_t now_ns) const {
  const std::string what = doing.Read();
  if (what.empty()) return "nothing";
  const std::string whom = Get(doing_conn) == 0 ? std::string() : " from " + DoingPeer().Text();
  if (!Serving()) return fmt::format("nothing; last: {}{}", what, whom);
  // It may have begun after the reader read its clock.
  const std::uint64_t since_ns = Get(doing_since_ns);
  const auto until_ns = static_cast<std::uint64_t>(now_ns);
  const double seconds = since_ns < until_ns ? static_cast<double>(until_ns - since_ns) / 1e9 : 0.0;
  return fmt::format("{}{} for {:.3f} s", what, whom, seconds);
}

void CrashRecord::Clear() {
  Set(signo, 0);
  Set(fault_address, 0);
  Set(count, 0);
}

void SlotTotals::Clear() {
  for (Counter* counter : {&incarnations, &requests, &bytes_in, &bytes_out, &cpu_ns}) Set(*counter, 0);
}

void WorkerRow::AddToTotals() {
  Add(before.incarnations);
  Add(before.requests, Get(requests));
  Add(before.bytes_in, Get(bytes_in));
  Add(before.bytes_out, Get(bytes_out));
  Add(before.cpu_ns, Get(cpu_ns));
}

void WorkerRow::Clear() {
  for (Counter* counter : {&pid,
                           &incarnation,
                           &generation,
                           &started_ns,
                           &handed_over,
                           &reclaimed,
                           &handed_back,
                           &taken,
                           &finished,
                           &lost,
                           &returned,
                           &requests,
                           &bytes_in,
                           &bytes_out,
                           &heartbeat_ns,
                           &callback_since_ns,
                           &callbacks,
                           &busy_ns,
                           &rss_bytes,
                           &cpu_ns,
                           &doing_since_ns,
                           &doing_conn,
                           &threads,
                           &threads_busy,
                           &requests_waiting,
                           &threads_busy_since_ns,
                           &no_successor}) {
    Set(*counter, 0);
  }
  for (Counter& counter : lost_by) Set(counter, 0);
  for (Counter& counter : module_counts) Set(counter, 0);
  handshakes.Clear();
  dispatch_wait.Clear();
  // Constructed again: this also repairs a sequence number that a killed writer left odd.
  ::new (&doing) SharedText;
  ::new (&doing_peer) SharedText;
  ::new (&startup) SharedText;
  crash.Clear();
  frame_names.Clear();
  refused.Clear();
}

}  // namespace preforkd
