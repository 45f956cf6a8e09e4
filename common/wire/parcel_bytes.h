// ParcelBytes: the bytes of one HandOver message, on the heap. Move-only.
//
// Those of a connection under TLS hold its keys, so they lie in secret memory and are wiped; the others lie
// in ordinary memory. Only the master holds such bytes.
#ifndef PREFORKD_COMMON_WIRE_PARCEL_BYTES_H_
#define PREFORKD_COMMON_WIRE_PARCEL_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "common/base/secret_memory.h"

namespace preforkd {

class ParcelBytes {
 public:
  ParcelBytes() = default;
  // `size` bytes, not initialised. Throws std::bad_alloc.
  ParcelBytes(std::size_t size, bool secret)
      : data_(secret ? AllocateSecret(size) : new char[size]),
        size_(static_cast<std::uint32_t>(size)),
        secret_(secret) {}
  ParcelBytes(ParcelBytes&& other) noexcept { *this = std::move(other); }
  ParcelBytes& operator=(ParcelBytes&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(secret_, other.secret_);
    return *this;
  }
  ~ParcelBytes() {
    if (data_ == nullptr) return;
    if (secret_) {
      FreeSecret(data_, size_);
    } else {
      delete[] data_;
    }
  }

  [[nodiscard]] char* Data() const { return data_; }
  [[nodiscard]] std::span<const char> Bytes() const { return {data_, size_}; }

 private:
  char* data_ = nullptr;
  std::uint32_t size_ = 0;
  bool secret_ = false;
};

}  // namespace preforkd

#endif
