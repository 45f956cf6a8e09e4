// ForeignBoard: the scoreboard of the previous program (upgrade in place), whose workers go on writing to it
// until they end. Each part of it may have more or fewer fields at its end than ours (board_header.h).
//
// A worker's row there is mirrored into a row of our own board, where every process reads: the master copies
// it whenever it reads the row itself. Master only. Nothing in that memory is trusted: what does not fit is
// refused.
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
  // `from` has `bytes` bytes, which `board` keeps mapped.
  RowMirror(std::shared_ptr<ForeignBoard> board, const char* from, std::size_t bytes, WorkerRow& into)
      : board_(std::move(board)), from_(from), bytes_(bytes), into_(into) {}

  // Copies the counters. Cheap: called before each look at the row.
  void Refresh() const;
  // Copies the texts too: call it before they are read.
  void RefreshTexts() const;
  // The board that the row belongs to.
  [[nodiscard]] const std::shared_ptr<ForeignBoard>& Board() const { return board_; }

 private:
  std::shared_ptr<ForeignBoard> board_;
  const char* from_;
  std::size_t bytes_;
  WorkerRow& into_;
};

class ForeignBoard : public std::enable_shared_from_this<ForeignBoard> {
 public:
  // Error: the memory cannot be mapped, or has no board that this program can read; the caller keeps `memory`
  // then. `dropped_into`: the page that counts log lines which the foreign workers could not write from now
  // on; it must outlive the board.
  static Result<std::shared_ptr<ForeignBoard>> Map(UniqueFd&& memory, MasterPage& dropped_into);
  ForeignBoard(const ForeignBoard&) = delete;
  ForeignBoard& operator=(const ForeignBoard&) = delete;
  ~ForeignBoard();

  // ---- what the previous program has counted ----
  // Adds its totals to the page passed to Map, which must have counted nothing yet.
  void CopyTotals() const;
  // Copies the totals of the slot's earlier workers, and their pool; with `living`, also the previous
  // master's counters for the current worker. No effect if that board has no such slot.
  void CopySlot(Slot slot, bool living, WorkerRow& into) const;
  // Slots from this one on have had no worker.
  [[nodiscard]] std::uint32_t SlotsUsed() const;

  // ---- what its workers are counting ----
  // Error: there is no such row. `into` must outlive the mirror.
  Result<std::unique_ptr<RowMirror>> Mirror(Slot slot, WorkerRow& into);
  // On its own board that slot's worker no longer counts among those that share the load: the load of its
  // successors is not on that board. Precondition: Mirror(slot, ...) has succeeded.
  void TakeOutOfService(Slot slot);
  // Sets WorkerRow::no_successor. No effect on a worker whose program did not know it. Precondition as above.
  void SetNoSuccessor(Slot slot);
  // Tells these workers the master's state.
  void Publish(MasterState state);
  // Adds the log lines dropped since the last call.
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
