// Handles the connections of a slot when its worker retires or has exited: connections not taken go to other
// workers, the others are booked as lost.
#ifndef PREFORKD_MASTER_WORKERS_SLOTS_SLOT_CONNECTIONS_H_
#define PREFORKD_MASTER_WORKERS_SLOTS_SLOT_CONNECTIONS_H_

#include <cstddef>
#include <cstdint>

#include "master/workers/slots/supervisor_parts.h"

namespace preforkd {

// Reclaims what the slot's worker has not taken, for other workers. Returns the number of connections.
// Precondition: the slot has a channel.
std::size_t ReclaimUntaken(const SupervisorParts& parts, WorkerSlot& slot);

// Reclaims, then drops the channel. False: for lack of a descriptor some connections are still in it; it
// stays. Precondition: no process runs in the slot.
bool ClearChannel(const SupervisorParts& parts, WorkerSlot& slot);

// ClearChannel for all slots that have no process and should have none.
void ClearUnusedChannels(const SupervisorParts& parts);

// The slot's process has exited: books the connections that it had and did not hand back as lost for
// `reason`, and returns their number. `trusted`: what is still in the channel was put there by us.
std::uint64_t CloseAccount(const SupervisorParts& parts, WorkerSlot& slot, LossReason reason, bool trusted);

}  // namespace preforkd

#endif
