// The scoreboards of previous programs that workers in these slots still write to.
#ifndef PREFORKD_MASTER_WORKERS_SLOTS_FOREIGN_BOARDS_H_
#define PREFORKD_MASTER_WORKERS_SLOTS_FOREIGN_BOARDS_H_

#include <memory>
#include <vector>

#include "common/scoreboard/foreign_board.h"
#include "master/workers/slots/slot_table.h"

namespace preforkd {

// Each board once.
std::vector<std::shared_ptr<ForeignBoard>> ForeignBoards(const SlotTable& slots);

}  // namespace preforkd

#endif
