#include "common/config/keys.h"

#include <sys/un.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "common/config/member_value.h"

// The name of a key, and how to reach its member: the same words, so that the file reads like the struct.
#define KEY(path) \
#path, [](auto& section) -> auto& { return section.path; }

namespace preforkd {
namespace {

template <typename Section>
class Table {
 public:
  template <typename Member>
  void Add(std::string path, Member member, Setting setting, std::string doc, std::string more = {}) {
    setting.name = std::move(path);
    setting.doc = std::move(doc);
    setting.more = std::move(more);
    Key<Section> key;
    if (std::is_same_v<Section, PoolConfig>) {
      key.top = setting.name;
      setting.name.erase(0, setting.name.rfind('.') + 1);
    }
    key.setting = std::move(setting);
    key.set = [member](const SettingValue& value, Section& section) { Assign(member(section), value); };
    key.get = [member](const Section& section) { return ValueOf(member(section)); };
    keys_.push_back(std::move(key));
  }

  [[nodiscard]] std::vector<Key<Section>> Take() { return std::move(keys_); }

 private:
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

Setting Size() { return {.kind = SettingKind::kSize, .min = "0", .max = "16TiB"}; }

Setting Span(std::string min, std::string max) {
  return {.kind = SettingKind::kDuration, .min = std::move(min), .max = std::move(max)};
}

Setting Text(std::string min = "0", std::string max = "4095") {
  return {.kind = SettingKind::kText, .min = std::move(min), .max = std::move(max)};
}

// The path of a Unix socket ends with a NUL inside sun_path.
Setting SocketFile() { return Text("0", std::to_string(sizeof(sockaddr_un::sun_path) - 1)); }

// Of a user or a group: what useradd(8) allows is far shorter.
Setting Account() { return Text("0", "255"); }

Setting Flag() { return {.kind = SettingKind::kFlag}; }

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
      KEY(workers), Auto("256"), "worker processes; auto: one per usable CPU",
      "Usable are those of the affinity mask, no more than the CPU quota of the control groups rounded up.");
  table.Add(KEY(workers_max), Auto("512"), "extras while every worker is blocked; auto: four times workers",
            "Counts the others too: equal to workers means no extras.");
  table.Add(KEY(user), Account(), "workers' identity when started as root; empty: no change",
            "Where it is empty, root's workers stay root, without its capabilities, and the log says so.");
  table.Add(KEY(group), Account(), "workers' group when started as root; empty: the user's own");
}

template <typename Section>
void AddWorker(Table<Section>& table) {
  table.Add(KEY(worker.chroot), Text(), "a folder, the workers' root when started as root; empty: none",
            "Every folder that a service serves must be inside.");
  table.Add(KEY(worker.seccomp), Choice({"on", "log", "off"}),
            "system calls that no service needs: on refuses and logs them, log allows, off",
            "on: they fail with EPERM. log: they are allowed, and the kernel's audit log names them. off: no "
            "filter.");
  table.Add(KEY(worker.environment), {.kind = SettingKind::kVariables},
            "variables that a worker keeps; LC_* is all that begin so",
            "Of the environment that the server was started with, with commas between. The others are gone, "
            "for /proc/PID/environ too.");
  table.Add(KEY(worker.dumpable), Flag(), "a worker may leave a core, and its user may debug it",
            "The same holds for the master, unless it is root.");
  table.Add(KEY(worker.max_files), Number("0", "1048576"),
            "descriptors of a worker, 64 at least; 0: as many as the master");
  table.Add(KEY(worker.max_core), Size(), "size of a core, if dumpable; 0: as inherited");
  table.Add(KEY(worker.max_address_space), Size(),
            "where allocating memory fails, 128MiB at least; 0: as inherited");
}

template <typename Section>
void AddSupervision(Table<Section>& table) {
  table.Add(KEY(supervision.start_timeout), Span("10ms", "1h"),
            "from fork to ready; a worker that is slower is killed");
  table.Add(KEY(supervision.hang_timeout), Span("100ms", "24h"), "without a heartbeat: killed and replaced",
            "A worker whose loop has not turned for so long gets SIGABRT, then SIGKILL.");
  table.Add(KEY(supervision.backoff_min), Span("1ms", "1h"),
            "pause before a worker that died before it was of use is restarted");
  table.Add(KEY(supervision.backoff_max), Span("1ms", "1h"), "where doubling that pause ends");
  table.Add(KEY(supervision.drain_timeout), Span("0", "24h"), "what a worker that leaves has to finish in",
            "With stop_delay in front of it, the longest graceful stop.");
  table.Add(KEY(supervision.max_requests), Number("0", "1000000000000"),
            "replace a worker after so many; 0: never",
            "Give or take a tenth, so that not all leave at once.");
  table.Add(KEY(supervision.max_memory), Size(), "replace a worker that is larger; 0: never");
  table.Add(KEY(supervision.max_lifetime), Span("0", "8760h"), "replace a worker that is older; 0: never",
            "Give or take a tenth, so that not all leave at once.");
}

void AddDispatch(Table<Config>& table) {
  table.Add(KEY(dispatch.policy), Choice({"least-connections", "round-robin", "client-hash"}),
            "which worker gets a connection: least-connections, round-robin or client-hash",
            "With client-hash the same client goes to the same worker; behind a proxy every client is the "
            "proxy. Clients of a Unix socket have no address, and go where the fewest connections are.");
  table.Add(KEY(dispatch.max_connections), Number("1", "1000000"), "live in one worker");
  table.Add(KEY(dispatch.max_queue), Number("1", "256"), "handed over to a worker and not yet taken by it");
  table.Add(KEY(dispatch.reclaim_after), Span("0", "1h"),
            "not taken by then: another worker gets it; 0: never");
  table.Add(KEY(dispatch.gather), Number("0", "256"),
            "connections that a brisk worker gets before another is woken; 0: none",
            "With least-connections and more workers than CPUs, while a callback takes a tenth of a "
            "millisecond or less on average: the first workers, as many as there are CPUs, get so many "
            "connections each before another one is woken. With 0 each goes to the least loaded.");
}

void AddLog(Table<Config>& table) {
  std::vector<std::string> levels;
  for (const log::Level level : {log::Level::kDebug, log::Level::kInfo, log::Level::kNotice,
                                 log::Level::kWarning, log::Level::kError, log::Level::kAlert}) {
    levels.emplace_back(log::LevelName(level));
  }
  table.Add(KEY(log.level), Choice(std::move(levels)), "debug, info, notice, warning, error or alert",
            "alert means a bug of the program, nothing else.");
  table.Add(KEY(log.format), Choice({"text", "json"}), "text, or json: one object a line");
  table.Add(KEY(log.file), Text("1"), "a path, stderr, syslog or syslog:FACILITY",
            "syslog alone is the facility daemon; another is named as in syslog:local0.");
  table.Add(KEY(log.syslog_socket), SocketFile(), "where syslog listens");
  table.Add(KEY(log.access), Text("1"), "one line for each answer: a path, stderr, or off");
  table.Add(KEY(log.access_format), Choice({"combined", "json"}), "combined, or json: one object a line");
}

std::vector<Key<Config>> MakeTopKeys() {
  Table<Config> table;
  AddSize(table);
  table.Add(KEY(control), SocketFile(), "socket of preforkctl; empty: none");
  table.Add(KEY(pid_file), Text(), "written when the server serves, locked while it lives; empty: none",
            "Another one takes effect at a reload.");
  table.Add(KEY(scheduling), Choice({"batch", "normal"}), "batch or normal, see sched(7)",
            "batch: a process that wakes another is not preempted by it.");
  AddWorker(table);
  AddDispatch(table);
  table.Add(KEY(parking.after), Span("0", "1h"),
            "idle time before a connection goes back to the master; 0: only when its worker leaves");
  table.Add(KEY(parking.max), Number("0", "10000000"), "idle connections that the master holds",
            "Its descriptor limit bounds them too.");
  AddSupervision(table);
  table.Add(KEY(supervision.stop_delay), Span("0", "24h"),
            "told to stop, still taking new connections; 0: none",
            "From the first moment on /readyz answers 503 and each HTTP answer says Connection: close, so "
            "that a load balancer has sent its clients elsewhere before anything is refused. Longer than the "
            "balancer needs to notice (with HAProxy, inter times fall), and 0 where nobody asks.");
  AddLog(table);
  return table.Take();
}

std::vector<Key<PoolConfig>> MakePoolKeys() {
  Table<PoolConfig> table;
  AddSize(table);
  AddWorker(table);
  AddSupervision(table);
  table.Add(KEY(kind), Choice({"services", "tls"}), "services; tls is for later");
  std::vector<Key<PoolConfig>> keys = table.Take();
  keys.back().top.clear();
  return keys;
}

std::vector<Key<ListenConfig>> MakeListenKeys() {
  Table<ListenConfig> table;
  table.Add(KEY(address), {.kind = SettingKind::kAddress}, "IP:PORT, :PORT, unix:PATH or systemd:NAME",
            "127.0.0.1:80, [::1]:80, :80 (all addresses, both families), unix:/path, unix:@abstract, or "
            "systemd:NAME, the sockets that a service manager passes under that FileDescriptorName=. Port 0: "
            "the log says which it became.");
  table.Add(KEY(service), Text("1"), "the NAME of a [service.NAME]");
  table.Add(KEY(backlog), Number("1", "65535"), "the kernel caps it at net.core.somaxconn",
            "Sockets of a service manager keep their own.");
  table.Add(KEY(defer_accept), Flag(), "unset: on where the service's client speaks first",
            "TCP_DEFER_ACCEPT, see tcp(7).");
  table.Add(KEY(proxy_protocol), Flag(), "accept PROXY v1 and v2, and require it",
            "The client is who its header names, in logs and for services.");
  table.Add(KEY(mode), {.kind = SettingKind::kMode}, "of a unix: socket's file, octal; unset: 0666",
            "Whatever the umask: who may write to the file may connect. A reload changes it.");
  table.Add(KEY(user), Account(), "who owns that file; empty: the master",
            "Only root may give it to another user.");
  table.Add(KEY(group), Account(), "group of that file; empty: the master's, or the folder's");
  return table.Take();
}

std::vector<Key<ServiceConfig>> MakeServiceKeys() {
  Table<ServiceConfig> table;
  table.Add(KEY(type), Text("1"), "what it does: one of the types that the program has");
  table.Add(KEY(pool), Text("1"), "the workers that serve it: the NAME of a [pool.NAME], or main");
  table.Add(KEY(system_calls), AnyCallSets(), "any of network, files, processes, threads, code",
            "What the service may do beyond what every worker may, with commas between: network (sockets of "
            "its own, connections that it makes), files (writing, creating, removing), processes (fork, "
            "exec, signals), threads, code (memory that can be executed).");
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
