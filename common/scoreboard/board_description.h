// BoardDescription: where things are on a scoreboard, in words that outlive the program that made it. A plain value.
#ifndef PREFORKD_COMMON_SCOREBOARD_BOARD_DESCRIPTION_H_
#define PREFORKD_COMMON_SCOREBOARD_BOARD_DESCRIPTION_H_

#include <cstdint>
#include <map>
#include <string>

namespace preforkd {

// How a board is laid out: offsets in bytes from its beginning, or from the beginning of a row. Every counter is a
// 64-bit atomic of this machine's byte order.
struct BoardDescription {
  std::uint64_t bytes = 0;
  std::uint64_t slots = 0;
  std::uint64_t rows_at = 0;
  std::uint64_t row_bytes = 0;
  std::uint64_t row_state_at = 0;                     // a SlotState
  std::map<std::string, std::uint64_t> row_counters;  // named_counters.h, VisitWorkerCounters
  std::map<std::string, std::uint64_t> row_texts;     // "doing", "doing_peer": SharedText
  std::uint64_t text_capacity = 0;
  std::uint64_t state_at = 0;                         // the master's, a MasterState; workers ask whether it stops
  std::map<std::string, std::uint64_t> dropped;       // lines that could not be written, added to by every process
  std::uint64_t line_ledgers_at = 0;                  // LineLedger, one a slot
  std::uint64_t lines_at = 0;                         // bytes, so many a slot
  std::uint64_t line_capacity = 0;
  std::uint64_t line_version = 0;                     // of what a ledger means

  bool operator==(const BoardDescription&) const = default;
};

}  // namespace preforkd

#endif
