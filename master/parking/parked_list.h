// ParkedList: owns the parked connections, the one parked longest first.
//
// There can be many, for a long time, so each is one block of memory: its descriptor, its places in the list
// and in a heap of deadlines, and behind them its HandOver message. A message with keys lies in secret memory
// instead: no fork copies it (secret_memory.h). One thread.
#ifndef PREFORKD_MASTER_PARKING_PARKED_LIST_H_
#define PREFORKD_MASTER_PARKING_PARKED_LIST_H_

#include <sys/queue.h>

#include <cstddef>
#include <span>
#include <utility>

#include "common/base/unique_fd.h"
#include "common/structures/deadline_heap.h"
#include "common/wire/packed_parcel.h"

namespace preforkd {

// One connection of the list. Its address is its name: it does not move.
struct Parked : DeadlineHeap::Entry {
  Parked(const Parked&) = delete;
  Parked& operator=(const Parked&) = delete;
  // Borrowed.
  [[nodiscard]] int Fd() const { return fd_.Get(); }
  [[nodiscard]] ParcelHead Head() const { return HeadOf({message_, kMessagePrefix + sizeof(ParcelHead)}); }
  // Its HandOver message, until it is taken.
  [[nodiscard]] std::span<const char> Message() const { return {message_, MessageSize(Head())}; }

 private:
  friend class ParkedList;
  Parked(UniqueFd fd, char* message) : fd_(std::move(fd)), message_(message) {}
  ~Parked() = default;

  UniqueFd fd_;
  TAILQ_ENTRY(Parked) neighbours_;  // queue(3)
  char* message_;                   // behind this object, or in secret memory
};
static_assert(sizeof(Parked) == 40,
              "with an idle client of HTTP over IPv4 the heap rounds it up to 176 bytes");

class ParkedList {
 public:
  ParkedList() { TAILQ_INIT(&parked_); }
  ParkedList(const ParkedList&) = delete;
  ParkedList& operator=(const ParkedList&) = delete;
  // Closes those that are left.
  ~ParkedList();

  // Takes the connection, as the last one. It must not be heavy (Parcel::heavy). Throws std::bad_alloc.
  Parked& Append(PackedParcel parcel);
  // Removes it from the list; it must be in no heap any more. Throws std::bad_alloc, but not for a short
  // message without keys.
  PackedParcel Take(Parked& parked);
  // The same, and closes the connection. Needs no memory.
  void Close(Parked& parked);

  // nullptr: the list is empty, or there is no next one.
  [[nodiscard]] Parked* First() const { return TAILQ_FIRST(&parked_); }
  [[nodiscard]] static Parked* After(const Parked& parked) { return TAILQ_NEXT(&parked, neighbours_); }
  [[nodiscard]] std::size_t Size() const { return size_; }

 private:
  TAILQ_HEAD(, Parked) parked_;
  std::size_t size_ = 0;
};

}  // namespace preforkd

#endif
