#include "common/process/call_table.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <span>

namespace preforkd {
namespace {

using Names = std::span<const std::string_view>;

// ---- what gates and workers may do ----

// No call here opens anything, makes a socket or a process, or reaches another process.
constexpr std::string_view kEveryProcess[] = {
    // connections, the channel, the logs
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "read",
    "readv",
    "write",
    "writev",
    "close",
    "shutdown",
    "getsockopt",
    "getsockname",
    "getpeername",
    // waiting
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_ctl",
    "epoll_create1",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "eventfd2",
    "timerfd_create",
    "timerfd_settime",
    "timerfd_gettime",
    "signalfd4",
    "pipe2",
    "nanosleep",
    "clock_nanosleep",
    "restart_syscall",
    "pause",
    // open files: its own state, and logs: flush, and truncate the torn end of a line
    "fstat",
    "lseek",
    "pread64",
    "ftruncate",
    "fsync",
    "fdatasync",
    // memory
    "brk",
    "munmap",
    "mremap",
    "madvise",
    "mincore",
    "membarrier",
    // itself, and the time
    "futex",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigpending",
    "rt_sigtimedwait",
    "rt_sigsuspend",
    "sigaltstack",
    "getpid",
    "gettid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getresuid",
    "getresgid",
    "getgroups",
    "getpgrp",
    "getpgid",
    "getsid",
    "getpriority",
    "getrandom",
    "getrusage",
    "getcpu",
    "sched_yield",
    "sched_getaffinity",
    "sched_getscheduler",
    "sched_getparam",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "sysinfo",
    "uname",
    "times",
    "time",
    "gettimeofday",
    "clock_gettime",
    "clock_getres",
    "exit",
    "exit_group",
};

// ---- what workers may do besides ----

// Existing files: find, read and send. A gate has read what it needs.
constexpr std::string_view kReading[] = {
    "openat2", "stat",      "lstat",     "newfstatat", "statx",      "statfs", "fstatfs",
    "access",  "faccessat", "readlink",  "readlinkat", "getdents64", "getcwd", "faccessat2",
    "preadv",  "preadv2",   "fadvise64", "readahead",  "sendfile",   "splice", "tee",
};

// ---- what the sets add ----

constexpr std::string_view kNetwork[] = {"socketpair", "connect", "bind", "listen", "accept", "accept4"};

constexpr std::string_view kFiles[] = {
    "open",
    "openat",
    "creat",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "truncate",
    "fallocate",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "rmdir",
    "chmod",
    "fchmod",
    "fchmodat",
    "chown",
    "fchown",
    "lchown",
    "fchownat",
    "utime",
    "utimes",
    "futimesat",
    "utimensat",
    "umask",
    "chdir",
    "fchdir",
    "flock",
    "copy_file_range",
    "sync_file_range",
    "syncfs",
    "sync",
    "memfd_create",
    "getxattr",
    "lgetxattr",
    "fgetxattr",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "listxattr",
    "llistxattr",
    "flistxattr",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
    "inotify_init",
    "inotify_init1",
    "inotify_add_watch",
    "inotify_rm_watch",
};

// Executed programs are under the same filter: the calls that starting one needs are here too.
constexpr std::string_view kProcesses[] = {
    "fork",
    "vfork",
    "execve",
    "execveat",
    "wait4",
    "waitid",
    "kill",
    "pidfd_open",
    "pidfd_send_signal",
    "setpgid",
    "setsid",
    "pipe",
    "dup",
    "dup2",
    "dup3",
    "close_range",
    "chdir",
    "fchdir",
    "umask",
    "ioctl",
    "arch_prctl",
    "set_tid_address",
    "alarm",
    "setitimer",
    "getitimer",
    "mmap",
    "mprotect",
};

constexpr std::string_view kThreads[] = {"sched_setaffinity", "set_tid_address"};

constexpr std::string_view kCode[] = {"mmap",      "mprotect",      "pkey_alloc",
                                      "pkey_free", "pkey_mprotect", "memfd_create"};

Names NamesOf(CallSet set) {
  switch (set) {
    case CallSet::kNetwork: return kNetwork;
    case CallSet::kFiles: return kFiles;
    case CallSet::kProcesses: return kProcesses;
    case CallSet::kThreads: return kThreads;
    case CallSet::kCode: return kCode;
  }
  return {};
}

// ---- calls of which only some arguments are allowed ----

// An int argument: the upper half of its register is ignored.
constexpr std::uint64_t kInt = 0xffffffff;
// The flags that make open(2) write.
constexpr std::uint64_t kWriting = O_ACCMODE | O_CREAT | O_TRUNC;
// A process in new namespaces could do there what it may not do here.
constexpr std::uint64_t kNewNamespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
// The argument must be the process id of the worker.
constexpr std::uint64_t kSelf = ~std::uint64_t{0} - 1;

struct PartialCall {
  std::string_view name;
  std::optional<CallSet> set;  // none: every worker may make it, and a gate unless kNotOfGates has it
  std::array<ArgumentTest, 2> tests;
  std::size_t count = 1;
};

constexpr PartialCall kPartial[] = {
    {"openat", {}, {{{2, kWriting, 0}}}},
    {"open", {}, {{{1, kWriting, 0}}}},
    {"mmap", {}, {{{2, PROT_EXEC, 0}}}},
    {"mprotect", {}, {{{2, PROT_EXEC, 0}}}},
    // Memory that travels with a connection (Parcel::heavy). It cannot be executed without a set.
    {"memfd_create", {}, {{{1, kInt, MFD_CLOEXEC}}}},
    // Not F_SETFL: the open file is shared, and a blocking one would stop the next process that has the
    // connection, or the master at the log. Not F_SETOWN: it sends signals.
    {"fcntl", {}, {{{1, kInt, F_DUPFD}}}},
    {"fcntl", {}, {{{1, kInt, F_DUPFD_CLOEXEC}}}},
    {"fcntl", {}, {{{1, kInt, F_GETFD}}}},
    {"fcntl", {}, {{{1, kInt, F_SETFD}}}},
    {"fcntl", {}, {{{1, kInt, F_GETFL}}}},
    // Not SO_LINGER: the last process to close the socket, perhaps the master, would block (socket(7)).
    {"setsockopt", {}, {{{1, kInt, SOL_SOCKET}, {2, kInt, SO_KEEPALIVE}}}, 2},
    {"setsockopt", {}, {{{1, kInt, SOL_SOCKET}, {2, kInt, SO_SNDBUF}}}, 2},
    {"setsockopt", {}, {{{1, kInt, SOL_SOCKET}, {2, kInt, SO_RCVBUF}}}, 2},
    {"setsockopt", {}, {{{1, kInt, SOL_SOCKET}, {2, kInt, SO_RCVLOWAT}}}, 2},
    {"setsockopt", {}, {{{1, kInt, IPPROTO_TCP}, {2, kInt, TCP_NODELAY}}}, 2},
    {"setsockopt", {}, {{{1, kInt, IPPROTO_TCP}, {2, kInt, TCP_CORK}}}, 2},
    {"setsockopt", {}, {{{1, kInt, IPPROTO_TCP}, {2, kInt, TCP_QUICKACK}}}, 2},
    {"setsockopt", {}, {{{1, kInt, IPPROTO_TCP}, {2, kInt, TCP_KEEPIDLE}}}, 2},
    {"setsockopt", {}, {{{1, kInt, IPPROTO_TCP}, {2, kInt, TCP_KEEPINTVL}}}, 2},
    {"setsockopt", {}, {{{1, kInt, IPPROTO_TCP}, {2, kInt, TCP_KEEPCNT}}}, 2},
    {"setsockopt", {}, {{{1, kInt, IPPROTO_TCP}, {2, kInt, TCP_USER_TIMEOUT}}}, 2},
    {"setsockopt", {}, {{{1, kInt, IPPROTO_TCP}, {2, kInt, TCP_NOTSENT_LOWAT}}}, 2},
    {"ioctl", {}, {{{1, kInt, FIONREAD}}}},
    {"ioctl", {}, {{{1, kInt, TIOCOUTQ}}}},  // SIOCOUTQ, of a socket
    {"ioctl", {}, {{{1, kInt, TCGETS}}}},
    {"prctl", {}, {{{0, kInt, PR_SET_NAME}}}},
    {"prctl", {}, {{{0, kInt, PR_GET_NAME}}}},
    {"prctl", {}, {{{0, kInt, PR_GET_DUMPABLE}}}},
    {"prctl", {}, {{{0, kInt, PR_SET_VMA}}}},
    // Its own limits, and only reading them.
    {"prlimit64", {}, {{{0, kInt, 0}, {2, ~std::uint64_t{0}, 0}}}, 2},
    {"tgkill", {}, {{{0, kInt, kSelf}}}},
    {"kill", {}, {{{0, kInt, kSelf}}}},
    {"rt_tgsigqueueinfo", {}, {{{0, kInt, kSelf}}}},

    {"socket", CallSet::kNetwork, {{{0, kInt, AF_UNIX}}}},
    {"socket", CallSet::kNetwork, {{{0, kInt, AF_INET}}}},
    {"socket", CallSet::kNetwork, {{{0, kInt, AF_INET6}}}},
    {"socket", CallSet::kNetwork, {{{0, kInt, AF_NETLINK}}}},  // getaddrinfo(3) asks for the interfaces
    {"setsockopt", CallSet::kNetwork, {{{1, kInt, SOL_SOCKET}, {2, kInt, SO_REUSEADDR}}}, 2},
    {"setsockopt", CallSet::kNetwork, {{{1, kInt, SOL_SOCKET}, {2, kInt, SO_REUSEPORT}}}, 2},
    {"setsockopt", CallSet::kNetwork, {{{1, kInt, SOL_SOCKET}, {2, kInt, SO_RCVTIMEO}}}, 2},
    {"setsockopt", CallSet::kNetwork, {{{1, kInt, SOL_SOCKET}, {2, kInt, SO_SNDTIMEO}}}, 2},
    {"setsockopt", CallSet::kNetwork, {{{1, kInt, SOL_SOCKET}, {2, kInt, SO_BROADCAST}}}, 2},
    {"setsockopt", CallSet::kNetwork, {{{1, kInt, SOL_SOCKET}, {2, kInt, SO_PASSCRED}}}, 2},
    {"setsockopt", CallSet::kNetwork, {{{1, kInt, IPPROTO_IP}}}},
    {"setsockopt", CallSet::kNetwork, {{{1, kInt, IPPROTO_IPV6}}}},
    {"setsockopt", CallSet::kNetwork, {{{1, kInt, IPPROTO_TCP}}}},
    {"setsockopt", CallSet::kNetwork, {{{1, kInt, IPPROTO_UDP}}}},
    {"setsockopt", CallSet::kNetwork, {{{1, kInt, SOL_NETLINK}}}},
    {"setsockopt", CallSet::kNetwork, {{{1, kInt, SOL_TLS}}}},
    {"fcntl", CallSet::kNetwork, {{{1, kInt, F_SETFL}, {2, O_NONBLOCK, O_NONBLOCK}}}, 2},
    {"ioctl", CallSet::kNetwork, {{{1, kInt, FIONBIO}}}},

    {"fcntl", CallSet::kFiles, {{{1, kInt, F_GETLK}}}},
    {"fcntl", CallSet::kFiles, {{{1, kInt, F_SETLK}}}},
    {"fcntl", CallSet::kFiles, {{{1, kInt, F_SETLKW}}}},
    {"fcntl", CallSet::kFiles, {{{1, kInt, F_OFD_GETLK}}}},
    {"fcntl", CallSet::kFiles, {{{1, kInt, F_OFD_SETLK}}}},
    {"fcntl", CallSet::kFiles, {{{1, kInt, F_OFD_SETLKW}}}},

    // Before the row of kThreads, for SetThatAdds: fork(3) uses clone(2), pthread_create(3) clone3(2).
    {"clone", CallSet::kProcesses, {{{0, kNewNamespaces, 0}}}},
    {"clone", CallSet::kThreads, {{{0, CLONE_THREAD | kNewNamespaces, CLONE_THREAD}}}},
    {"fcntl", CallSet::kProcesses, {{{1, kInt, F_SETFL}, {2, O_NONBLOCK, O_NONBLOCK}}}, 2},
    {"prlimit64", CallSet::kProcesses, {{{0, kInt, 0}}}},
};

// What gates hand back is small, and never heavy.
constexpr std::string_view kNotOfGates[] = {"open", "openat", "memfd_create"};

bool Contains(Names names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

CallRule MakeRule(const PartialCall& call, pid_t self) {
  CallRule rule{call.name,
                {call.tests.begin(), call.tests.begin() + static_cast<std::ptrdiff_t>(call.count)}};
  for (ArgumentTest& test : rule.tests) {
    if (test.value == kSelf) test.value = static_cast<std::uint32_t>(self);
  }
  return rule;
}

}  // namespace

std::vector<CallRule> RulesFor(CallBase base, CallSets sets, pid_t self) {
  std::vector<std::string_view> always(std::begin(kEveryProcess), std::end(kEveryProcess));
  if (base == CallBase::kWorker) always.insert(always.end(), std::begin(kReading), std::end(kReading));
  for (const auto& [name, set] : kCallSetNames) {
    if (sets.Has(set)) always.insert(always.end(), NamesOf(set).begin(), NamesOf(set).end());
  }
  std::sort(always.begin(), always.end());
  always.erase(std::unique(always.begin(), always.end()), always.end());
  std::vector<CallRule> rules;
  for (const std::string_view name : always) rules.push_back({name, {}});
  for (const PartialCall& call : kPartial) {
    if (call.set && !sets.Has(*call.set)) continue;
    if (base == CallBase::kGate && Contains(kNotOfGates, call.name)) continue;
    if (!std::binary_search(always.begin(), always.end(), call.name)) rules.push_back(MakeRule(call, self));
  }
  std::stable_sort(rules.begin(), rules.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return rules;
}

bool HidesClone3(CallSets sets) { return sets.Has(CallSet::kThreads) || sets.Has(CallSet::kProcesses); }

std::optional<CallSet> SetThatAdds(std::string_view name) {
  // pthread_create(3) calls it if threads are not allowed.
  if (name == "clone3") return CallSet::kThreads;
  for (const auto& [set_name, set] : kCallSetNames) {
    if (Contains(NamesOf(set), name)) return set;
  }
  for (const PartialCall& call : kPartial) {
    if (call.set && call.name == name) return call.set;
  }
  return std::nullopt;
}

}  // namespace preforkd
