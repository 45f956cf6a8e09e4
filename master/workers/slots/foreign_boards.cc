#include "master/workers/slots/foreign_boards.h"

#include <algorithm>

namespace preforkd {

std::vector<std::shared_ptr<ForeignBoard>> ForeignBoards(const SlotTable& slots) {
  std::vector<std::shared_ptr<ForeignBoard>> boards;
  for (const auto& slot : slots.All()) {
    if (slot->Mirror() == nullptr) continue;
    const std::shared_ptr<ForeignBoard>& board = slot->Mirror()->Board();
    if (std::find(boards.begin(), boards.end(), board) == boards.end()) boards.push_back(board);
  }
  return boards;
}

}  // namespace preforkd
