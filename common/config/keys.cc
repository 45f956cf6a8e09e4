#include "common/config/keys.h"

#include <sys/un.h>

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <utility>

#include "common/config/member_value.h"
#include "common/net/network.h"

// The name of a key, and how to reach its member. Both have the same words, so that the file reads like the
// struct.
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

// sun_path holds the path of a Unix socket and a NUL.
Setting SocketFile() { return Text("0", std::to_string(sizeof(sockaddr_un::sun_path) - 1)); }

// For a user or a group; useradd(8) allows far less.
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

// ---- the keys; first those that the main pool has at the top level, and other pools in their own section
// ----

template <typename Section>
void AddSize(Table<Section>& table) {
  table.Add(
      KEY(workers), Auto("256"), "worker processes; auto: one per usable CPU",
      "Usable CPUs are those of the affinity mask, at most the CPU quota of the control groups rounded up.");
  table.Add(KEY(workers_max), Auto("512"),
            "workers, extras included, while all are blocked; auto: four times workers",
            "If it equals workers, no extras are started.");
  table.Add(KEY(user), Account(), "user of the workers when started as root; empty: no change",
            "If it is empty, workers stay root, without root's capabilities, and a log line reports it.");
  table.Add(KEY(group), Account(), "group of the workers when started as root; empty: the user's own");
}

template <typename Section>
void AddWorker(Table<Section>& table) {
  table.Add(KEY(worker.chroot), Text(), "root folder of the workers when started as root; empty: none",
            "Every folder that a service serves must be inside.");
  table.Add(KEY(worker.seccomp), Choice({"on", "log", "off"}),
            "system-call filter: on (refuse and log other calls), log (allow and log) or off",
            "on: they fail with EPERM. log: they are allowed, and the kernel's audit log names them. off: no "
            "filter.");
  table.Add(
      KEY(worker.environment), {.kind = SettingKind::kVariables},
      "environment variables that a worker keeps; LC_* means all with this prefix",
      "Names separated by commas; their values are those the server was started with. Others are removed, "
      "from /proc/PID/environ too.");
  table.Add(
      KEY(worker.dumpable), Flag(), "a worker may dump core, and its user may debug it",
      "The same applies to the master, unless it is root. With TLS neither the master nor a gate ever does: "
      "they hold keys; those of the clients of a worker are not in its core.");
  table.Add(KEY(worker.max_files), Number("0", "1048576"),
            "file descriptor limit of a worker, at least 64; 0: the master's limit");
  table.Add(KEY(worker.max_core), Size(), "maximum size of a core, if dumpable; 0: as inherited");
  table.Add(KEY(worker.max_address_space), Size(),
            "address space limit of a worker, at least 128MiB; 0: as inherited");
}

template <typename Section>
void AddSupervision(Table<Section>& table) {
  table.Add(KEY(supervision.start_timeout), Span("10ms", "1h"),
            "time from fork to ready; a worker that takes longer is killed");
  table.Add(KEY(supervision.hang_timeout), Span("100ms", "24h"),
            "a worker without a heartbeat for this time is killed and replaced",
            "It gets SIGABRT, then SIGKILL.");
  table.Add(KEY(supervision.backoff_min), Span("1ms", "1h"),
            "pause before a worker that ended before it served is restarted");
  table.Add(KEY(supervision.backoff_max), Span("1ms", "1h"),
            "the pause doubles with each failure, up to this");
  table.Add(KEY(supervision.drain_timeout), Span("0", "24h"),
            "time for a retiring worker to finish its connections",
            "stop_delay plus this is the longest graceful stop.");
  table.Add(KEY(supervision.max_requests), Number("0", "1000000000000"),
            "replace a worker after this many requests; 0: never",
            "Varies by a tenth from worker to worker, so that not all are replaced at once.");
  table.Add(KEY(supervision.max_memory), Size(), "replace a worker that uses more memory; 0: never");
  table.Add(KEY(supervision.max_lifetime), Span("0", "8760h"), "replace a worker that is older; 0: never",
            "Varies by a tenth from worker to worker, so that not all are replaced at once.");
}

