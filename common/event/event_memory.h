// Where libevent gets its memory from. For this package only.
//
// libevent keeps a few bytes for every descriptor number that was ever watched, and never frees them. It
// allocates them between our own allocations for that client. Scattered over the heap, they pin every page,
// and a process that has had many clients at once would never give their memory back
// (common/process/heap_trim.h). So these entries get an area of their own.
#ifndef PREFORKD_COMMON_EVENT_EVENT_MEMORY_H_
#define PREFORKD_COMMON_EVENT_EVENT_MEMORY_H_

namespace preforkd {

// Call it before libevent is called for the first time (event_set_mem_functions in event2/event.h); later
// calls do nothing. Any thread. Does nothing under the sanitizers, so that they see every allocation.
void KeepDescriptorEntriesApart();

}  // namespace preforkd

#endif
