// ForeignBoard: the scoreboard of the program that this one has replaced (upgrade in place), whose workers go on writing
// to it until they leave. It may be laid out in another way, so it is read by the description that its own program has
// left, never by our types.
//
// A worker's row in it is mirrored into a row of our own board, where everybody looks: copied by the master whenever it
// looks itself. Master only. Nothing here trusts the description: what does not fit into the memory is refused.
#ifndef PREFORKD_COMMON_SCOREBOARD_FOREIGN_BOARD_H_
#define PREFORKD_COMMON_SCOREBOARD_FOREIGN_BOARD_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/scoreboard/board_description.h"
#include "common/scoreboard/line_buffer.h"
#include "common/scoreboard/scoreboard.h"

namespace preforkd {

class ForeignBoard;

// One worker's row of a foreign board, and the row of ours that shows it.
class RowMirror {
 public:
  // Copies the counters. Cheap: called whenever the row is looked at.
  void Refresh() const;
  // The texts too: before they are read.
  void RefreshTexts() const;
  // The board that it looks into.
  [[nodiscard]] const std::shared_ptr<ForeignBoard>& Board() const { return board_; }

 private:
  friend class ForeignBoard;
  struct Pair {
    const Counter* from;
    Counter* to;
  };
  struct TextPair {
    const SharedText* from;
    SharedText* to;
  };

  std::shared_ptr<ForeignBoard> board_;  // keeps the memory
  std::vector<Pair> counters_;
  std::vector<TextPair> texts_;
};

class ForeignBoard : public std::enable_shared_from_this<ForeignBoard> {
 public:
  // Error: the memory cannot be mapped, or is not what `description` says; `memory` is still the caller's then.
  // `dropped_into`: the page in which lines that
  // the foreign workers cannot write are counted from now on; it outlives the board.
  static Result<std::shared_ptr<ForeignBoard>> Map(UniqueFd&& memory, const BoardDescription& description,
                                                   MasterPage& dropped_into);
  ForeignBoard(const ForeignBoard&) = delete;
  ForeignBoard& operator=(const ForeignBoard&) = delete;
  ~ForeignBoard();

  // Error: there is no such slot. `into` outlives the mirror.
  Result<std::unique_ptr<RowMirror>> Mirror(Slot slot, WorkerRow& into);
  // The worker of that slot no longer counts itself among those that share the load: its successors' load is not on its
  // board. Precondition: Mirror(slot, ...) has succeeded.
  void TakeOutOfService(Slot slot);
  // What the workers are told of the master's state.
  void Publish(MasterState state);
  // Adds what has been dropped since the last call.
  void CollectDropped();
  // Lines of the slot's worker on their way to the access log; nullopt when they are kept in another way than ours.
  [[nodiscard]] std::optional<LineBuffer> Lines(Slot slot) const;

  [[nodiscard]] int Fd() const { return memory_.Get(); }  // borrowed
  [[nodiscard]] const BoardDescription& Description() const { return description_; }

 private:
  ForeignBoard(UniqueFd memory, BoardDescription description, char* base, MasterPage& dropped_into);
  [[nodiscard]] char* RowAt(Slot slot) const;

  UniqueFd memory_;
  BoardDescription description_;
  char* base_;
  struct Dropped {
    const Counter* from;
    Counter* to;
    std::uint64_t seen;
  };
  std::vector<Dropped> dropped_;
};

}  // namespace preforkd

#endif