void AddDispatch(Table<Config>& table) {
  table.Add(KEY(dispatch.policy), Choice({"least-connections", "round-robin", "client-hash"}),
            "how a worker is chosen: least-connections, round-robin or client-hash",
            "With client-hash a client always goes to the same worker; behind a proxy every client has the "
            "proxy's address. Clients of a Unix socket have no address, and go to the least loaded worker.");
  table.Add(KEY(dispatch.max_connections), Number("1", "1000000"),
            "maximum of open connections in one worker");
  table.Add(KEY(dispatch.max_queue), Number("1", "256"),
            "maximum of connections handed over to a worker and not yet taken");
  table.Add(KEY(dispatch.reclaim_after), Span("0", "1h"),
            "a connection not taken in this time goes to another worker; 0: never");
  table.Add(KEY(dispatch.gather), Number("0", "256"),
            "connections that a fast worker gets before another is woken; 0: off",
            "With least-connections and more workers than CPUs, while callbacks take 0.1 "
            "ms or less on average, as many workers as there are CPUs get this many "
            "connections each before another one is woken. With 0 each goes to the least loaded.");
}

// As a list, or in one text.
Setting Networks() {
  return {.kind = SettingKind::kTexts, .check = [](const std::string& text) {
            for (const std::string& word : SplitWords(text))
              if (const Result<Network> network = ParseNetwork(word); !network.Ok())
                return Status(network.Err());
            return Status();
          }};
}

void AddLimits(Table<Config>& table) {
  table.Add(
      KEY(limits.connections), Number("0", "1000000"),
      "connections of one client address at once, in all workers; 0: any number",
      "An IPv6 client counts by its /64, behind the PROXY protocol the client in the header counts, and "
      "clients of a Unix socket do not. What is beyond gets 429 over plain HTTP, else a reset.");
  table.Add(KEY(limits.connection_rate), Number("0", "100000"),
            "new connections of one client address a second; 0: any number",
            "Twice as many may come at once.");
  table.Add(KEY(limits.handshake_rate), Number("0", "100000"),
            "TLS handshakes of one client address a second; 0: any number",
            "Twice as many may come at once. What is beyond is reset before its handshake.");
  table.Add(KEY(limits.exempt), Networks(), "networks without these bounds and without request_rate",
            "Addresses and prefixes: [\"192.0.2.7\", \"10.0.0.0/8\", \"2001:db8::/32\"]. For what stands for "
            "many clients, such as a load balancer without the PROXY protocol. One text with commas between "
            "them means the same.");
}

// The word lists are those of tls_config.h, so that the bits mean the same.
template <std::size_t kSize>
Setting AnyOf(const char* const (&words)[kSize]) {
  return {.kind = SettingKind::kChoices, .words = {std::begin(words), std::end(words)}};
}

void AddTls(Table<Config>& table) {
  table.Add(KEY(tls.min_version), Choice({"1.2", "1.3"}), "oldest version of TLS that clients may use",
            "TLS 1.0 and 1.1 are not spoken at all (RFC 8996).");
  table.Add(
      KEY(tls.ciphers), AnyOf(kCipherWords), "any of aes-128-gcm, aes-256-gcm, chacha20-poly1305",
      "Separated by commas. With TLS 1.2 the key exchange is always ECDHE, and the first that the "
      "client has too is used, unless it names ChaCha20 first. With TLS 1.3 the client's order counts.");
  table.Add(KEY(tls.curves), AnyOf(kCurveWords), "key exchange: any of x25519, secp256r1, secp384r1",
            "Separated by commas. With TLS 1.2 a certificate with an EC key needs its own curve among them.");
  table.Add(KEY(tls.client_certificates), Choice({"off", "optional", "required"}),
            "certificates of clients: off, optional or required",
            "optional: a client without one is served; one with a certificate that tls.client_ca has not "
            "signed is not.");
  table.Add(KEY(tls.client_ca), Text(), "PEM file of the authorities that sign clients' certificates");
  table.Add(KEY(tls.handshake_timeout), Span("100ms", "10m"),
            "time from accept to the end of the TLS handshake");
  table.Add(KEY(tls.ticket_lifetime), Span("0", "168h"),
            "how long a client may resume a session with a ticket; 0: no tickets",
            "The key of tickets is made by the master, and changes every week.");
}

