// What the next program (upgrade) reads of this program's board, and where: static_asserts only. A new field
// goes behind the last one of its list and gets a line here. Moving or removing a field or changing its
// meaning makes another layout (kBoardLayout), which the next program refuses: its upgrade then needs a
// restart.
#include <cstddef>

#include "common/scoreboard/board_header.h"
#include "common/scoreboard/scoreboard.h"

namespace preforkd {
namespace {

#define PREFORKD_AT(type, field, offset) \
  static_assert(offsetof(type, field) == (offset), "a successor looks for " #field " elsewhere")

// ---- the header ----
PREFORKD_AT(BoardHeader, magic, 0);
PREFORKD_AT(BoardHeader, layout, 8);
PREFORKD_AT(BoardHeader, slots, 12);
PREFORKD_AT(BoardHeader, bytes, 16);
PREFORKD_AT(BoardHeader, totals_bytes, 24);
PREFORKD_AT(BoardHeader, dropped_at, 32);
PREFORKD_AT(BoardHeader, rows_at, 40);
PREFORKD_AT(BoardHeader, row_stride, 48);
PREFORKD_AT(BoardHeader, row_bytes, 56);
PREFORKD_AT(BoardHeader, line_ledgers_at, 64);
PREFORKD_AT(BoardHeader, lines_at, 72);

// ---- the master: its state, and the totals, from pid to the last before generation ----
PREFORKD_AT(MasterPage, header, 0);
PREFORKD_AT(MasterPage, state, 80);
PREFORKD_AT(MasterPage, slots_used, 88);
PREFORKD_AT(MasterPage, pid, 96);
PREFORKD_AT(MasterPage, started_ns, 104);
PREFORKD_AT(MasterPage, started_unix_ns, 112);
PREFORKD_AT(MasterPage, accepted, 120);
PREFORKD_AT(MasterPage, lost, 128);
PREFORKD_AT(MasterPage, lost_by, 136);
PREFORKD_AT(MasterPage, reclaimed, 264);
PREFORKD_AT(MasterPage, handed_over, 272);
PREFORKD_AT(MasterPage, handed_back, 400);
PREFORKD_AT(MasterPage, closed_parked, 528);
PREFORKD_AT(MasterPage, evicted, 536);
PREFORKD_AT(MasterPage, finished_before, 544);
PREFORKD_AT(MasterPage, requests_moved, 552);
PREFORKD_AT(MasterPage, dispatch_wait_before, 560);
PREFORKD_AT(MasterPage, recycled, 712);
PREFORKD_AT(MasterPage, reloads, 840);
PREFORKD_AT(MasterPage, upgrades, 968);
PREFORKD_AT(MasterPage, channel_full, 1096);
PREFORKD_AT(MasterPage, too_many_in_flight, 1104);
PREFORKD_AT(MasterPage, accept_errors, 1112);
PREFORKD_AT(MasterPage, calls_refused, 1240);
PREFORKD_AT(MasterPage, module_counts_before, 1248);
PREFORKD_AT(MasterPage, handshakes_before, 2272);
PREFORKD_AT(MasterPage, restarts, 2408);
static_assert(offsetof(MasterPage, access_lines_dropped) ==
              offsetof(MasterPage, log_lines_dropped) + sizeof(Counter));

// ---- a row ----
PREFORKD_AT(WorkerRow, size, 0);
PREFORKD_AT(WorkerRow, version, 4);
PREFORKD_AT(WorkerRow, state, 8);
PREFORKD_AT(WorkerRow, pid, 16);
PREFORKD_AT(WorkerRow, incarnation, 24);
PREFORKD_AT(WorkerRow, generation, 32);
PREFORKD_AT(WorkerRow, started_ns, 40);
PREFORKD_AT(WorkerRow, handed_over, 48);
PREFORKD_AT(WorkerRow, reclaimed, 56);
PREFORKD_AT(WorkerRow, handed_back, 64);
PREFORKD_AT(WorkerRow, pool, 72);
PREFORKD_AT(WorkerRow, before, 80);
PREFORKD_AT(WorkerRow, taken, 128);
PREFORKD_AT(WorkerRow, finished, 136);
PREFORKD_AT(WorkerRow, lost, 144);
PREFORKD_AT(WorkerRow, heartbeat_ns, 152);
PREFORKD_AT(WorkerRow, callback_since_ns, 160);
PREFORKD_AT(WorkerRow, returned, 168);
PREFORKD_AT(WorkerRow, requests, 176);
PREFORKD_AT(WorkerRow, bytes_in, 184);
PREFORKD_AT(WorkerRow, bytes_out, 192);
PREFORKD_AT(WorkerRow, lost_by, 200);
PREFORKD_AT(WorkerRow, callbacks, 328);
PREFORKD_AT(WorkerRow, busy_ns, 336);
PREFORKD_AT(WorkerRow, rss_bytes, 344);
PREFORKD_AT(WorkerRow, cpu_ns, 352);
PREFORKD_AT(WorkerRow, dispatch_wait, 360);
PREFORKD_AT(WorkerRow, doing_since_ns, 512);
PREFORKD_AT(WorkerRow, doing_conn, 520);
PREFORKD_AT(WorkerRow, refused, 528);
PREFORKD_AT(WorkerRow, crash, 664);
PREFORKD_AT(WorkerRow, doing, 1072);
PREFORKD_AT(WorkerRow, doing_peer, 1312);
PREFORKD_AT(WorkerRow, startup, 1552);
PREFORKD_AT(WorkerRow, threads, 1792);
PREFORKD_AT(WorkerRow, threads_busy, 1800);
PREFORKD_AT(WorkerRow, requests_waiting, 1808);
PREFORKD_AT(WorkerRow, threads_busy_since_ns, 1816);
PREFORKD_AT(WorkerRow, module_counts, 1856);
PREFORKD_AT(WorkerRow, frame_names, 2880);
PREFORKD_AT(WorkerRow, handshakes, 3648);
PREFORKD_AT(WorkerRow, no_successor, 3784);

// ---- the types used above ----
static_assert(sizeof(SlotTotals) == 40 && sizeof(WaitHistogram) == 152 && sizeof(RefusedCalls) == 136);
static_assert(kMaxModuleCounters == 128, "the successor reads so many");
static_assert(sizeof(CrashRecord) == 408 && sizeof(SharedText) == 240 && sizeof(LineLedger) == 32);
static_assert(sizeof(FrameNames) == 768);
static_assert(sizeof(HandshakeCounters) == 136);
static_assert(WorkerRow::kBytes >= WorkerRow::kMinBytes && sizeof(WorkerRow) == kPageBytes);

#undef PREFORKD_AT

}  // namespace
}  // namespace preforkd
