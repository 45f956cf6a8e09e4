#include "worker/module/module_declaration.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "common/config/setting_value.h"
#include "common/text/quote.h"
#include "common/text/utf8.h"
#include "worker/module/module_library.h"

namespace preforkd {
namespace {

constexpr std::size_t kMaxText = 4095;
constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxCounterName = 40;

// A text of the table. NULL: empty. A text that does not end is cut, and too long for every use.
std::string TextOf(const char* text) {
  return text == nullptr ? std::string() : std::string(text, ::strnlen(text, kMaxText + 1));
}

bool IsLine(std::string_view text, std::size_t max) {
  return text.size() <= max && IsUtf8(text) &&
         std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; });
}

bool IsCounterName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxCounterName && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

CallSets CallsOf(std::uint32_t calls) {
  CallSets sets;
  for (const auto& [bit, set] :
       {std::pair(PFD_CALLS_NETWORK, CallSet::kNetwork), std::pair(PFD_CALLS_FILES, CallSet::kFiles),
        std::pair(PFD_CALLS_PROCESSES, CallSet::kProcesses), std::pair(PFD_CALLS_THREADS, CallSet::kThreads),
        std::pair(PFD_CALLS_CODE, CallSet::kCode)}) {
    if ((calls & static_cast<std::uint32_t>(bit)) != 0) sets.Add(set);
  }
  return sets;
}

// In the order of the numbers PFD_TEXT to PFD_FOLDER.
constexpr std::array kKinds = {SettingKind::kText,     SettingKind::kNumber, SettingKind::kSize,
                               SettingKind::kDuration, SettingKind::kFlag,   SettingKind::kChoice,
                               SettingKind::kPath,     SettingKind::kFolder};

// The widest range, for a setting that declares none.
const char* MaxOf(SettingKind kind) {
  switch (kind) {
    case SettingKind::kNumber: return "18446744073709551615";
    case SettingKind::kSize: return "16777215TiB";
    case SettingKind::kDuration: return "2562047h";  // of a Duration
    default: return "4095";                          // bytes of a text
  }
}

std::string FallbackOf(const pfd_setting& from, const Setting& setting) {
  if (from.fallback != nullptr) return TextOf(from.fallback);
  if (IsQuantity(setting.kind)) return "0";
  if (setting.kind == SettingKind::kFlag) return "false";
  return setting.kind == SettingKind::kChoice && !setting.words.empty() ? setting.words.front() : "";
}

Result<Setting> SettingOf(const pfd_setting& from) {
  if (from.name == nullptr) return Error{"declares a setting without a name"};
  Setting setting;
  setting.name = TextOf(from.name);
  if (from.kind >= kKinds.size()) {
    return Error{fmt::format("declares a setting {} of the kind {}, this server knows those up to {}",
                             Quoted(setting.name), from.kind, kKinds.size() - 1)};
  }
  setting.kind = kKinds[from.kind];
  if (IsQuantity(setting.kind) || IsTextKind(setting.kind)) {
    setting.min = from.min != nullptr ? TextOf(from.min) : "0";
    setting.max = from.max != nullptr ? TextOf(from.max) : MaxOf(setting.kind);
  }
  setting.words = SplitWords(TextOf(from.words));
  setting.required = from.required != 0;
  if (!setting.required) setting.fallback = FallbackOf(from, setting);
  setting.doc = TextOf(from.doc);
  return setting;
}

Result<ModuleCounter> CounterOf(const pfd_counter& from) {
  if (from.name == nullptr) return Error{"declares a counter without a name"};
  ModuleCounter counter{TextOf(from.name), TextOf(from.help)};
  if (!IsCounterName(counter.name)) {
    return Error{fmt::format("declares a counter {}; write 1 to {} lower-case letters, digits and '_'",
                             Quoted(counter.name), kMaxCounterName)};
  }
  if (counter.help.empty() || !IsLine(counter.help, kMaxText)) {
    return Error{
        fmt::format("declares a counter {} whose help is not one line of UTF-8", Quoted(counter.name))};
  }
  return counter;
}

Status AddSettings(const pfd_module& table, ModuleDeclaration& module) {
  for (std::uint32_t i = 0; i < table.setting_count; ++i) {
    Result<Setting> setting = SettingOf(table.settings[i]);
    if (!setting.Ok()) return setting.Err();
    module.settings.push_back(std::move(setting).Value());
  }
  return {};
}

Status AddCounters(const pfd_module& table, ModuleDeclaration& module) {
  for (std::uint32_t i = 0; i < table.counter_count; ++i) {
    Result<ModuleCounter> counter = CounterOf(table.counters[i]);
    if (!counter.Ok()) return counter.Err();
    const bool twice = std::any_of(module.counters.begin(), module.counters.end(),
                                   [&](const auto& each) { return each.name == counter.Value().name; });
    if (twice) return Error{fmt::format("declares the counter {} twice", Quoted(counter.Value().name))};
    module.counters.push_back(std::move(counter).Value());
  }
  return {};
}

}  // namespace

Result<ModuleDeclaration> DeclarationOf(const pfd_module& table) {
  ModuleDeclaration module;
  module.name = TextOf(table.name);
  module.version = TextOf(table.version);
  if (module.name.empty() || !IsLine(module.name, kMaxName)) {
    return Error{fmt::format("has no usable name; write one line of UTF-8 of 1 to {} bytes", kMaxName)};
  }
  if (!IsLine(module.version, kMaxName)) {
    return Error{fmt::format("has no usable version; write one line of UTF-8 of at most {} bytes", kMaxName)};
  }
  module.kind = static_cast<ModuleKind>(table.kind);
  module.client_speaks_first = table.kind != PFD_PROTOCOL || (table.flags & PFD_CLIENT_SPEAKS) != 0;
  module.system_calls = CallsOf(table.calls);
  module.preload = HasPreload(table);
  Status status = AddSettings(table, module);
  if (status.Ok()) status = AddCounters(table, module);
  if (!status.Ok()) return status.Err();
  return module;
}

bool DeclaresTheSame(const pfd_module& table, ModuleDeclaration checked) {
  const Result<ModuleDeclaration> own = DeclarationOf(table);
  if (!own.Ok()) return false;
  checked.name = own.Value().name;
  checked.version = own.Value().version;
  checked.file = {};
  return own.Value() == checked;
}

}  // namespace preforkd