void AddLog(Table<Config>& table) {
  std::vector<std::string> levels;
  for (const log::Level level : {log::Level::kDebug, log::Level::kInfo, log::Level::kNotice,
                                 log::Level::kWarning, log::Level::kError, log::Level::kAlert}) {
    levels.emplace_back(log::LevelName(level));
  }
  table.Add(KEY(log.level), Choice(std::move(levels)), "debug, info, notice, warning, error or alert",
            "Level alert always means a bug of the program.");
  table.Add(KEY(log.format), Choice({"text", "json"}), "text, or json: one object a line");
  table.Add(KEY(log.file), Text("1"), "a path, stderr, syslog or syslog:FACILITY",
            "syslog alone means facility daemon; another is written as in syslog:local0.");
  table.Add(KEY(log.syslog_socket), SocketFile(), "socket of the syslog daemon");
  table.Add(KEY(log.access), Text("1"), "access log, one line for each response: a path, stderr, or off");
  table.Add(KEY(log.access_format), Choice({"combined", "json"}), "combined, or json: one object a line");
}

std::vector<Key<Config>> MakeTopKeys() {
  Table<Config> table;
  AddSize(table);
  table.Add(KEY(control), SocketFile(), "socket for preforkctl; empty: none");
  table.Add(KEY(pid_file), Text(),
            "pid file, written when the server serves, locked while it runs; empty: none",
            "A change takes effect at a reload.");
  table.Add(KEY(scheduling), Choice({"batch", "normal"}), "batch or normal, see sched(7)",
            "batch: a process that wakes another is not preempted by it. Beside a pool of gates, services' "
            "workers run as normal: they preempt handshakes.");
  AddWorker(table);
  AddDispatch(table);
  table.Add(KEY(parking.after), Span("0", "1h"),
            "idle time before a connection returns to the master; 0: only when its worker retires");
  table.Add(
      KEY(parking.max_after), Span("0", "60s"),
      "the same at most for a client that is expected to speak again soon; 0: never longer",
      "A client that asks every 400 ms would travel twice for each request. After its first journey "
      "it stays for twice its silence, and a new client for four times parking.after while most new "
      "ones speak again; both no longer than this, and at most 32 ms more, since connections are parked "
      "together. A crash of its worker then costs it its connection, where before it was in the "
      "master.");
  table.Add(KEY(parking.max), Number("0", "10000000"), "maximum of idle connections that the master holds",
            "The master's file descriptor limit is another bound.");
  AddLimits(table);
  AddSupervision(table);
  table.Add(KEY(supervision.stop_delay), Span("0", "24h"),
            "how long new connections are still accepted after a stop command; 0: not at all",
            "During this time /readyz answers 503 and each HTTP response has Connection: close, so "
            "that a load balancer sends its clients elsewhere before connections are refused. Set it longer "
            "than the "
            "balancer needs to notice (HAProxy: inter times fall), or 0 if nothing checks /readyz.");
  AddTls(table);
  AddLog(table);
  return table.Take();
}

std::vector<Key<PoolConfig>> MakePoolKeys() {
  Table<PoolConfig> table;
  AddSize(table);
  AddWorker(table);
  AddSupervision(table);
  table.Add(
      KEY(kind), Choice({"services", "tls"}), "services, or tls: it makes all TLS handshakes",
      "tls: its workers, the gates, are the only processes that read private keys. They serve nothing, "
      "so no service may be in this pool, and one such pool is enough. If a listener has tls = true and "
      "no pool is of this kind, one of two workers is made; its name is gates.");
  std::vector<Key<PoolConfig>> keys = table.Take();
  keys.back().top.clear();
  return keys;
}

