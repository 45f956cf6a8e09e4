// CheckConfig: whether the values fit each other, this version and this machine. The checks of pools are in
// pools.cc, those of TLS in tls_check.cc.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <string_view>

#include "common/base/accounts.h"
#include "common/base/sys_error.h"
#include "common/base/syslog_name.h"
#include "common/config/chroot_path.h"
#include "common/config/draft.h"
#include "common/text/nearest.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

// "; did you mean 'site'?", or the list of known names.
std::string Known(std::string_view name, const std::vector<std::string>& names) {
  const std::string hint = DidYouMean(name, names);
  return hint.empty() ? fmt::format("; write {}", WordList(names)) : hint;
}

void CheckSyslog(const Config& config, Draft& draft) {
  const std::string& file = config.log.file;
  if (!log::MeansSyslog(file) || log::FacilityOf(file) >= 0) return;
  draft.Complain(draft.top, "log.file", "{} is not a syslog facility; write syslog: and {}", Quoted(file),
                 WordList(log::FacilityNames()));
}

// ---- services ----

void CheckType(const ServiceConfig& service, const DraftSection& section, Draft& draft) {
  std::vector<std::string> types;
  for (const ServiceDeclaration& type : *draft.types) types.push_back(type.type);
  if (section.Find("type") == nullptr) {
    draft.problems.Add(section.origin, "[service.{}] has no type; write one of {}", service.name,
                       WordList(types));
  } else if (section.IsSound("type") && draft.FindType(service.type) == nullptr) {
    draft.Complain(section, "type", "unknown type {}; write {}{}", Quoted(service.type), WordList(types),
                   DidYouMean(service.type, types));
  }
}

Status CheckFolderOrFile(SettingKind kind, const std::string& path) {
  return kind == SettingKind::kFolder ? CheckFolder(path) : CheckFile(path);
}

// An empty chroot means none.
Status CheckInside(const std::string& chroot, const std::string& folder) {
  struct stat status {};
  if (chroot.empty() || ::stat(chroot.c_str(), &status) < 0 || ::stat(folder.c_str(), &status) < 0) return {};
  const Result<std::string> inside = PathInside(chroot, folder);
  return inside.Ok() ? Status() : inside.Err();
}

void CheckOnDisk(const Settings& settings, const std::string& chroot, const DraftSection& section,
                 Draft& draft) {
  for (const Settings::Item& item : settings.Items()) {
    const auto& [setting, value] = item;
    if (!IsOnDisk(setting.kind) || value.text.empty() || !settings.Shows(item)) continue;
    bool sound = true;
    for (const Status& status :
         {CheckFolderOrFile(setting.kind, value.text), CheckInside(chroot, value.text)}) {
      if (!status.Ok()) draft.Complain(section, setting.name, "{}", status.Err().text);
      sound = sound && status.Ok();
    }
    if (!sound || setting.check == nullptr) continue;
    const Status status = setting.check(value.text);
    if (!status.Ok()) draft.Complain(section, setting.name, "{}", status.Err().text);
  }
}

void CheckTablesOnDisk(const std::vector<SettingsTable>& tables, const std::string& chroot,
                       const DraftSection& section, Draft& draft) {
  if (tables.size() != section.tables.size()) return;  // too many, which has been reported
  for (std::size_t i = 0; i < tables.size(); ++i) {
    CheckOnDisk(tables[i].settings, chroot, section.tables[i], draft);
    CheckTablesOnDisk(tables[i].tables, chroot, section.tables[i], draft);
  }
}

// What the type itself has to say. A value that could not be read has its default, which may mislead it.
void CheckByType(const ServiceConfig& service, const DraftSection& section, Draft& draft) {
  const ServiceDeclaration* type = draft.FindType(service.type);
  const bool read = !service.settings.Items().empty() && section.IsSound();
  if (type == nullptr || type->check == nullptr || !read) return;
  for (const SettingsProblem& problem : type->check(service.settings, service.tables)) {
    const DraftSection* at = &section;
    for (const std::size_t index : problem.table) at = &at->tables.at(index);
    if (problem.setting.empty()) {
      draft.problems.Add(at->origin, "{}", problem.text);
    } else {
      draft.Complain(*at, problem.setting, "{}", problem.text);
    }
  }
}

