// Terminal: shows `top` on the terminal's alternate screen and reads keys.
//
// Owns the terminal settings: the destructor restores them, and so does a stop by job control. Nothing else
// in the process may write to the terminal meanwhile. Create at most one at a time.
#ifndef PREFORKD_MASTER_CTL_TERMINAL_H_
#define PREFORKD_MASTER_CTL_TERMINAL_H_

#include <termios.h>

#include <cstddef>
#include <string_view>

#include "common/base/clock.h"

namespace preforkd {

class Terminal {
 public:
  // Standard input and standard output are terminals.
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

  // Replaces the text on the screen.
  void Show(std::string_view text);

  enum class Event { kTimeout, kKey, kRedraw, kEnd };
  // Waits for a key (returned in `key`), for `limit`, for a change of the terminal size (kRedraw), or for a
  // signal that ends the program or the end of the terminal (kEnd).
  Event Await(Duration limit, char& key);

 private:
  void Enter();
  void Leave();

  termios before_{};
};

}  // namespace preforkd

#endif