std::vector<Key<ListenConfig>> MakeListenKeys() {
  Table<ListenConfig> table;
  table.Add(
      KEY(address), {.kind = SettingKind::kAddress}, "IP:PORT, :PORT, unix:PATH or systemd:NAME",
      "127.0.0.1:80, [::1]:80, :80 (all addresses, both families), unix:/path, unix:@abstract, or "
      "systemd:NAME, the sockets that a service manager passes under that FileDescriptorName=. With port 0 "
      "the kernel chooses one, and the log shows it.");
  table.Add(KEY(service), Text("1"), "the NAME of a [service.NAME]");
  table.Add(KEY(backlog), Number("1", "65535"), "listen(2) backlog; the kernel caps it at net.core.somaxconn",
            "Sockets passed by a service manager keep their own.");
  table.Add(KEY(defer_accept), Flag(), "TCP_DEFER_ACCEPT; unset: on if the service's client speaks first",
            "See tcp(7).");
  table.Add(KEY(proxy_protocol), Flag(), "require a PROXY protocol header, v1 or v2",
            "The address in the header is the client's, in logs and for services.");
  table.Add(KEY(tls), Flag(), "clients speak TLS, with one of [[tls.certificate]]",
            "Behind the PROXY protocol header, if there is one.");
  table.Add(
      KEY(mode), {.kind = SettingKind::kMode}, "mode of a unix: socket's file, octal; unset: 0666",
      "The umask has no effect. A process may connect if it may write to the file. A reload can change it.");
  table.Add(KEY(user), Account(), "owner of that file; empty: the master's user",
            "Only root may set another user.");
  table.Add(KEY(group), Account(), "group of that file; empty: the master's, or the folder's");
  return table.Take();
}

std::vector<Key<CertificateConfig>> MakeCertificateKeys() {
  Table<CertificateConfig> table;
  table.Add(KEY(chain), Text("1"), "PEM file: the server's certificate, then those of its issuers",
            "It is used for the names in that certificate. The first [[tls.certificate]] is also for clients "
            "that send another name or none.");
  table.Add(KEY(key), Text("1"), "PEM file: the private key of that certificate, not encrypted",
            "The master opens it, and only gates read it: root may own it.");
  table.Add(KEY(ocsp), Text(), "DER file: an OCSP response that is sent along; empty: none");
  return table.Take();
}

std::vector<Key<ServiceConfig>> MakeServiceKeys() {
  Table<ServiceConfig> table;
  table.Add(KEY(type), Text("1"), "service type: one of the types that the program has");
  table.Add(KEY(pool), Text("1"), "the pool that serves it: the NAME of a [pool.NAME], or main");
  table.Add(KEY(system_calls), AnyCallSets(),
            "system calls it needs: any of network, files, processes, threads, code",
            "What the service may do beyond what every worker may, separated by commas: network (its "
            "own sockets, outgoing connections), files (write, create, remove), processes (fork, "
            "exec, signals), threads, code (executable memory).");
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

const std::vector<Key<CertificateConfig>>& CertificateKeys() {
  static const std::vector<Key<CertificateConfig>> keys = MakeCertificateKeys();
  return keys;
}

const std::vector<Key<ServiceConfig>>& ServiceKeys() {
  static const std::vector<Key<ServiceConfig>> keys = MakeServiceKeys();
  return keys;
}

const Setting* FindSetting(const std::vector<Setting>& settings, std::string_view name) {
  const auto found = std::find_if(settings.rbegin(), settings.rend(),
                                  [&](const Setting& each) { return each.name == name; });
  return found == settings.rend() ? nullptr : &*found;
}

}  // namespace preforkd
