// BoardHeader: the start of a board, for the next program after an upgrade. Within one layout, everything
// that the next program reads only grows at its end (board_layout.cc). Any other change makes another layout,
// which is refused.
#ifndef PREFORKD_COMMON_SCOREBOARD_BOARD_HEADER_H_
#define PREFORKD_COMMON_SCOREBOARD_BOARD_HEADER_H_

#include <cstdint>

namespace preforkd {

inline constexpr std::uint64_t kBoardMagic = 0x6472616f62666b70;  // "pkfboard"
// Increment it when something that the next program reads is moved, removed, or changes its meaning.
inline constexpr std::uint32_t kBoardLayout = 2;

// Offsets are from the beginning of the board.
struct BoardHeader {
  std::uint64_t magic = kBoardMagic;
  std::uint32_t layout = kBoardLayout;
  std::uint32_t slots = 0;
  std::uint64_t bytes = 0;         // of the whole board
  std::uint64_t totals_bytes = 0;  // of the master's totals, which follow the header
  std::uint64_t dropped_at = 0;    // log_lines_dropped, access_lines_dropped
  std::uint64_t rows_at = 0;
  std::uint64_t row_stride = 0;
  // The bytes of a row that are in use. The row says so too, but here no worker can write.
  std::uint64_t row_bytes = 0;
  std::uint64_t line_ledgers_at = 0;
  std::uint64_t lines_at = 0;
};

}  // namespace preforkd

#endif
