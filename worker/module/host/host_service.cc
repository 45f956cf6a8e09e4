#include "worker/module/host/host_service.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "common/base/log.h"
#include "worker/module/host/module_call.h"
#include "worker/module/host/module_state.h"
#include "worker/module/host/values.h"

namespace preforkd::module {
namespace {

// A level that does not exist is the nearest one. Never alert: that means a bug of the server.
log::Level LevelOf(int level) {
  switch (std::clamp(level, int{PFD_DEBUG}, int{PFD_ERROR})) {
    case PFD_DEBUG: return log::Level::kDebug;
    case PFD_INFO: return log::Level::kInfo;
    case PFD_NOTICE: return log::Level::kNotice;
    case PFD_WARNING: return log::Level::kWarning;
    default: return log::Level::kError;
  }
}

// At most kMaxSaid bytes, without a part of a UTF-8 character at the end.
std::string_view Cut(std::string_view text) {
  if (text.size() <= kMaxSaid) return text;
  std::size_t end = kMaxSaid;
  for (int i = 0; i < 3 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U; ++i) --end;
  return text.substr(0, end);
}

// Settings aborts on a name that was not declared; a module that asks for one gets nothing.
const Settings::Item* Find(const pfd_service& service, const char* name) {
  return name != nullptr ? service.config.settings.Find(name) : nullptr;
}

void RunPosted(const LoopCall& call) {
  CallModule(*static_cast<pfd_service*>(call.owner), "posted call",
             [&call] { call.function(call.argument); });
}

}  // namespace

void HostLog(pfd_service* service, int level, pfd_str text) {
  const log::Level as = LevelOf(level);
  if (!log::Enabled(as)) return;
  const std::string_view said = Cut(ToView(text));
  const std::string_view name = service->config.name;
  try {
    log::VWrite(as, {log::kModuleSaid, {{"service", name}}}, "{}", fmt::make_format_args(said));
  } catch (const std::bad_alloc&) {
    // The line is lost: an exception must not go through the module.
  }
}

pfd_str HostText(pfd_service* service, const char* name) {
  const Settings::Item* const item = Find(*service, name);
  if (item == nullptr) return kAbsent;
  switch (item->setting.kind) {
    case SettingKind::kText:
    case SettingKind::kPath:
    case SettingKind::kFolder:
    case SettingKind::kFile:
    case SettingKind::kAddress:
    case SettingKind::kVariables: return ToStr(item->value.text);
    case SettingKind::kChoice: return ToStr(item->setting.words.at(item->value.number));
    case SettingKind::kNumber:
    case SettingKind::kSize:
    case SettingKind::kDuration:
    case SettingKind::kFlag:
    case SettingKind::kChoices:
    case SettingKind::kMode:
    case SettingKind::kTexts: break;  // no module can declare texts
  }
  return kAbsent;
}

std::uint64_t HostNumber(pfd_service* service, const char* name) {
  const Settings::Item* const item = Find(*service, name);
  if (item == nullptr) return 0;
  switch (item->setting.kind) {
    case SettingKind::kNumber:
    case SettingKind::kSize:
    case SettingKind::kDuration:
    case SettingKind::kFlag:
    case SettingKind::kMode: return item->value.number;
    case SettingKind::kText:
    case SettingKind::kPath:
    case SettingKind::kFolder:
    case SettingKind::kFile:
    case SettingKind::kAddress:
    case SettingKind::kChoice:
    case SettingKind::kChoices:
    case SettingKind::kVariables:
    case SettingKind::kTexts: break;
  }
  return 0;
}

void HostPlace(pfd_service* service, pfd_place* place) {
  if (place->size < sizeof(place->size)) return;
  const WorkerEnv& env = service->env;
  pfd_place full{};
  // What is filled: a module that was built with a newer header sees where the older server ends.
  full.size = std::min(place->size, std::uint32_t{sizeof(full)});
  full.slot = Raw(env.id.slot);
  full.incarnation = Raw(env.id.incarnation);
  full.generation = Raw(env.generation);
  full.service = ToStr(service->config.name);
  full.thread = service->thread;
  full.pid = static_cast<std::uint32_t>(::getpid());
  full.in_loop = service->in_loop ? 1 : 0;
  std::memcpy(place, &full, full.size);
}

void HostCount(pfd_service* service, std::uint32_t counter, std::uint64_t amount) {
  if (service->counters != nullptr) service->counters->Count(counter, amount);
}

int HostPost(pfd_service* service, void (*call)(void*), void* argument) {
  if (call == nullptr) return -EINVAL;
  return service->calls.Post({&RunPosted, service, call, argument});
}

}  // namespace preforkd::module