void CheckModule(const ServiceConfig& service, const std::string& chroot, const DraftSection& section,
                 Draft& draft) {
  if (!service.module) return;
  const Status inside = CheckInside(chroot, service.settings.Text(kModulePath));
  if (!inside.Ok()) draft.Complain(section, kModulePath, "{}", inside.Err().text);
  if (service.module->kind != ModuleKind::kEvent) return;
  for (const auto& [setting, value] : service.settings.Items()) {
    // The default is written by --print-config, which must be read back.
    if (setting.name != "threads" || value.number == 1) continue;
    draft.Complain(section, setting.name,
                   "is for modules whose handlers may block; those of {} run in the event loop; leave it out",
                   Quoted(service.module->name));
  }
}

void CheckService(const Config& config, const ServiceConfig& service, const DraftSection& section,
                  Draft& draft) {
  CheckType(service, section, draft);
  const PoolConfig* pool = config.FindPool(service.pool);
  if (pool == nullptr) {
    draft.Complain(section, "pool", "there is no [pool.{}]{}", Escaped(service.pool),
                   Known(service.pool, draft.pools.Names()));
  } else if (pool->kind == PoolKind::kTls && pool->name != kMainPoolName) {
    draft.Complain(section, "pool", "[pool.{}] makes TLS handshakes and serves nothing; name another pool",
                   service.pool);
  }
  const std::string chroot = pool != nullptr ? pool->worker.chroot : "";
  CheckOnDisk(service.settings, chroot, section, draft);
  CheckTablesOnDisk(service.tables, chroot, section, draft);
  CheckByType(service, section, draft);
  CheckModule(service, chroot, section, draft);
}

// The blocking services of a pool share the application threads of its workers: others know how many of a
// worker's threads are free, not for which service.
void CheckSharedThreads(const Config& config, Draft& draft) {
  std::map<std::string, const ServiceConfig*> blocking;  // pool, its first service with a blocking module
  for (std::size_t i = 0; i < config.services.size(); ++i) {
    const ServiceConfig& service = config.services[i];
    if (!service.module || service.module->kind != ModuleKind::kBlocking) continue;
    const ServiceConfig& first = *blocking.emplace(service.pool, &service).first->second;
    const std::uint64_t own = service.settings.Number("threads");
    const std::uint64_t others = first.settings.Number("threads");
    if (own == others) continue;
    draft.Complain(
        draft.services.sections[i], "threads",
        "it is {}, and that of [service.{}] is {}: blocking modules in one pool share its threads; "
        "write the same, or a pool for each",
        own, first.name, others);
  }
}

// ---- listeners ----

bool HasSoundAddress(const DraftSection& section) {
  return section.Find("address") != nullptr && section.IsSound("address");
}

bool SameAddress(const ListenAddress& a, const ListenAddress& b) {
  return a.kind == b.kind && a.name == b.name && a.address == b.address && a.dual_stack == b.dual_stack;
}

// Compares with the earlier listeners only, so that each pair is reported once, at the second.
void CheckTwice(const Config& config, std::size_t index, Draft& draft) {
  const ListenAddress& address = config.listen[index].address;
  if (!HasSoundAddress(draft.listen[index])) return;
  for (std::size_t i = 0; i < index; ++i) {
    if (!HasSoundAddress(draft.listen[i]) || !SameAddress(address, config.listen[i].address)) continue;
    return draft.Complain(draft.listen[index], "address",
                          "{} is taken by another listener, {}; write each address once",
                          Quoted(address.text), draft.listen[i].OriginOf("address").Text());
  }
}

void CheckServiceName(const Config& config, const std::string& name, const DraftSection& section,
                      Draft& draft) {
  if (section.Find("service") == nullptr) {
    draft.problems.Add(section.origin,
                       "[[listen]] has no service; write service = \"NAME\" and a section [service.NAME]");
  } else if (!name.empty() && config.FindService(name) == nullptr) {
    const std::vector<std::string> names = draft.services.Names();
    draft.Complain(section, "service", "there is no [service.{}]{}", Escaped(name),
                   names.empty() ? "; write that section" : Known(name, names));
  }
}

