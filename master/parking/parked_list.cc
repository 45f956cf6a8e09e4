#include "master/parking/parked_list.h"

#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "common/base/check.h"
#include "common/base/secret_memory.h"

namespace preforkd {

ParkedList::~ParkedList() {
  while (Parked* const parked = First()) Close(*parked);
}

Parked& ParkedList::Append(PackedParcel parcel) {
  PF_CHECK(!parcel.heavy.Valid(), "a heavy connection is parked");
  const std::span<const char> message = parcel.Message();
  const bool secret = parcel.Head().tls_bytes > 0;
  char* const block =
      static_cast<char*>(::operator new(sizeof(Parked) + (secret ? std::size_t{0} : message.size())));
  std::unique_ptr<char, void (*)(void*)> owner(block, [](void* memory) { ::operator delete(memory); });
  char* const bytes = secret ? AllocateSecret(message.size()) : block + sizeof(Parked);
  std::memcpy(bytes, message.data(), message.size());
  (void)owner.release();
  Parked* const parked = ::new (block) Parked(std::move(parcel.fd), bytes);
  TAILQ_INSERT_TAIL(&parked_, parked, neighbours_);
  ++size_;
  return *parked;
}

PackedParcel ParkedList::Take(Parked& parked) {
  PackedParcel parcel(UniqueFd(), parked.Message());
  parcel.fd = std::move(parked.fd_);
  Close(parked);
  return parcel;
}

void ParkedList::Close(Parked& parked) {
  TAILQ_REMOVE(&parked_, &parked, neighbours_);
  --size_;
  if (const ParcelHead head = parked.Head(); head.tls_bytes > 0)
    FreeSecret(parked.message_, MessageSize(head));
  parked.~Parked();
  ::operator delete(&parked);
}

}  // namespace preforkd
