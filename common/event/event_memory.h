// Where libevent's memory comes from. For this package only.
//
// libevent keeps a few bytes for every descriptor number that was ever watched, for ever, and asks for them
// between our own allocations for that client: scattered over the heap they pin every page of it, and a
// process that has had many clients at once would never give their memory back (common/process/heap_trim.h).
// They get a place of their own.
#ifndef PREFORKD_COMMON_EVENT_EVENT_MEMORY_H_
#define PREFORKD_COMMON_EVENT_EVENT_MEMORY_H_

namespace preforkd {

// Before libevent is called for the first time (event_set_mem_functions in event2/event.h); later calls do
// nothing. Any thread. Under the sanitizers it does nothing at all, so that they see everything.
void KeepDescriptorEntriesApart();

}  // namespace preforkd

#endif
