#include "common/config/schema.h"

#include <sys/un.h>

#include <type_traits>
#include <utility>

#include "common/config/key_types.h"

// How to reach a member, for reading and for writing: one lambda serves both.
#define MEMBER(path)           \
  [](auto& section) -> auto& { \
    return section.path;       \
  }

namespace preforkd {
namespace {

using std::chrono::hours;

constexpr std::uint64_t kManyRequests = 1'000'000'000'000;
constexpr std::uint64_t kHugeSize = std::uint64_t{16} << 40;
constexpr hours kDay(24);
constexpr hours kYear(24 * 365);
constexpr milliseconds kShortest(10);  // a shorter timeout than this fails everything on a busy machine

template <typename Section, typename Type, typename Member>
Key<Section> MakeKey(std::string name, Type type, Member member, std::string doc, std::string only_for = {}) {
  Key<Section> key;
  key.name = std::move(name);
  key.only_for = std::move(only_for);
  key.doc = std::move(doc);
  key.read = [type, member](const Value& value, Section& section) -> Status {
    auto result = type.Read(value);
    if (!result.Ok()) return result.Err();
    auto& target = member(section);
    target = static_cast<std::remove_reference_t<decltype(target)>>(std::move(result).Value());
    return {};
  };
  key.print = [type, member](const Section& section) {
    return type.Print(static_cast<typename Type::Held>(member(section)));
  };
  return key;
}

template <typename Type, typename Member>
Key<Config> Top(std::string name, Type type, Member member, std::string doc) {
  return MakeKey<Config>(std::move(name), std::move(type), member, std::move(doc));
}

template <typename Type, typename Member>
Key<ListenConfig> Listen(std::string name, Type type, Member member, std::string doc) {
  return MakeKey<ListenConfig>(std::move(name), std::move(type), member, std::move(doc));
}

template <typename Type, typename Member>
Key<ServiceConfig> Http(std::string name, Type type, Member member, std::string doc) {
  return MakeKey<ServiceConfig>(std::move(name), std::move(type), member, std::move(doc), "http");
}

ChoiceType<Scheduling> SchedulingType() {
  return {{{"batch", Scheduling::kBatch}, {"normal", Scheduling::kNormal}}};
}

ChoiceType<DispatchPolicy> PolicyType() {
  return {{{"least-connections", DispatchPolicy::kLeastConnections},
           {"round-robin", DispatchPolicy::kRoundRobin},
           {"client-hash", DispatchPolicy::kClientHash}}};
}

ChoiceType<log::Level> LevelType() {
  ChoiceType<log::Level> type;
  for (const log::Level level : {log::Level::kDebug, log::Level::kInfo, log::Level::kNotice,
                                 log::Level::kWarning, log::Level::kError, log::Level::kAlert}) {
    type.choices.emplace_back(log::LevelName(level), level);
  }
  return type;
}

ChoiceType<log::Format> FormatType() {
  return {{{"text", log::Format::kText}, {"json", log::Format::kJson}}};
}

ChoiceType<AccessFormat> AccessFormatType() {
  return {{{"combined", AccessFormat::kCombined}, {"json", AccessFormat::kJson}}};
}

ChoiceType<CallFilter> CallFilterType() {
  return {{{"on", CallFilter::kOn}, {"log", CallFilter::kLog}, {"off", CallFilter::kOff}}};
}

using Number = NumberType;
using Span = DurationType;
using Size = SizeType;
using String = StringType;

// The path of a Unix socket ends with a NUL inside sun_path.
constexpr String kSocketPath{0, sizeof(sockaddr_un::sun_path) - 1};
// Of a user or a group: what useradd(8) allows is far shorter.
constexpr String kAccount{0, 255};
constexpr String kPath{};
constexpr String kNonEmptyPath{1};

}  // namespace

const std::vector<Key<Config>>& ConfigKeys() {
  static const std::vector<Key<Config>> keys = {
      Top("workers", Number{1, 256, true}, MEMBER(workers), "auto: one per usable CPU"),
      Top("workers_max", Number{1, 512, true}, MEMBER(workers_max),
          "extras while every worker is blocked; auto: four times workers"),
      Top("user", kAccount, MEMBER(user), "workers' identity when started as root; empty: no change"),
      Top("group", kAccount, MEMBER(group), "empty: the user's own"),
      Top("control", kSocketPath, MEMBER(control), "socket of preforkctl; empty: none"),
      Top("pid_file", kPath, MEMBER(pid_file), "empty: none"),
      Top("scheduling", SchedulingType(), MEMBER(scheduling), "batch or normal, see sched(7)"),

      Top("worker.chroot", kPath, MEMBER(worker.chroot), "a folder, the workers' root; empty: none"),
      Top("worker.seccomp", CallFilterType(), MEMBER(worker.seccomp),
          "system calls that no service needs: on refuses and says so, log allows, off"),
      Top("worker.environment", VariablesType{}, MEMBER(worker.environment),
          "variables that a worker keeps; LC_* is all that begin so"),
      Top("worker.dumpable", BooleanType{}, MEMBER(worker.dumpable), "leaves a core; its user may debug it"),
      Top("worker.max_files", Number{0, 1'048'576}, MEMBER(worker.max_files),
          "descriptors; 0: as many as the master"),
      Top("worker.max_core", Size{0, kHugeSize}, MEMBER(worker.max_core),
          "of a core, if it is dumpable; 0: as inherited"),
      Top("worker.max_address_space", Size{0, kHugeSize}, MEMBER(worker.max_address_space),
          "where allocating fails; 0: as inherited"),

      Top("dispatch.policy", PolicyType(), MEMBER(dispatch.policy),
          "least-connections, round-robin or client-hash"),
      Top("dispatch.max_connections", Number{1, 1'000'000}, MEMBER(dispatch.max_connections),
          "live in one worker"),
      Top("dispatch.max_queue", Number{1, 256}, MEMBER(dispatch.max_queue),
          "handed over and not yet taken, per slot"),
      Top("dispatch.reclaim_after", Span{{}, hours(1)}, MEMBER(dispatch.reclaim_after),
          "untaken for so long: another worker gets it; 0: never"),
      Top("dispatch.gather", Number{0, 256}, MEMBER(dispatch.gather),
          "that a brisk worker gets before another is woken; 0: none"),

      Top("parking.after", Span{{}, hours(1)}, MEMBER(parking.after),
          "idle time before a connection is handed back; 0: only when retiring"),
      Top("parking.max", Number{0, 10'000'000}, MEMBER(parking.max),
          "connections; bounded by the file descriptor limit too"),

      Top("supervision.start_timeout", Span{kShortest, hours(1)}, MEMBER(supervision.start_timeout),
          "from fork to ready"),
      Top("supervision.hang_timeout", Span{milliseconds(100), kDay}, MEMBER(supervision.hang_timeout),
          "without a heartbeat: killed and replaced"),
      Top("supervision.backoff_min", Span{milliseconds(1), hours(1)}, MEMBER(supervision.backoff_min),
          "pause before the first restart"),
      Top("supervision.backoff_max", Span{milliseconds(1), hours(1)}, MEMBER(supervision.backoff_max),
          "pause that doubling ends at"),
      Top("supervision.stop_delay", Span{{}, kDay}, MEMBER(supervision.stop_delay),
          "told to stop, still taking new connections; 0: none"),
      Top("supervision.drain_timeout", Span{{}, kDay}, MEMBER(supervision.drain_timeout),
          "a graceful stop takes no longer"),
      Top("supervision.max_requests", Number{0, kManyRequests}, MEMBER(supervision.max_requests),
          "recycle a worker after so many; 0: never"),
      Top("supervision.max_memory", Size{0, kHugeSize}, MEMBER(supervision.max_memory),
          "recycle a worker larger than this; 0: never"),
      Top("supervision.max_lifetime", Span{{}, kYear}, MEMBER(supervision.max_lifetime),
          "recycle a worker older than this; 0: never"),

      Top("log.level", LevelType(), MEMBER(log.level), "debug, info, notice, warning, error or alert"),
      Top("log.format", FormatType(), MEMBER(log.format), "text or json"),
      Top("log.file", kNonEmptyPath, MEMBER(log.file), "a path, stderr, syslog or syslog:FACILITY"),
      Top("log.syslog_socket", kSocketPath, MEMBER(log.syslog_socket), "where syslog listens"),
      Top("log.access", kNonEmptyPath, MEMBER(log.access), "a path, stderr, or off"),
      Top("log.access_format", AccessFormatType(), MEMBER(log.access_format), "combined or json"),
  };
  return keys;
}

const std::vector<Key<ListenConfig>>& ListenKeys() {
  static const std::vector<Key<ListenConfig>> keys = {
      Listen("address", AddressType{}, MEMBER(address), "IP:PORT, :PORT, unix:PATH or systemd:NAME"),
      Listen("service", kNonEmptyPath, MEMBER(service), "the NAME of a [service.NAME]"),
      Listen("backlog", Number{1, 65535}, MEMBER(backlog), "the kernel caps it at net.core.somaxconn"),
      Listen("defer_accept", BooleanType{}, MEMBER(defer_accept),
             "unset: on where the service's client speaks first"),
      Listen("proxy_protocol", BooleanType{}, MEMBER(proxy_protocol),
             "accept PROXY v1 and v2, and require it"),
      Listen("mode", ModeType{}, MEMBER(mode), "of a unix: socket's file, octal; unset: 0666"),
      Listen("user", kAccount, MEMBER(user), "that owns this file; empty: the master's"),
      Listen("group", kAccount, MEMBER(group), "of this file; empty: the master's"),
  };
  return keys;
}

const std::vector<Key<ServiceConfig>>& ServiceKeys() {
  static const std::vector<Key<ServiceConfig>> keys = {
      MakeKey<ServiceConfig>("type", kNonEmptyPath, MEMBER(type),
                             "http, echo, status, or what the program registers"),
      MakeKey<ServiceConfig>("system_calls", CallSetsType{}, MEMBER(system_calls),
                             "any of network, files, processes, threads, code"),
      Http("root", kPath, MEMBER(root), "a folder; empty: the built-in welcome page"),
      Http("index", kNonEmptyPath, MEMBER(index), "file served for a folder"),
      Http("header_timeout", Span{kShortest, hours(1)}, MEMBER(header_timeout),
           "for a header; min_rate lengthens it, up to twice"),
      Http("keepalive_timeout", Span{kShortest, kDay}, MEMBER(keepalive_timeout), "between requests"),
      Http("body_timeout", Span{kShortest, hours(1)}, MEMBER(body_timeout),
           "below min_rate while a request body is received"),
      Http("max_body_time", Span{{}, kDay}, MEMBER(max_body_time), "for a whole request body; 0: no limit"),
      Http("send_timeout", Span{kShortest, hours(1)}, MEMBER(send_timeout),
           "below min_rate while a response is sent"),
      Http("min_rate", Size{0, 1024 * 1024 * 1024}, MEMBER(min_rate),
           "bytes a second that a client must send or take; 0: any"),
      Http("max_header", Size{128, 1024 * 1024}, MEMBER(max_header), "request line and fields together"),
      Http("max_headers", Number{1, 10'000}, MEMBER(max_headers), "fields"),
      Http("max_body", Size{0, kHugeSize}, MEMBER(max_body), "request body"),
      Http("max_requests", Number{0, kManyRequests}, MEMBER(max_requests), "per connection; 0: no limit"),
      MakeKey<ServiceConfig>("idle_timeout", Span{{}, kDay}, MEMBER(idle_timeout), "0: never", "echo"),
  };
  return keys;
}

bool IsBuiltInServiceType(std::string_view type) {
  return type == "http" || type == "echo" || type == "status";
}

bool AppliesTo(const Key<ServiceConfig>& key, std::string_view type) {
  return key.only_for.empty() || key.only_for == type || !IsBuiltInServiceType(type);
}

}  // namespace preforkd
