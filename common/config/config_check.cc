// CheckConfig: whether the values fit each other, this version and this machine. What is about pools is in
// pools.cc.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "common/base/accounts.h"
#include "common/base/sys_error.h"
#include "common/base/syslog_name.h"
#include "common/config/chroot_path.h"
#include "common/config/draft.h"
#include "common/config/nearest.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

// "; did you mean 'site'?", or which there are.
std::string Known(std::string_view name, const std::vector<std::string>& names) {
  const std::string hint = DidYouMean(name, names);
  return hint.empty() ? fmt::format("; write {}", WordList(names)) : hint;
}

void CheckSyslog(const Config& config, Draft& draft) {
  const std::string& file = config.log.file;
  if (!log::MeansSyslog(file) || log::FacilityOf(file) >= 0) return;
  draft.problems.Add(draft.top.OriginOf("log.file"),
                     fmt::format("log.file: {} names no facility; write syslog: and {}", Quoted(file),
                                 WordList(log::FacilityNames())));
}

// ---- services ----

void CheckType(const ServiceConfig& service, const DraftSection& section, Draft& draft) {
  std::vector<std::string> types;
  for (const ServiceDeclaration& type : *draft.types) types.push_back(type.type);
  if (section.Find("type") == nullptr) {
    draft.problems.Add(section.origin, fmt::format("[service.{}] has no type; write one of {}", service.name,
                                                   WordList(types)));
  } else if (section.IsSound("type") && draft.FindType(service.type) == nullptr) {
    draft.problems.Add(section.OriginOf("type"),
                       fmt::format("{}type: unknown type {}; write {}{}", section.path, Quoted(service.type),
                                   WordList(types), DidYouMean(service.type, types)));
  }
}

// nullptr: it is unknown, and a problem was added.
const PoolConfig* CheckPool(const Config& config, const ServiceConfig& service, const DraftSection& section,
                            Draft& draft) {
  for (const PoolConfig& pool : config.pools) {
    if (pool.name == service.pool) return &pool;
  }
  std::vector<std::string> names = Names(draft.pools);
  if (draft.FindPool(kMainPoolName) == nullptr) names.emplace_back(kMainPoolName);
  draft.problems.Add(section.OriginOf("pool"),
                     fmt::format("{}pool: there is no [pool.{}]{}", section.path, Escaped(service.pool),
                                 Known(service.pool, names)));
  return nullptr;
}

Status CheckInside(const std::string& chroot, const std::string& folder) {
  struct stat status {};
  if (chroot.empty() || ::stat(chroot.c_str(), &status) < 0 || ::stat(folder.c_str(), &status) < 0) return {};
  const Result<std::string> inside = PathInside(chroot, folder);
  return inside.Ok() ? Status() : inside.Err();
}

void CheckService(const Config& config, const ServiceConfig& service, const DraftSection& section,
                  Draft& draft) {
  CheckType(service, section, draft);
  const PoolConfig* pool = CheckPool(config, service, section, draft);
  for (const auto& [setting, value] : service.settings.Items()) {
    if (setting.kind != SettingKind::kFolder || value.text.empty()) continue;
    for (const Status& status :
         {CheckFolder(value.text), CheckInside(pool != nullptr ? pool->worker.chroot : "", value.text)}) {
      if (status.Ok()) continue;
      draft.problems.Add(section.OriginOf(setting.name),
                         fmt::format("{}{}: {}", section.path, setting.name, status.Err().text));
    }
  }
}

// ---- listeners ----

// One listener, its number, and how it reports.
class ListenerCheck {
 public:
  ListenerCheck(const Config& config, std::size_t index, Draft& draft)
      : config_(config),
        index_(index),
        listener_(config.listen[index]),
        section_(draft.listen[index]),
        draft_(draft) {}

  void Run() {
    if (section_.Find("address") == nullptr) {
      Complain("address", "[[listen]] has no address; write one such as address = \"127.0.0.1:8080\"");
    }
    CheckTwice();
    CheckServiceName();
    CheckDeferAccept();
    CheckAccess();
    CheckClientHash();
  }

 private:
  // At the key, or at the head of the section if the key is not there.
  void Complain(std::string_view key, std::string text) {
    draft_.problems.Add(section_.OriginOf(key), std::move(text));
  }

  static bool HasSoundAddress(const DraftSection& section) {
    return section.Find("address") != nullptr && section.IsSound("address");
  }

