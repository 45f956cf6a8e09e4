// What becomes of the connections of a slot when its worker leaves or has ended: those that were not taken go
// to others, the rest is booked as lost.
#ifndef PREFORKD_MASTER_WORKERS_SLOTS_SLOT_CONNECTIONS_H_
#define PREFORKD_MASTER_WORKERS_SLOTS_SLOT_CONNECTIONS_H_

#include <cstddef>
#include <cstdint>

#include "master/workers/slots/supervisor_parts.h"

namespace preforkd {

// Takes back what the slot's worker has not taken, for other workers; the number of connections.
// Precondition: the slot has a channel.
std::size_t ReclaimUntaken(const SupervisorParts& parts, WorkerSlot& slot);

// Reclaims, and drops the channel. False: for lack of a descriptor some are still in it, and it stays.
// Precondition: no process runs in the slot.
bool ClearChannel(const SupervisorParts& parts, WorkerSlot& slot);

// The same for all slots that have no process and should have none.
void ClearUnusedChannels(const SupervisorParts& parts);

// The slot's process has ended: books what it had and has not given back as lost for `reason`. The number of
// those. `trusted`: what is still in the channel was put there by us.
std::uint64_t CloseAccount(const SupervisorParts& parts, WorkerSlot& slot, LossReason reason, bool trusted);

}  // namespace preforkd

#endif
