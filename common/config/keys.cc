#include "common/config/keys.h"

#include <sys/un.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "common/config/member_value.h"

// How to reach a member, for reading and for writing: one lambda serves both.
#define MEMBER(path)           \
  [](auto& section) -> auto& { \
    return section.path;       \
  }

namespace preforkd {
namespace {

template <typename Section>
class Table {
 public:
  // `prefix`: of the names that follow; `top`: of the top-level keys that mean the same, for pools.
  void Begin(std::string prefix, std::string top = {}) { prefix_ = std::move(prefix), top_ = std::move(top); }

  template <typename Member>
  void Add(const std::string& name, Setting setting, Member member, std::string doc, std::string more = {}) {
    setting.name = prefix_ + name;
    setting.doc = std::move(doc);
    setting.more = std::move(more);
    Key<Section> key;
    key.setting = std::move(setting);
    if (std::is_same_v<Section, PoolConfig>) key.top = top_ + name;
    key.set = [member](const SettingValue& value, Section& section) { Assign(member(section), value); };
    key.get = [member](const Section& section) { return ValueOf(member(section)); };
    keys_.push_back(std::move(key));
  }

  [[nodiscard]] std::vector<Key<Section>> Take() { return std::move(keys_); }

 private:
  std::string prefix_;
  std::string top_;
  std::vector<Key<Section>> keys_;
};

// ---- what keys take ----

Setting Number(std::string min, std::string max) {
  return {.kind = SettingKind::kNumber, .min = std::move(min), .max = std::move(max)};
}

Setting Auto(std::string max) {
  Setting setting = Number("1", std::move(max));
  setting.or_auto = true;
  return setting;
}

Setting Size() {
  return {.kind = SettingKind::kSize, .min = "0", .max = "16TiB"};
}

Setting Span(std::string min, std::string max) {
  return {.kind = SettingKind::kDuration, .min = std::move(min), .max = std::move(max)};
}

Setting Text(std::string min = "0", std::string max = "4095") {
  return {.kind = SettingKind::kText, .min = std::move(min), .max = std::move(max)};
}

// The path of a Unix socket ends with a NUL inside sun_path.
Setting SocketFile() {
  return Text("0", std::to_string(sizeof(sockaddr_un::sun_path) - 1));
}

// Of a user or a group: what useradd(8) allows is far shorter.
Setting Account() {
  return Text("0", "255");
}

Setting Flag() {
  return {.kind = SettingKind::kFlag};
}

// `words`: in the order of the enumeration.
Setting Choice(std::vector<std::string> words) {
  return {.kind = SettingKind::kChoice, .words = std::move(words)};
}

Setting AnyCallSets() {
  Setting setting{.kind = SettingKind::kChoices};
  for (const auto& [name, set] : kCallSetNames) setting.words.emplace_back(name);
  return setting;
}

// ---- the keys; first those that the main pool has at the top, and every other pool in its own section ----

template <typename Section>
void AddSize(Table<Section>& table) {
  table.Add(
      "workers", Auto("256"), MEMBER(workers), "worker processes; auto: one per usable CPU",
      "Usable are those of the affinity mask, no more than the CPU quota of the control groups rounded up.");
  table.Add("workers_max", Auto("512"), MEMBER(workers_max),
            "extras while every worker is blocked; auto: four times workers",
            "Counts the others too: equal to workers means no extras.");
  table.Add("user", Account(), MEMBER(user), "workers' identity when started as root; empty: no change",
            "Where it is empty, root's workers stay root, without its capabilities, and the log says so.");
  table.Add("group", Account(), MEMBER(group), "workers' group when started as root; empty: the user's own");
}

template <typename Section>
void AddWorker(Table<Section>& table) {
  table.Add("chroot", Text(), MEMBER(worker.chroot),
            "a folder, the workers' root when started as root; empty: none",
            "Every folder that a service serves must be inside.");
  table.Add("seccomp", Choice({"on", "log", "off"}), MEMBER(worker.seccomp),
            "system calls that no service needs: on refuses and logs them, log allows, off",
            "on: they fail with EPERM. log: they are allowed, and the kernel's audit log names them. off: no "
            "filter.");
  table.Add(
      "environment", {.kind = SettingKind::kVariables}, MEMBER(worker.environment),
      "variables that a worker keeps; LC_* is all that begin so",
      "Of the environment that the server was started with, with commas between. The others are gone, for "
      "/proc/PID/environ too.");
  table.Add("dumpable", Flag(), MEMBER(worker.dumpable),
            "a worker may leave a core, and its user may debug it",
            "The same holds for the master, unless it is root.");
  table.Add("max_files", Number("0", "1048576"), MEMBER(worker.max_files),
            "descriptors of a worker, 64 at least; 0: as many as the master");
  table.Add("max_core", Size(), MEMBER(worker.max_core), "size of a core, if dumpable; 0: as inherited");
  table.Add("max_address_space", Size(), MEMBER(worker.max_address_space),
            "where allocating memory fails, 128MiB at least; 0: as inherited");
}

template <typename Section>
void AddSupervision(Table<Section>& table) {
  table.Add("start_timeout", Span("10ms", "1h"), MEMBER(supervision.start_timeout),
            "from fork to ready; a worker that is slower is killed");
  table.Add("hang_timeout", Span("100ms", "24h"), MEMBER(supervision.hang_timeout),
            "without a heartbeat: killed and replaced",
            "A worker whose loop has not turned for so long gets SIGABRT, then SIGKILL.");
  table.Add("backoff_min", Span("1ms", "1h"), MEMBER(supervision.backoff_min),
            "pause before a worker that died before it was of use is restarted");
  table.Add("backoff_max", Span("1ms", "1h"), MEMBER(supervision.backoff_max),
            "where doubling that pause ends");
  table.Add("drain_timeout", Span("0", "24h"), MEMBER(supervision.drain_timeout),
            "what a worker that leaves has to finish in",
            "With stop_delay in front of it, the longest graceful stop.");
  table.Add("max_requests", Number("0", "1000000000000"), MEMBER(supervision.max_requests),
            "replace a worker after so many; 0: never",
            "Give or take a tenth, so that not all leave at once.");
  table.Add("max_memory", Size(), MEMBER(supervision.max_memory),
            "replace a worker that is larger; 0: never");
  table.Add("max_lifetime", Span("0", "8760h"), MEMBER(supervision.max_lifetime),
            "replace a worker that is older; 0: never",
            "Give or take a tenth, so that not all leave at once.");
}

void AddDispatch(Table<Config>& table) {
  table.Begin("dispatch.");
  table.Add(
      "policy", Choice({"least-connections", "round-robin", "client-hash"}), MEMBER(dispatch.policy),
      "which worker gets a connection: least-connections, round-robin or client-hash",
      "With client-hash the same client goes to the same worker; behind a proxy every client is the proxy. Clients of "
            "a Unix socket have no address, and go where the fewest connections are.");
  table.Add("max_connections", Number("1", "1000000"), MEMBER(dispatch.max_connections),
            "live in one worker");
  table.Add("max_queue", Number("1", "256"), MEMBER(dispatch.max_queue),
            "handed over to a worker and not yet taken by it");
  table.Add("reclaim_after", Span("0", "1h"), MEMBER(dispatch.reclaim_after),
            "not taken by then: another worker gets it; 0: never");
  table.Add("gather", Number("0", "256"), MEMBER(dispatch.gather),
            "connections that a brisk worker gets before another is woken; 0: none",
            "With least-connections and more workers than CPUs, while a callback takes a tenth of a "
            "millisecond or less on "
            "average: the first workers, as many as there are CPUs, get so many connections each before "
            "another one is "
            "woken. With 0 each goes to the least loaded.");
}

void AddLog(Table<Config>& table) {
  std::vector<std::string> levels;
  for (const log::Level level : {log::Level::kDebug, log::Level::kInfo, log::Level::kNotice,
                                 log::Level::kWarning, log::Level::kError, log::Level::kAlert}) {
    levels.emplace_back(log::LevelName(level));
  }
  table.Begin("log.");
  table.Add("level", Choice(std::move(levels)), MEMBER(log.level),
            "debug, info, notice, warning, error or alert",
            "alert means a bug of the program, nothing else.");
  table.Add("format", Choice({"text", "json"}), MEMBER(log.format), "text, or json: one object a line");
  table.Add("file", Text("1"), MEMBER(log.file), "a path, stderr, syslog or syslog:FACILITY",
            "syslog alone is the facility daemon; another is named as in syslog:local0.");
  table.Add("syslog_socket", SocketFile(), MEMBER(log.syslog_socket), "where syslog listens");
  table.Add("access", Text("1"), MEMBER(log.access), "one line for each answer: a path, stderr, or off");
  table.Add("access_format", Choice({"combined", "json"}), MEMBER(log.access_format),
            "combined, or json: one object a line");
}

std::vector<Key<Config>> MakeTopKeys() {
  Table<Config> table;
  AddSize(table);
  table.Add("control", SocketFile(), MEMBER(control), "socket of preforkctl; empty: none");
  table.Add("pid_file", Text(), MEMBER(pid_file),
            "written when the server serves, locked while it lives; empty: none", "Another one takes effect at a reload.");
  table.Add("scheduling", Choice({"batch", "normal"}), MEMBER(scheduling), "batch or normal, see sched(7)",
            "batch: a process that wakes another is not preempted by it.");
  table.Begin("worker.");
  AddWorker(table);
  AddDispatch(table);
  table.Begin("parking.");
  table.Add("after", Span("0", "1h"), MEMBER(parking.after),
            "idle time before a connection goes back to the master; 0: only when its worker leaves");
  table.Add("max", Number("0", "10000000"), MEMBER(parking.max), "idle connections that the master holds",
            "Its descriptor limit bounds them too.");
  table.Begin("supervision.");
  AddSupervision(table);
  table.Add("stop_delay", Span("0", "24h"), MEMBER(supervision.stop_delay),
            "told to stop, still taking new connections; 0: none",
            "From the first moment on /readyz answers 503 and each HTTP answer says Connection: close, so "
            "that a load "
            "balancer has sent its clients elsewhere before anything is refused. Longer than the balancer "
            "needs to notice "
            "(with HAProxy, inter times fall), and 0 where nobody asks.");
  AddLog(table);
  return table.Take();
}

std::vector<Key<PoolConfig>> MakePoolKeys() {
  Table<PoolConfig> table;
  AddSize(table);
  table.Begin("", "worker.");
  AddWorker(table);
  table.Begin("", "supervision.");
  AddSupervision(table);
  table.Add("kind", Choice({"services", "tls"}), MEMBER(kind), "services; tls is for later");
  std::vector<Key<PoolConfig>> keys = table.Take();
  keys.back().top.clear();
  return keys;
}

std::vector<Key<ListenConfig>> MakeListenKeys() {
  Table<ListenConfig> table;
  table.Add("address", {.kind = SettingKind::kAddress}, MEMBER(address),
            "IP:PORT, :PORT, unix:PATH or systemd:NAME",
            "127.0.0.1:80, [::1]:80, :80 (all addresses, both families), unix:/path, unix:@abstract, or "
            "systemd:NAME, the "
            "sockets that a service manager passes under that FileDescriptorName=. Port 0: the log says "
            "which it became.");
  table.Add("service", Text("1"), MEMBER(service), "the NAME of a [service.NAME]");
  table.Add("backlog", Number("1", "65535"), MEMBER(backlog), "the kernel caps it at net.core.somaxconn",
            "Sockets of a service manager keep their own.");
  table.Add("defer_accept", Flag(), MEMBER(defer_accept), "unset: on where the service's client speaks first",
            "TCP_DEFER_ACCEPT, see tcp(7).");
  table.Add("proxy_protocol", Flag(), MEMBER(proxy_protocol), "accept PROXY v1 and v2, and require it",
            "The client is who its header names, in logs and for services.");
  table.Add("mode", {.kind = SettingKind::kMode}, MEMBER(mode),
            "of a unix: socket's file, octal; unset: 0666",
            "Whatever the umask: who may write to the file may connect. A reload changes it.");
  table.Add("user", Account(), MEMBER(user), "who owns that file; empty: the master",
            "Only root may give it to another user.");
  table.Add("group", Account(), MEMBER(group), "group of that file; empty: the master's, or the folder's");
  return table.Take();
}

std::vector<Key<ServiceConfig>> MakeServiceKeys() {
  Table<ServiceConfig> table;
  table.Add("type", Text("1"), MEMBER(type), "what it does: one of the types that the program has");
  table.Add("pool", Text("1"), MEMBER(pool), "the workers that serve it: the NAME of a [pool.NAME], or main");
  table.Add("system_calls", AnyCallSets(), MEMBER(system_calls),
            "any of network, files, processes, threads, code",
            "What the service may do beyond what every worker may, with commas between: network (sockets of "
            "its own, "
            "connections that it makes), files (writing, creating, removing), processes (fork, exec, "
            "signals), threads, code "
            "(memory that can be executed).");
  return table.Take();
}

}  // namespace

const std::vector<Key<Config>>& TopKeys() {
  static const std::vector<Key<Config>> keys = MakeTopKeys();
  return keys;
}

const std::vector<Key<PoolConfig>>& PoolKeys() {
  static const std::vector<Key<PoolConfig>> keys = MakePoolKeys();
  return keys;
}

const std::vector<Key<ListenConfig>>& ListenKeys() {
  static const std::vector<Key<ListenConfig>> keys = MakeListenKeys();
  return keys;
}

const std::vector<Key<ServiceConfig>>& ServiceKeys() {
  static const std::vector<Key<ServiceConfig>> keys = MakeServiceKeys();
  return keys;
}

const Setting* FindSetting(const std::vector<Setting>& settings, std::string_view name) {
  const auto found =
      std::find_if(settings.begin(), settings.end(), [&](const Setting& each) { return each.name == name; });
  return found == settings.end() ? nullptr : &*found;
}

}  // namespace preforkd