  // Against those before it, so that each pair is reported once, at the second.
  void CheckTwice() {
    if (!HasSoundAddress(section_)) return;
    const ListenAddress& mine = listener_.address;
    for (std::size_t i = 0; i < index_; ++i) {
      const ListenAddress& other = config_.listen[i].address;
      if (!HasSoundAddress(draft_.listen[i]) || mine.kind != other.kind || mine.name != other.name) continue;
      if (mine.address != other.address || mine.dual_stack != other.dual_stack) continue;
      return Complain(
          "address",
          fmt::format("listen.address: {} is taken by another listener, {}; write each address once",
                      Quoted(mine.text), draft_.listen[i].OriginOf("address").Text()));
    }
  }

  void CheckServiceName() {
    const std::string& name = listener_.service;
    if (section_.Find("service") == nullptr) {
      Complain("service", "[[listen]] has no service; write service = \"NAME\" and a section [service.NAME]");
    } else if (!name.empty() && config_.FindService(name) == nullptr) {
      const std::vector<std::string> names = Names(draft_.services);
      Complain("service", fmt::format("listen.service: there is no [service.{}]{}", Escaped(name),
                                      names.empty() ? "; write that section" : Known(name, names)));
    }
  }

  void CheckDeferAccept() {
    if (listener_.address.kind != ListenAddress::Kind::kUnix || !listener_.defer_accept.value_or(false))
      return;
    Complain("defer_accept", "listen.defer_accept: a Unix socket cannot defer; write false, or leave it out");
  }

  // Only the file of a Unix socket has an owner and a mode.
  void CheckAccess() {
    if (HasSoundAddress(section_) && !listener_.address.HasFile()) {
      for (const char* key : {"mode", "user", "group"}) RefuseAccess(key);
      return;
    }
    const Status user = listener_.user.empty() ? Status() : StatusOf(UserNumber(listener_.user));
    if (!user.Ok()) Complain("user", "listen.user: " + user.Err().text);
    const Status group = listener_.group.empty() ? Status() : StatusOf(GroupNumber(listener_.group));
    if (!group.Ok()) Complain("group", "listen.group: " + group.Err().text);
  }

  void RefuseAccess(std::string_view key) {
    const Entry* entry = section_.Find(key);
    if (entry == nullptr || entry->value.text.empty()) return;
    const bool passed = listener_.address.kind == ListenAddress::Kind::kSystemd;
    Complain(key,
             fmt::format("listen.{}: {} is no unix:/path, and only the file of such a socket has one; {}",
                         key, Quoted(listener_.address.text),
                         passed ? "write SocketMode=, SocketUser= and SocketGroup= in the socket unit"
                                : "leave it out"));
  }

  void CheckClientHash() {
    if (listener_.address.kind != ListenAddress::Kind::kUnix) return;
    if (config_.dispatch.policy != DispatchPolicy::kClientHash) return;
    draft_.warnings.Add(section_.OriginOf("address"),
                        "listen.address: the clients of a Unix socket have no address: with client-hash each "
                        "of their connections goes to the least loaded worker");
  }

  const Config& config_;
  std::size_t index_;
  const ListenConfig& listener_;
  const DraftSection& section_;
  Draft& draft_;
};

}  // namespace

Status CheckFolder(const std::string& path) {
  const auto wrong = [&](std::string_view why) {
    return Error{fmt::format("{} {}; write a folder that can be read", Quoted(path), why)};
  };
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0) return wrong("cannot be used: " + ErrnoText(errno));
  if (!S_ISDIR(status.st_mode)) return wrong("is no folder");
  if (::faccessat(AT_FDCWD, path.c_str(), R_OK | X_OK, AT_EACCESS) < 0)
    return wrong("cannot be read: " + ErrnoText(errno));
  return {};
}

void CheckConfig(const Config& config, Draft& draft) {
  // Reported once, at the first that is too many; what is wrong with each of them can wait.
  if (config.listen.size() > kMaxListeners) {
    return draft.problems.Add(
        draft.listen[kMaxListeners].origin,
        fmt::format("there are {} listeners; write {} at most", config.listen.size(), kMaxListeners));
  }
  if (config.services.size() > kMaxServices) {
    return draft.problems.Add(
        draft.services[kMaxServices].origin,
        fmt::format("there are {} services; write {} at most", config.services.size(), kMaxServices));
  }
  CheckSyslog(config, draft);
  CheckPools(config, draft);
  for (std::size_t i = 0; i < config.services.size(); ++i) {
    CheckService(config, config.services[i], draft.services[i], draft);
  }
  for (std::size_t i = 0; i < config.listen.size(); ++i) ListenerCheck(config, i, draft).Run();
}

}  // namespace preforkd
