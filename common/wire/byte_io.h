// ByteReader and ByteWriter: fixed-width values and byte strings, one behind the other, in this machine's
// byte order. For what stays on one machine: messages of a channel, saved state, luggage.
//
// Both borrow the memory that they work on, and never touch a byte outside of it.
#ifndef PREFORKD_COMMON_WIRE_BYTE_IO_H_
#define PREFORKD_COMMON_WIRE_BYTE_IO_H_

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "common/base/check.h"

namespace preforkd {

// Get never fails: past the end it yields zero and records the error, which Done() reports.
class ByteReader {
 public:
  explicit ByteReader(std::span<const char> bytes) : bytes_(bytes) {}

  template <typename T>
  requires std::is_trivially_copyable_v<T> T Get() {
    T value{};
    if (bytes_.size() < sizeof(T)) {
      Fail();
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_ = bytes_.subspan(sizeof(T));
    return value;
  }

  std::string_view GetBytes(std::size_t size) {
    if (size > bytes_.size()) {
      Fail();
      return {};
    }
    const std::string_view view(bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
    return view;
  }

  void Fail() { failed_ = true; }
  // True if nothing failed and nothing is left over.
  [[nodiscard]] bool Done() const { return !failed_ && bytes_.empty(); }

 private:
  std::span<const char> bytes_;
  bool failed_ = false;
};

// Writes into memory of the caller, from its beginning. It never grows, so it leaves no copy of a secret in
// memory that was given up. Precondition of all that writes: there is room.
class ByteWriter {
 public:
  explicit ByteWriter(std::span<std::byte> out) : out_(out) {}

  template <typename T>
  requires std::is_trivially_copyable_v<T>
  void Put(const T& value) { PutBytes(std::as_bytes(std::span(&value, 1))); }

  void PutBytes(std::span<const std::byte> bytes) {
    PF_CHECK(bytes.size() <= out_.size() - written_, "a byte writer has no room left");
    std::memcpy(out_.data() + written_, bytes.data(), bytes.size());
    written_ += bytes.size();
  }

  [[nodiscard]] std::size_t Written() const { return written_; }

 private:
  std::span<std::byte> out_;
  std::size_t written_ = 0;
};

}  // namespace preforkd

#endif
