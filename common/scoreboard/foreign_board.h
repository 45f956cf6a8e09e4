// ForeignBoard: the scoreboard of a program before this one (upgrade in place), whose workers go on writing
// to it until they leave. It may have more than ours or less, never something else (board_header.h).
//
// A worker's row in it is mirrored into a row of our own board, where everybody looks: copied by the master
// whenever it looks itself. Master only. Nothing here trusts what it finds: what does not fit into the memory
// is refused.
#ifndef PREFORKD_COMMON_SCOREBOARD_FOREIGN_BOARD_H_
#define PREFORKD_COMMON_SCOREBOARD_FOREIGN_BOARD_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/scoreboard/line_buffer.h"
#include "common/scoreboard/scoreboard.h"

namespace preforkd {

class ForeignBoard;

// One worker's row of a foreign board, and the row of ours that shows it.
class RowMirror {
 public:
  // `from` has so many `bytes`; it is kept by `board`.
  RowMirror(std::shared_ptr<ForeignBoard> board, const char* from, std::size_t bytes, WorkerRow& into)
      : board_(std::move(board)), from_(from), bytes_(bytes), into_(into) {}

  // Copies the counters. Cheap: called whenever the row is looked at.
  void Refresh() const;
  // The texts too: before they are read.
  void RefreshTexts() const;
  // The board that it looks into.
  [[nodiscard]] const std::shared_ptr<ForeignBoard>& Board() const { return board_; }

 private:
  std::shared_ptr<ForeignBoard> board_;
  const char* from_;
  std::size_t bytes_;
  WorkerRow& into_;
};

class ForeignBoard : public std::enable_shared_from_this<ForeignBoard> {
 public:
  // Error: the memory cannot be mapped, or holds no board that this program can read; `memory` is still the
  // caller's then. `dropped_into`: the page in which lines that the foreign workers cannot write are counted
  // from now on; it outlives the board.
  static Result<std::shared_ptr<ForeignBoard>> Map(UniqueFd&& memory, MasterPage& dropped_into);
  ForeignBoard(const ForeignBoard&) = delete;
  ForeignBoard& operator=(const ForeignBoard&) = delete;
  ~ForeignBoard();

  // ---- what the program has counted whose own board this is ----
  // Into the page of Map, which has counted nothing yet.
  void CopyTotals() const;
  // What the slot's earlier workers have counted, and in which pool; with `living`, what that program has
  // counted of the one that is there. No effect where it has no such slot.
  void CopySlot(Slot slot, bool living, WorkerRow& into) const;
  // Slots from this one on have had no worker.
  [[nodiscard]] std::uint32_t SlotsUsed() const;

  // ---- what its workers count ----
  // Error: there is no such row. `into` outlives the mirror.
  Result<std::unique_ptr<RowMirror>> Mirror(Slot slot, WorkerRow& into);
  // The worker of that slot no longer counts itself among those that share the load: its successors' load is
  // not on its board. Precondition: Mirror(slot, ...) has succeeded.
  void TakeOutOfService(Slot slot);
  // What the workers are told of the master's state.
  void Publish(MasterState state);
  // Adds what has been dropped since the last call.
  void CollectDropped();
  // Lines of the slot's worker on their way to the access log. Precondition as above.
  [[nodiscard]] LineBuffer Lines(Slot slot) const;

  [[nodiscard]] int Fd() const { return memory_.Get(); }  // borrowed

 private:
  ForeignBoard(UniqueFd memory, const BoardHeader& header, char* base, MasterPage& page);
  [[nodiscard]] WorkerRow& RowAt(Slot slot) const;
  [[nodiscard]] MasterPage& Theirs() const { return *reinterpret_cast<MasterPage*>(base_); }

  UniqueFd memory_;
  BoardHeader header_;
  char* base_;
  MasterPage& page_;
  struct Dropped {
    const Counter* from;
    Counter* to;
    std::uint64_t seen;
  };
  std::array<Dropped, 2> dropped_;
};

}  // namespace preforkd

#endif
