// Event: the name of what a log line reports. Every line has one (event=worker_ready). Programs and tests
// match the event and the line's fields: the wording of a line may change at any time, the name may not.
//
// A new event is appended to its group. tests/unit/base checks that common/README.md lists all of them.
#ifndef PREFORKD_COMMON_BASE_LOG_EVENT_H_
#define PREFORKD_COMMON_BASE_LOG_EVENT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace preforkd::log {

// EVENT(enumerator, name, what it means)
#define PREFORKD_LOG_EVENTS(EVENT)                                                                         \
  /* start and stop */                                                                                     \
  EVENT(kStartFailed, "start_failed", "The server or a worker cannot start.")                              \
  EVENT(kServing, "serving", "The first generation serves.")                                               \
  EVENT(kSignal, "signal", "The master received a signal.")                                                \
  EVENT(kStopDelay, "stop_delay", "The stop delay runs: not ready, but new connections are still served.") \
  EVENT(kStopping, "stopping", "Listeners are closed; workers finish their connections.")                  \
  EVENT(kStoppingNow, "stopping_now", "A second signal, or quit: stops without waiting.")                  \
  EVENT(kStopped, "stopped", "The server has ended; accepted and lost are its totals.")                    \
  EVENT(kGaveUp, "gave_up", "The server ends because it cannot serve.")                                    \
  EVENT(kCheckFailed, "check_failed", "A bug: a condition that the code relies on does not hold.")         \
  EVENT(kLoopFailed, "loop_failed", "The event loop returned an error.")                                   \
  EVENT(kSystemCallFailed, "system_call_failed", "A system call failed; the process goes on without it.")  \
  EVENT(kDescriptorsClosed, "descriptors_closed", "Open descriptors of the parent process were closed.")   \
  EVENT(kDescriptorKept, "descriptor_kept", "A descriptor stays open across exec and should not.")         \
  EVENT(kDetached, "detached", "--daemonize: detached from the terminal, or failed to.")                   \
  EVENT(kEnvironmentInvalid, "environment_invalid", "A variable of the service manager cannot be used.")   \
  EVENT(kManagerUnreachable, "manager_unreachable", "A notification did not reach the service manager.")   \
  EVENT(kWatchdogMissed, "watchdog_missed", "Too few recent heartbeats: WATCHDOG=1 is withheld.")          \
  EVENT(kWatchdogRestored, "watchdog_restored", "Enough heartbeats again: WATCHDOG=1 is sent.")            \
  /* configuration, reload, upgrade */                                                                     \
  EVENT(kConfigProblem, "config_problem", "One problem of a configuration that was refused.")              \
  EVENT(kConfigWarning, "config_warning",                                                                  \
        "The configuration is accepted, but one of its values is doubtful.")                               \
  EVENT(kWorkersAuto, "workers_auto", "The number that workers = \"auto\" means on this machine.")         \
  EVENT(kIsolationMissing, "isolation_missing", "A configured isolation of workers is not in force.")      \
  EVENT(kReloadWaits, "reload_waits", "A reload waits until another change has finished.")                 \
  EVENT(kReloadStarted, "reload_started", "The workers of a new generation are being started.")            \
  EVENT(kReloadDone, "reload_done", "The new generation serves.")                                          \
  EVENT(kReloadRefused, "reload_refused", "The configuration was refused; the old one stays in force.")    \
  EVENT(kReloadAbandoned, "reload_abandoned", "The new generation failed; the old one goes on serving.")   \
  EVENT(kUpgradeWaits, "upgrade_waits", "An upgrade waits until another change has finished.")             \
  EVENT(kUpgradeCheck, "upgrade_check", "The new program runs in check mode.")                             \
  EVENT(kUpgradeOutput, "upgrade_output", "A line that the new program printed in check mode.")            \
  EVENT(kUpgradeExec, "upgrade_exec", "The master executes the new program.")                              \
  EVENT(kUpgradeResumed, "upgrade_resumed", "The new program has restored the state and goes on.")         \
  EVENT(kUpgradeDone, "upgrade_done", "The workers of the new program serve.")                             \
  EVENT(kUpgradeRefused, "upgrade_refused", "The new program was refused; this one goes on serving.")      \
  EVENT(kUpgradeReturned, "upgrade_returned", "The new program failed; the old one goes on serving.")      \
  EVENT(kUpgradeReturn, "upgrade_return", "The new program executes the old one again.")                   \
  EVENT(kUpgradeStateLost, "upgrade_state_lost", "A part of the saved state could not be restored.")       \
  EVENT(kScaled, "scaled", "The number of workers of a pool was changed by command or signal.")            \
  EVENT(kControlCommand, "control_command", "A command came through the control socket.")                  \
  EVENT(kControlRefused, "control_refused", "A client of the control socket was turned away.")             \
  EVENT(kControlFailed, "control_failed", "The control socket, or a connection to it, failed.")            \
  /* listeners and files */                                                                                \
  EVENT(kListening, "listening", "A listener is open.")                                                    \
  EVENT(kListenerClosed, "listener_closed", "A listener was closed by a reload.")                          \
  EVENT(kListenerFailed, "listener_failed", "A listener failed.")                                          \
  EVENT(kAcceptPaused, "accept_paused", "Accepting pauses; the kernel's backlog waits.")                   \
  EVENT(kSocketUnused, "socket_unused", "The service manager passed a socket that no listener uses.")      \
  EVENT(kFileReplaced, "file_replaced", "A socket or pid file of ours was replaced by another process.")   \
  EVENT(kFileRemoved, "file_removed", "A socket or pid file was removed and cannot be created again.")     \
  EVENT(kFileRestored, "file_restored", "A socket or pid file that was removed exists again.")             \
  EVENT(kStaleSocket, "stale_socket", "A socket file left by an ended process was removed.")               \
  EVENT(kPidFile, "pid_file", "The pid file was written.")                                                 \
  EVENT(kRootMissing, "root_missing", "The root of a service cannot be opened.")                           \
  EVENT(kRootRestored, "root_restored", "The root of a service can be opened again.")                      \
  EVENT(kRootFixed, "root_fixed", "A symlink of a root leads out of worker.chroot.")                       \
  EVENT(kLogReopened, "log_reopened", "All processes write to the reopened log files.")                    \
  EVENT(kLogReopenFailed, "log_reopen_failed", "A log file could not be opened, or not by every worker.")  \
  EVENT(kLogDropped, "log_dropped", "Log lines were lost before this one.")                                \
  EVENT(kAccessLogFailed, "access_log_failed", "The access log cannot be written.")                        \
  EVENT(kAccessLogRestored, "access_log_restored", "The access log is written again.")                     \
  EVENT(kAccessLogRescued, "access_log_rescued", "The master wrote the last access lines of a worker.")    \
  /* workers */                                                                                            \
  EVENT(kWorkerStarted, "worker_started", "A worker was forked.")                                          \
  EVENT(kWorkerStartFailed, "worker_start_failed", "A worker could not be forked; it is tried again.")     \
  EVENT(kWorkerReady, "worker_ready", "A worker takes connections.")                                       \
  EVENT(kWorkerRetiring, "worker_retiring", "A worker gets no new connections and drains.")                \
  EVENT(kWorkerRetired, "worker_retired", "A retiring worker has ended.")                                  \
  EVENT(kWorkerExited, "worker_exited",                                                                    \
        "A worker ended without being told to; lost counts its lost connections.")                         \
  EVENT(kWorkerBacktrace, "worker_backtrace", "A frame of the stack of a worker that crashed.")            \
  EVENT(kWorkerRepeats, "worker_repeats", "Workers crash in a row while they serve the same request.")     \
  EVENT(kWorkerHung, "worker_hung", "A worker does not answer and gets SIGABRT.")                          \
  EVENT(kWorkerKilled, "worker_killed", "A worker gets SIGKILL.")                                          \
  EVENT(kWorkerUntrusted, "worker_untrusted", "A worker sent an invalid message and gets SIGKILL.")        \
  EVENT(kWorkerReplaced, "worker_replaced", "A worker retires when its replacement is ready.")             \
  EVENT(kWorkerAsksReplacement, "worker_asks_replacement", "A worker asked to be replaced.")               \
  EVENT(kWorkerUnreadable, "worker_unreadable", "The channel of a worker cannot be read now.")             \
  EVENT(kWorkerUntold, "worker_untold", "A message did not reach a worker.")                               \
  EVENT(kWorkerLeaves, "worker_leaves", "A worker ends because of an error.")                              \
  EVENT(kWorkerUnprotected, "worker_unprotected", "A protection of a worker is not in force.")             \
  EVENT(kCallsRefused, "calls_refused", "The system-call filter refused calls of a worker.")               \
  EVENT(kExtraStarted, "extra_started", "All workers of a pool are blocked; an extra one starts.")         \
  EVENT(kExtraRetired, "extra_retired", "An extra worker is not needed any more.")                         \
  EVENT(kPoolDegraded, "pool_degraded", "No worker of a pool is ready and none can be started now.")       \
  EVENT(kPoolRecovered, "pool_recovered", "A degraded pool has a ready worker again.")                     \
  EVENT(kMasterPaused, "master_paused", "The master did not run for a while; heartbeat ages restart.")     \
  EVENT(kChildExited, "child_exited", "A child process that is no worker has ended.")                      \
  EVENT(kChannelBroken, "channel_broken", "A bug: the channel delivered an invalid message.")              \
  EVENT(kDrainTimeout, "drain_timeout", "A retiring worker closes its unfinished connections.")            \
  /* connections */                                                                                        \
  EVENT(kConnAccepted, "conn_accepted", "A connection was accepted.")                                      \
  EVENT(kConnDispatched, "conn_dispatched", "A connection was handed over to a worker.")                   \
  EVENT(kConnTaken, "conn_taken", "A worker has taken a connection.")                                      \
  EVENT(kConnReturned, "conn_returned", "A worker has handed back a connection.")                          \
  EVENT(kConnParked, "conn_parked", "The master parks an idle connection.")                                \
  EVENT(kConnNotParked, "conn_not_parked", "A connection cannot be watched and goes back to a worker.")    \
  EVENT(kConnWoken, "conn_woken", "The client of a parked connection has sent something.")                 \
  EVENT(kConnReclaimed, "conn_reclaimed", "A connection was reclaimed from a slot.")                       \
  EVENT(kConnClosed, "conn_closed", "A connection is closed.")                                             \
  EVENT(kConnFailed, "conn_failed", "A connection is closed because of an error.")                         \
  EVENT(kConnStays, "conn_stays", "A session packed too much to travel; it stays in its worker.")          \
  EVENT(kConnEvicted, "conn_evicted", "Connections are closed to make room for others.")                   \
  EVENT(kClientBounded, "client_bounded", "A client met a bound of its address; bound says which.")        \
  EVENT(kProxyHeader, "proxy_header", "A PROXY protocol header was read, or was wrong.")                   \
  EVENT(kHandshakeFailed, "handshake_failed", "A TLS handshake failed; cause says why.")                   \
  EVENT(kCertificateEnds, "certificate_ends", "A certificate has expired, or expires within 14 days.")     \
  EVENT(kTicketsOff, "tickets_off", "There is no key for session tickets: each handshake is a full one.")  \
  EVENT(kRequestAnswered, "request_answered", "A request was answered.")                                   \
  EVENT(kRequestFailed, "request_failed", "A request was answered with 500 or 504.")                       \
  EVENT(kDescriptorsShort, "descriptors_short", "No file descriptor is free.")                             \
  EVENT(kDescriptorsInFlight, "descriptors_in_flight",                                                     \
        "The kernel's limit of descriptors in flight is reached.")                                         \
  /* modules */                                                                                            \
  EVENT(kModuleSaid, "module_said", "A line that a module wrote.")                                         \
  EVENT(kModuleFault, "module_fault", "A function of a module threw, or returned what it may not.")        \
  EVENT(kModuleMisuse, "module_misuse", "A module called a server function where it may not; no effect.")  \
  EVENT(kModuleBusy, "module_busy", "An application thread was still busy when its worker exited.")        \
  EVENT(kModulePreloaded, "module_preloaded", "What the workers of a service share was loaded.")           \
  EVENT(kModulePreloadsAlone, "module_preloads_alone",                                                     \
        "A worker loaded for itself what it should share: its module's file is new, or an upgrade runs.")  \
  EVENT(kThreadTrace, "thread_trace", "A frame of an application thread that blocked for too long.")

enum class Event : std::uint8_t {
#define PREFORKD_ENUMERATOR(enumerator, name, meaning) enumerator,
  PREFORKD_LOG_EVENTS(PREFORKD_ENUMERATOR)
#undef PREFORKD_ENUMERATOR
};
using enum Event;  // log::kServing

struct EventInfo {
  Event event;
  std::string_view name;     // [a-z_]+, as in event=NAME
  std::string_view meaning;  // one sentence
};

// All events, in the order of the enumerators.
inline constexpr auto kEvents = std::to_array<EventInfo>({
#define PREFORKD_INFO(enumerator, name, meaning) {Event::enumerator, name, meaning},
    PREFORKD_LOG_EVENTS(PREFORKD_INFO)
#undef PREFORKD_INFO
});

constexpr std::string_view EventName(Event event) { return kEvents[static_cast<std::size_t>(event)].name; }

}  // namespace preforkd::log

#endif
