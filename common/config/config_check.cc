#include "common/config/config_check.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "common/base/accounts.h"
#include "common/base/quote.h"
#include "common/base/sys_error.h"
#include "common/base/syslog_name.h"
#include "common/config/chroot_path.h"
#include "common/config/key_types.h"
#include "common/config/nearest.h"
#include "common/config/units.h"

namespace preforkd {
namespace {

void CheckWorkers(Draft& draft) {
  const Config& config = draft.config();
  if (config.workers == 0 || config.workers_max == 0 || config.workers_max >= config.workers) return;
  draft.problems().Add(
      draft.OriginOf("workers_max", "workers"),
      fmt::format("workers_max: {} is less than workers = {}; write at least that, or \"auto\"",
                  config.workers_max, config.workers));
}

void CheckBackoff(Draft& draft) {
  const SupervisionConfig& supervision = draft.config().supervision;
  if (supervision.backoff_min <= supervision.backoff_max) return;
  const std::string min = "supervision.backoff_min";
  const std::string max = "supervision.backoff_max";
  if (!draft.IsSound(min) || !draft.IsSound(max)) return;
  draft.problems().Add(
      draft.OriginOf(min, max),
      fmt::format("{}: {} is more than backoff_max = {}; write at most that", min,
                  FormatDuration(supervision.backoff_min), FormatDuration(supervision.backoff_max)));
}

// Reported once, at the first that is too many.
void CheckNumbers(Draft& draft) {
  const Config& config = draft.config();
  if (config.listen.size() > kMaxListeners) {
    draft.problems().Add(draft.OriginOf(Draft::ListenerKey(kMaxListeners, "")),
                         fmt::format("there are {} listeners; write {} at most", config.listen.size(), kMaxListeners));
  }
  if (config.services.size() > kMaxServices) {
    draft.problems().Add(draft.OriginOf(Draft::ServiceKey(config.services[kMaxServices].name, "")),
                         fmt::format("there are {} services; write {} at most", config.services.size(), kMaxServices));
  }
}

void CheckAccounts(Draft& draft) {
  const Config& config = draft.config();
  if (!config.user.empty()) {
    const Result<uid_t> user = UserNumber(config.user);
    if (!user.Ok()) draft.problems().Add(draft.OriginOf("user"), "user: " + user.Err().text);
  }
  if (!config.group.empty()) {
    const Result<gid_t> group = GroupNumber(config.group);
    if (!group.Ok()) draft.problems().Add(draft.OriginOf("group"), "group: " + group.Err().text);
  }
}

void CheckSyslog(Draft& draft) {
  const std::string& file = draft.config().log.file;
  if (!log::MeansSyslog(file) || log::FacilityOf(file) >= 0) return;
  draft.problems().Add(draft.OriginOf("log.file"), fmt::format("log.file: {} names no facility; write syslog: and {}",
                                                               Quoted(file), WordList(log::FacilityNames())));
}

void CheckFolder(const std::string& path, const std::string& key, Draft& draft) {
  const auto complain = [&](std::string_view why) {
    draft.problems().Add(draft.OriginOf(key),
                         fmt::format("{}: {} {}; write a folder that can be read", key, Quoted(path), why));
  };
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0) return complain("cannot be used: " + ErrnoText(errno));
  if (!S_ISDIR(status.st_mode)) return complain("is no folder");
  if (::faccessat(AT_FDCWD, path.c_str(), R_OK | X_OK, AT_EACCESS) < 0) {
    complain("cannot be read: " + ErrnoText(errno));
  }
}

// The number of descriptors, and the address space, without which no worker starts.
constexpr std::uint64_t kFewestFiles = 64;
constexpr std::uint64_t kLeastAddressSpace = std::uint64_t{128} << 20;

void CheckWorker(Draft& draft) {
  const WorkerConfig& worker = draft.config().worker;
  const auto complain = [&](const std::string& key, const std::string& what) {
    draft.problems().Add(draft.OriginOf(key), fmt::format("{}: {}", key, what));
  };
  if (worker.max_files != 0 && worker.max_files < kFewestFiles) {
    complain("worker.max_files", fmt::format("{} is too few; write {} at least, or 0", worker.max_files, kFewestFiles));
  }
  if (worker.max_address_space != 0 && worker.max_address_space < kLeastAddressSpace) {
    complain("worker.max_address_space", fmt::format("{} is too little; write {} at least, or \"0\"",
                                                     FormatSize(worker.max_address_space), FormatSize(kLeastAddressSpace)));
  }
  if (worker.chroot.empty()) return;
  CheckFolder(worker.chroot, "worker.chroot", draft);
  const LogConfig& log = draft.config().log;
  if (log::MeansSyslog(log.file) && ::access((worker.chroot + log.syslog_socket).c_str(), F_OK) < 0) {
    complain("worker.chroot", fmt::format("workers look for {} inside, and {} is not there; let syslog listen there too, "
                                          "or write another log.file",
                                          Quoted(log.syslog_socket), Quoted(worker.chroot + log.syslog_socket)));
  }
}

void CheckInsideRoot(const ServiceConfig& service, Draft& draft) {
  const std::string& chroot = draft.config().worker.chroot;
  struct stat status {};
  if (chroot.empty() || ::stat(chroot.c_str(), &status) < 0 || ::stat(service.root.c_str(), &status) < 0) return;
  const Result<std::string> inside = PathInside(chroot, service.root);
  if (inside.Ok()) return;
  const std::string key = Draft::ServiceKey(service.name, "root");
  draft.problems().Add(draft.OriginOf(key), fmt::format("{}: {}", key, inside.Err().text));
}

void CheckService(const ServiceConfig& service, const std::vector<std::string>& types, Draft& draft) {
  const std::string type_key = Draft::ServiceKey(service.name, "type");
  if (!draft.IsSet(type_key)) {
    draft.problems().Add(
        draft.OriginOf(Draft::ServiceKey(service.name, "")),
        fmt::format("[service.{}] has no type; write one of {}", service.name, WordList(types)));
  } else if (draft.IsSound(type_key) && std::find(types.begin(), types.end(), service.type) == types.end()) {
    draft.problems().Add(draft.OriginOf(type_key),
                         fmt::format("{}: unknown type {}; write {}{}", type_key, Quoted(service.type),
                                     WordList(types), DidYouMean(service.type, types)));
  }
  if (service.root.empty()) return;
  CheckFolder(service.root, Draft::ServiceKey(service.name, "root"), draft);
  CheckInsideRoot(service, draft);
}

// One listener, its number, and how it reports.
class ListenerCheck {
 public:
  ListenerCheck(std::size_t index, Draft& draft) : index_(index), draft_(draft) {}

