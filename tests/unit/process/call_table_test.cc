// Which system calls are in which set: those that a worker may never make, those it always may, and those
// each set adds.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <vector>

#include "common/process/call_table.h"
#include "common/process/syscall_name.h"

namespace preforkd::testing {
namespace {

constexpr pid_t kSelf = 4711;
constexpr CallSets kNone;
constexpr CallSets kAll{CallSet::kNetwork, CallSet::kFiles, CallSet::kProcesses, CallSet::kThreads,
                        CallSet::kCode};

using Arguments = std::array<std::uint64_t, 6>;

// The decision of the filter.
bool Allows(CallSets sets, std::string_view name, const Arguments& arguments = {}) {
  const std::vector<CallRule> rules = RulesFor(CallBase::kWorker, sets, kSelf);
  return std::any_of(rules.begin(), rules.end(), [&](const CallRule& rule) {
    return rule.name == name &&
           std::all_of(rule.tests.begin(), rule.tests.end(), [&](const ArgumentTest& test) {
             return (arguments.at(test.argument) & test.mask) == test.value;
           });
  });
}

Arguments Second(std::uint64_t value) { return {0, value}; }
Arguments Third(std::uint64_t value) { return {0, 0, value}; }

}  // namespace

TEST_CASE("in no set: calls that bypass the filter, reach other processes, or change the kernel") {
  for (const char* name : {"ptrace",
                           "process_vm_readv",
                           "process_vm_writev",
                           "process_madvise",
                           "pidfd_getfd",
                           "kcmp",
                           "io_uring_setup",
                           "io_uring_enter",
                           "io_uring_register",
                           "bpf",
                           "perf_event_open",
                           "userfaultfd",
                           "mount",
                           "umount2",
                           "pivot_root",
                           "chroot",
                           "unshare",
                           "setns",
                           "init_module",
                           "finit_module",
                           "kexec_load",
                           "reboot",
                           "swapon",
                           "setuid",
                           "setgid",
                           "setresuid",
                           "setresgid",
                           "setgroups",
                           "capset",
                           "keyctl",
                           "add_key",
                           "acct",
                           "quotactl",
                           "settimeofday",
                           "clock_settime",
                           "sethostname",
                           "iopl",
                           "ioperm",
                           "personality",
                           "seccomp",
                           "mknod",
                           "mknodat",
                           "open_by_handle_at",
                           "move_pages",
                           "migrate_pages",
                           "vhangup",
                           "syslog",
                           "tkill",
                           "setrlimit",
                           "modify_ldt",
                           "clone3"}) {
    CAPTURE(std::string(name));
    CHECK_FALSE(Allows(kAll, name));
  }
  CHECK(SetThatAdds("ptrace") == std::nullopt);
}

TEST_CASE("without a set: no socket, no process, no thread, nothing is opened but to read it") {
  for (const char* name :
       {"socket", "connect", "bind", "listen", "accept4", "socketpair", "fork", "vfork", "clone", "execve",
        "execveat", "unlink", "rename", "mkdir", "chmod", "truncate", "chdir", "dup2"}) {
    CAPTURE(std::string(name));
    CHECK_FALSE(Allows(kNone, name, {AF_INET}));
    CHECK(Allows(kAll, name, {AF_INET}));
  }
  CHECK(Allows(kNone, "openat", Third(O_RDONLY | O_CLOEXEC | O_PATH | O_DIRECTORY | O_NONBLOCK)));
  for (const int flags :
       {O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC, O_TMPFILE | O_RDWR, O_ACCMODE}) {
    CAPTURE(flags);
    CHECK_FALSE(Allows(kNone, "openat", Third(static_cast<std::uint64_t>(flags))));
    CHECK_FALSE(Allows(kNone, "open", Second(static_cast<std::uint64_t>(flags))));
    CHECK(Allows({CallSet::kFiles}, "openat", Third(static_cast<std::uint64_t>(flags))));
  }
  CHECK(Allows(kNone, "memfd_create", Second(MFD_CLOEXEC)));
  CHECK_FALSE(Allows(kNone, "memfd_create", Second(0)));
  CHECK_FALSE(Allows(kNone, "memfd_create", Second(MFD_CLOEXEC | MFD_ALLOW_SEALING)));
  CHECK(Allows({CallSet::kFiles}, "memfd_create", Second(0)));
  for (const char* name : {"mmap", "mprotect"}) {
    CHECK(Allows(kNone, name, Third(PROT_READ | PROT_WRITE)));
    CHECK_FALSE(Allows(kNone, name, Third(PROT_READ | PROT_EXEC)));
    CHECK(Allows({CallSet::kCode}, name, Third(PROT_READ | PROT_EXEC)));
  }
}

TEST_CASE("a worker cannot change what it shares with others") {
  CHECK(Allows(kNone, "fcntl", Second(F_DUPFD_CLOEXEC)));
  CHECK(Allows(kNone, "fcntl", Second(F_GETFL)));
  for (const CallSets sets : {kNone, kAll}) {
    CHECK_FALSE(Allows(sets, "fcntl", {0, F_SETFL, 0}));         // would make it block
    CHECK_FALSE(Allows(sets, "fcntl", {0, F_SETFL, O_APPEND}));  // the same
    CHECK_FALSE(Allows(sets, "fcntl", {0, F_SETOWN, 1}));
    CHECK_FALSE(Allows(sets, "fcntl", {0, F_SETLEASE, 1}));
  }
  for (const CallSets sets : {kNone, kAll}) {
    CHECK_FALSE(Allows(sets, "setsockopt", {0, SOL_SOCKET, SO_LINGER}));  // a later close would block
    CHECK_FALSE(Allows(sets, "setsockopt", {0, SOL_SOCKET, SO_ATTACH_FILTER}));
    CHECK(Allows(sets, "setsockopt", {0, IPPROTO_TCP, TCP_NODELAY}));
  }
  CHECK_FALSE(Allows(kNone, "setsockopt", {0, IPPROTO_TCP, TCP_ULP}));
  CHECK_FALSE(Allows(kNone, "fcntl", {0, F_SETFL, O_NONBLOCK}));
  CHECK(Allows({CallSet::kNetwork}, "fcntl", {0, F_SETFL, O_NONBLOCK | O_RDWR}));
  CHECK_FALSE(Allows(kNone, "fcntl", Second(F_SETLK)));
  CHECK(Allows({CallSet::kFiles}, "fcntl", Second(F_SETLK)));
}

TEST_CASE("signals to itself only, and no limits of others") {
  for (const char* name : {"kill", "tgkill"}) {
    CHECK(Allows(kNone, name, {kSelf}));
    CHECK_FALSE(Allows(kNone, name, {kSelf + 1}));
    CHECK_FALSE(Allows(kNone, name, {static_cast<std::uint64_t>(-1)}));
    CHECK_FALSE(Allows(kNone, name, {0}));
  }
  CHECK(Allows({CallSet::kProcesses}, "kill", {1}));
  CHECK(Allows(kNone, "prlimit64", {0, 7, 0, 1}));
  CHECK_FALSE(Allows(kNone, "prlimit64", {0, 7, 1, 0}));
  CHECK_FALSE(Allows(kAll, "prlimit64", {1, 7, 1, 0}));
}

TEST_CASE("threads are not processes, and neither gets new namespaces") {
  constexpr std::uint64_t kThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
  CHECK(Allows({CallSet::kThreads}, "clone", {kThread}));
  CHECK_FALSE(Allows({CallSet::kThreads}, "clone", {17}));
  CHECK(Allows({CallSet::kProcesses}, "clone", {17}));
  for (const std::uint64_t space : std::initializer_list<std::uint64_t>{
           CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS}) {
    CHECK_FALSE(Allows(kAll, "clone", {space}));
    CHECK_FALSE(Allows(kAll, "clone", {kThread | space}));
  }
  CHECK_FALSE(HidesClone3(kNone));
  CHECK(HidesClone3({CallSet::kThreads}));
  CHECK(HidesClone3({CallSet::kProcesses}));
}

TEST_CASE("sockets of four families") {
  for (const unsigned family : {1U * AF_UNIX, 1U * AF_INET, 1U * AF_INET6, 1U * AF_NETLINK})
    CHECK(Allows({CallSet::kNetwork}, "socket", {family}));
  for (const unsigned family : {1U * AF_PACKET, 1U * AF_VSOCK, 1U * AF_ALG, 1U * AF_BLUETOOTH})
    CHECK_FALSE(Allows(kAll, "socket", {family}));
}

TEST_CASE("the set that would allow a call is known") {
  CHECK(SetThatAdds("socket") == CallSet::kNetwork);
  CHECK(SetThatAdds("connect") == CallSet::kNetwork);
  CHECK(SetThatAdds("openat") == CallSet::kFiles);
  CHECK(SetThatAdds("execve") == CallSet::kProcesses);
  CHECK(SetThatAdds("clone") == CallSet::kProcesses);
  CHECK(SetThatAdds("clone3") == CallSet::kThreads);
  CHECK(SetThatAdds("mprotect") == CallSet::kProcesses);
  CHECK(SetThatAdds("read") == std::nullopt);
}

// A misspelt name would be refused for ever: libseccomp must know each.
TEST_CASE("every name is a system call, and stands in one rule unless that tests arguments") {
  for (const CallSets sets : {kNone, kAll}) {
    const std::vector<CallRule> rules = RulesFor(CallBase::kWorker, sets, kSelf);
    for (std::size_t i = 0; i < rules.size(); ++i) {
      const std::string name(rules[i].name);
      CAPTURE(name);
      const int number = ::seccomp_syscall_resolve_name(name.c_str());
      CHECK(number != __NR_SCMP_ERROR);
      if (number >= 0) CHECK(SyscallName(number) == name);
      const bool again = i > 0 && rules[i - 1].name == rules[i].name;
      if (again) CHECK_FALSE(rules[i].tests.empty());
      if (again) CHECK_FALSE(rules[i - 1].tests.empty());
      // libseccomp refuses two tests of one argument in one rule.
      if (rules[i].tests.size() == 2) CHECK(rules[i].tests[0].argument != rules[i].tests[1].argument);
    }
    CHECK(std::is_sorted(rules.begin(), rules.end(),
                         [](const auto& a, const auto& b) { return a.name < b.name; }));
  }
}

TEST_CASE("a gate opens and makes no file, makes no socket and no process") {
  std::vector<std::string_view> names;
  for (const CallRule& rule : RulesFor(CallBase::kGate, {}, kSelf)) names.push_back(rule.name);
  const auto has = [&](std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const std::string_view name :
       {"open", "openat", "openat2", "newfstatat", "readlinkat", "getdents64", "memfd_create", "socket",
        "connect", "clone", "fork", "execve", "sendfile"}) {
    CAPTURE(name);
    CHECK_FALSE(has(name));
  }
  for (const std::string_view name :
       {"recvmsg", "sendmsg", "recvfrom", "sendto", "epoll_wait", "getrandom", "mmap"}) {
    CAPTURE(name);
    CHECK(has(name));
  }
}

}  // namespace preforkd::testing