// For a key that only the file of a Unix socket has.
void RefuseAccess(const ListenAddress& address, std::string_view key, const DraftSection& section,
                  Draft& draft) {
  const Entry* entry = section.Find(key);
  if (entry == nullptr || entry->value.text.empty()) return;
  const bool passed = address.kind == ListenAddress::Kind::kSystemd;
  draft.Complain(
      section, key, "{} is not a unix:/path, and only the file of such a socket has one; {}",
      Quoted(address.text),
      passed ? "write SocketMode=, SocketUser= and SocketGroup= in the socket unit" : "leave it out");
}

// Keys that make no sense for the clients of a Unix socket.
void CheckUnixClients(const Config& config, const ListenConfig& listener, const DraftSection& section,
                      Draft& draft) {
  if (listener.address.kind != ListenAddress::Kind::kUnix) return;
  if (listener.defer_accept.value_or(false)) {
    draft.Complain(section, "defer_accept", "a Unix socket cannot defer; write false, or leave it out");
  }
  if (config.dispatch.policy == DispatchPolicy::kClientHash) {
    draft.warnings.Add(section.OriginOf("address"),
                       "listen.address: the clients of a Unix socket have no address: with client-hash each "
                       "of their connections goes to the least loaded worker");
  }
}

void CheckListener(const Config& config, std::size_t index, Draft& draft) {
  const ListenConfig& listener = config.listen[index];
  const DraftSection& section = draft.listen[index];
  if (section.Find("address") == nullptr) {
    draft.problems.Add(section.origin,
                       "[[listen]] has no address; write one such as address = \"127.0.0.1:8080\"");
  }
  CheckTwice(config, index, draft);
  CheckServiceName(config, listener.service, section, draft);
  CheckUnixClients(config, listener, section, draft);
  if (HasSoundAddress(section) && !listener.address.HasFile()) {
    for (const char* key : {"mode", "user", "group"}) RefuseAccess(listener.address, key, section, draft);
  } else {
    CheckAccounts(listener.user, listener.group, section, draft);
  }
}

}  // namespace

Status CheckFolder(const std::string& path) {
  const auto wrong = [&](std::string_view why) {
    return Error{fmt::format("{} {}; write a folder that can be read", Quoted(path), why)};
  };
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0) return wrong("cannot be used: " + ErrnoText(errno));
  if (!S_ISDIR(status.st_mode)) return wrong("is not a folder");
  if (::faccessat(AT_FDCWD, path.c_str(), R_OK | X_OK, AT_EACCESS) < 0)
    return wrong("cannot be read: " + ErrnoText(errno));
  return {};
}

Status CheckFile(const std::string& path) {
  const auto wrong = [&](std::string_view why) {
    return Error{fmt::format("{} {}; write a file that can be read", Quoted(path), why)};
  };
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0) return wrong("cannot be used: " + ErrnoText(errno));
  if (!S_ISREG(status.st_mode)) return wrong("is not a regular file");
  if (::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) < 0)
    return wrong("cannot be read: " + ErrnoText(errno));
  return {};
}

void CheckAccounts(const std::string& user, const std::string& group, const DraftSection& section,
                   Draft& draft) {
  const Result<uid_t> uid = user.empty() ? uid_t{} : UserNumber(user);
  if (!uid.Ok()) draft.Complain(section, "user", "{}", uid.Err().text);
  const Result<gid_t> gid = group.empty() ? gid_t{} : GroupNumber(group);
  if (!gid.Ok()) draft.Complain(section, "group", "{}", gid.Err().text);
}

void CheckConfig(const Config& config, Draft& draft) {
  // Reported once, at the first that is too many; the items are not checked one by one then.
  if (config.listen.size() > kMaxListeners) {
    return draft.problems.Add(draft.listen[kMaxListeners].origin, "there are {} listeners; write {} at most",
                              config.listen.size(), kMaxListeners);
  }
  if (config.services.size() > kMaxServices) {
    return draft.problems.Add(draft.services.sections[kMaxServices].origin,
                              "there are {} services; write {} at most", config.services.size(),
                              kMaxServices);
  }
  CheckSyslog(config, draft);
  CheckPools(config, draft);
  CheckTls(config, draft);
  for (std::size_t i = 0; i < config.services.size(); ++i) {
    CheckService(config, config.services[i], draft.services.sections[i], draft);
  }
  CheckSharedThreads(config, draft);
  for (std::size_t i = 0; i < config.listen.size(); ++i) CheckListener(config, i, draft);
}

}  // namespace preforkd
