#include "common/scoreboard/frame_names.h"

#include <algorithm>
#include <cstring>

namespace preforkd {

void FrameNames::Write(std::string_view text) {
  text = text.substr(0, kCapacity);
  for (Counter& counter : words_) {
    std::uint64_t word = 0;
    const std::size_t size = std::min(text.size(), sizeof(word));
    std::memcpy(&word, text.data(), size);
    text.remove_prefix(size);
    Set(counter, word);
  }
}

std::string FrameNames::Read() const {
  std::array<char, sizeof(words_)> bytes{};
  for (std::size_t i = 0; i < words_.size(); ++i) {
    const std::uint64_t word = Get(words_[i]);
    std::memcpy(&bytes[i * sizeof(word)], &word, sizeof(word));
  }
  return {bytes.begin(), std::find(bytes.begin(), bytes.begin() + kCapacity, '\0')};
}

void FrameNames::Clear() {
  for (Counter& word : words_) Set(word, 0);
}

}  // namespace preforkd