  void Run() {
    CheckAddress();
    CheckTwice();
    CheckServiceName();
    CheckDeferAccept();
    CheckAccess();
  }

 private:
  [[nodiscard]] const ListenConfig& Listener() const { return draft_.config().listen[index_]; }

  // At the key, or at the head of the section if the key is not there.
  void Complain(std::string_view key, std::string text) {
    const Origin origin = draft_.OriginOf(Draft::ListenerKey(index_, key), Draft::ListenerKey(index_, ""));
    draft_.problems().Add(origin, std::move(text));
  }

  [[nodiscard]] bool Has(std::string_view key) const { return draft_.IsSet(Draft::ListenerKey(index_, key)); }

  [[nodiscard]] bool HasSoundAddress(std::size_t index) const {
    const std::string key = Draft::ListenerKey(index, "address");
    return draft_.IsSet(key) && draft_.IsSound(key);
  }

  void CheckAddress() {
    if (!Has("address"))
      Complain("address", "[[listen]] has no address; write one such as address = \"127.0.0.1:8080\"");
  }

  // Against those before it, so that each pair is reported once, at the second.
  void CheckTwice() {
    if (!HasSoundAddress(index_)) return;
    const ListenAddress& mine = Listener().address;
    for (std::size_t i = 0; i < index_; ++i) {
      const ListenAddress& other = draft_.config().listen[i].address;
      if (!HasSoundAddress(i) || mine.kind != other.kind || mine.name != other.name) continue;
      if (mine.address != other.address || mine.dual_stack != other.dual_stack) continue;
      Complain("address",
               fmt::format("listen.address: {} is taken by another listener, {}; write each address once",
                           Quoted(mine.text), draft_.OriginOf(Draft::ListenerKey(i, "address")).Text()));
      return;
    }
  }

  void CheckServiceName() {
    const std::string& name = Listener().service;
    std::vector<std::string> names;
    for (const ServiceConfig& service : draft_.config().services) names.push_back(service.name);
    if (!Has("service")) {
      Complain("service", "[[listen]] has no service; write service = \"NAME\" and a section [service.NAME]");
    } else if (!name.empty() && draft_.config().FindService(name) == nullptr) {
      Complain("service", fmt::format("listen.service: there is no [service.{}]{}", Escaped(name),
                                      names.empty() ? "; write that section" : Known(name, names)));
    }
  }

  static std::string Known(const std::string& name, const std::vector<std::string>& names) {
    const std::string hint = DidYouMean(name, names);
    return hint.empty() ? fmt::format("; write {}", WordList(names)) : hint;
  }

  void CheckDeferAccept() {
    if (Listener().address.kind != ListenAddress::Kind::kUnix || !Listener().defer_accept.value_or(false))
      return;
    Complain("defer_accept", "listen.defer_accept: a Unix socket cannot defer; write false, or leave it out");
  }

  // Only the file of a Unix socket has an owner and a mode.
  void CheckAccess() {
    const ListenConfig& listener = Listener();
    if (HasSoundAddress(index_) && !listener.address.HasFile()) {
      if (listener.mode) RefuseAccess("mode");
      if (!listener.user.empty()) RefuseAccess("user");
      if (!listener.group.empty()) RefuseAccess("group");
      return;
    }
    if (!listener.user.empty()) {
      const Result<uid_t> user = UserNumber(listener.user);
      if (!user.Ok()) Complain("user", "listen.user: " + user.Err().text);
    }
    if (!listener.group.empty()) {
      const Result<gid_t> group = GroupNumber(listener.group);
      if (!group.Ok()) Complain("group", "listen.group: " + group.Err().text);
    }
  }

  void RefuseAccess(std::string_view key) {
    const bool passed = Listener().address.kind == ListenAddress::Kind::kSystemd;
    Complain(key, fmt::format("listen.{}: {} is no unix:/path, and only the file of such a socket has one; {}", key,
                              Quoted(Listener().address.text),
                              passed ? "write SocketMode=, SocketUser= and SocketGroup= in the socket unit" : "leave it out"));
  }

  std::size_t index_;
  Draft& draft_;
};

}  // namespace

void CheckConfig(const std::vector<std::string>& service_types, Draft& draft) {
  CheckWorkers(draft);
  CheckBackoff(draft);
  CheckNumbers(draft);
  CheckAccounts(draft);
  CheckSyslog(draft);
  CheckWorker(draft);
  for (const ServiceConfig& service : draft.config().services) CheckService(service, service_types, draft);
  for (std::size_t i = 0; i < draft.config().listen.size(); ++i) ListenerCheck(i, draft).Run();
}

}  // namespace preforkd
