// LeftStack: what functions that have returned left on the stack, below the frames in use. For those of a
// library that computes with keys and does not wipe its own.
#ifndef PREFORKD_WORKER_GATE_LEFT_STACK_H_
#define PREFORKD_WORKER_GATE_LEFT_STACK_H_

#include <string.h>  // explicit_bzero
#include <array>
#include <cstddef>

namespace preforkd {

// More than a TLS handshake uses.
inline constexpr std::size_t kLeftStackBytes = std::size_t{64} * 1024;

class LeftStack {
 public:
  LeftStack() = default;
  LeftStack(const LeftStack&) = delete;
  LeftStack& operator=(const LeftStack&) = delete;
  ~LeftStack() { Wipe(); }

  // Not inline: its frame must begin below that of the caller.
  [[gnu::noinline]] static void Wipe() {
    std::array<char, kLeftStackBytes> bytes;  // not initialised
    ::explicit_bzero(bytes.data(), bytes.size());
  }
};

}  // namespace preforkd

#endif
