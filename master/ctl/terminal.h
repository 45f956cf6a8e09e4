// Terminal: standard output as a screen of its own while `top` runs, and the keys that are pressed meanwhile.
//
// Owns the terminal's settings: the destructor brings back what was there, and so does being stopped by job
// control. Nothing else in the process may write to the terminal meanwhile. One at a time.
#ifndef PREFORKD_MASTER_CTL_TERMINAL_H_
#define PREFORKD_MASTER_CTL_TERMINAL_H_

#include <termios.h>

#include <cstddef>
#include <string_view>

#include "common/base/clock.h"

namespace preforkd {

class Terminal {
 public:
  // Both standard input and output are one.
  static bool Present();

  Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();

  struct Size {
    std::size_t columns = 80;
    std::size_t rows = 24;
  };
  [[nodiscard]] Size CurrentSize() const;

  // Replaces what is shown.
  void Show(std::string_view text);

  enum class Event { kTimeout, kKey, kRedraw, kEnd };
  // Waits for a key (in `key`), for `limit`, for another size (kRedraw), or for a signal that ends the
  // program, and for the end of the terminal itself (kEnd).
  Event Await(Duration limit, char& key);

 private:
  void Enter();
  void Leave();

  termios before_{};
};

}  // namespace preforkd

#endif
