// Input: the bytes of a fuzzer as decisions. They are taken from the front, so that the rest, which is text
// mostly, stays readable and a dictionary fits. An input that is used up goes on with zeros.
#ifndef PREFORKD_TESTS_FUZZ_INPUT_H_
#define PREFORKD_TESTS_FUZZ_INPUT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace preforkd::testing {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  std::uint8_t Byte() {
    const std::string_view one = Bytes(1);
    return one.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(one[0]);
  }
  // At most so many.
  std::string_view Bytes(std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  // Up to a NUL, or to the end.
  std::string_view Text() {
    const std::string_view text = rest_.substr(0, rest_.find('\0'));
    rest_.remove_prefix(std::min(text.size() + 1, rest_.size()));
    return text;
  }
  // A list of sizes for pieces of a stream: their number (remainder by 16), then one byte each. Bytes up to
  // 128 are the size less 1, others are multiples of 32: a piece may be one byte or most of the stream.
  std::vector<std::size_t> Sizes() {
    std::vector<std::size_t> sizes(Byte() % 16);
    for (std::size_t& size : sizes) {
      const std::size_t byte = Byte();
      size = byte <= 128 ? byte + 1 : (byte - 128) * 32;
    }
    return sizes;
  }
  std::string_view Rest() { return Bytes(rest_.size()); }
  [[nodiscard]] bool Empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace preforkd::testing

#endif
