#include "common/config/file_walk.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "common/base/quote.h"
#include "common/config/nearest.h"

namespace preforkd {
namespace {

constexpr std::size_t kMaxServiceName = 64;

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// What TOML calls a bare key.
bool IsName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsNameCharacter);
}

// A key in quotes keeps them, or "dispatch.policy" = ... would pass for dispatch.policy.
std::string PathPart(const std::string& key) {
  return IsName(key) ? key : TomlString(key);
}

bool IsSection(std::string_view path) {
  const std::string prefix = fmt::format("{}.", path);
  const auto& keys = ConfigKeys();
  return std::any_of(keys.begin(), keys.end(),
                     [&](const Key<Config>& key) { return key.name.starts_with(prefix); });
}

void WalkKey(const std::string& path, const TomlNode& node, Draft& draft) {
  const bool section = IsSection(path);
  if (section && !node.IsTable()) {
    // 'worker = 2' is a slip of the pen for 'workers'.
    draft.problems().Add(node.origin, fmt::format("'{0}' is one section; write [{0}] and its keys below{1}", path,
                                                  DidYouMean(path, KeyNames(ConfigKeys()))));
    return;
  }
  // Of an unknown section each key is reported: that says best what it may have been meant to be.
  const bool unknown_section =
      node.IsTable() && !node.members.empty() && FindKey(ConfigKeys(), path) == nullptr;
  if (!section && !unknown_section) return draft.Set(path, node.value, node.origin);
  for (const TomlMember& member : node.members) {
    WalkKey(fmt::format("{}.{}", path, PathPart(member.key)), member.node, draft);
  }
}

void WalkListeners(const TomlNode& node, Draft& draft) {
  if (!node.IsArray()) {
    draft.problems().Add(node.origin,
                         "'listen' is a list of sections; write [[listen]] before each listener");
    return;
  }
  for (const TomlNode& element : node.elements) {
    if (!element.IsTable()) {
      draft.problems().Add(element.origin,
                           fmt::format("listen: {} is no section; write [[listen]] and its keys below",
                                       element.value.Described()));
      continue;
    }
    const std::size_t index = draft.AddListener(element.origin);
    for (const TomlMember& member : element.members) {
      draft.SetListener(index, member.key, member.node.value, member.node.origin);
    }
  }
}

// A name goes into keys (service.NAME.root), variables, logs and metrics.
bool IsServiceName(std::string_view name) {
  return IsName(name) && name.size() <= kMaxServiceName;
}

void WalkService(const TomlMember& service, Draft& draft) {
  if (!service.node.IsTable()) {
    draft.problems().Add(service.node.origin,
                         fmt::format("service.{}: {} is no section; write [service.NAME] and its keys below",
                                     Escaped(PathPart(service.key)), service.node.value.Described()));
    return;
  }
  if (!IsServiceName(service.key)) {
    draft.problems().Add(
        service.node.origin,
        fmt::format("{} is no name for a service; write 1 to {} letters, digits, '-' and '_'",
                    Quoted(service.key), kMaxServiceName));
    return;
  }
  const std::size_t index = draft.AddService(service.key, service.node.origin);
  for (const TomlMember& member : service.node.members) {
    draft.SetService(index, member.key, member.node.value, member.node.origin);
  }
}

void WalkServices(const TomlNode& node, Draft& draft) {
  if (!node.IsTable()) {
    draft.problems().Add(node.origin, "'service' holds named sections; write [service.NAME]");
    return;
  }
  for (const TomlMember& service : node.members) WalkService(service, draft);
}

}  // namespace

void ApplyFile(const TomlNode& document, Draft& draft) {
  for (const TomlMember& member : document.members) {
    if (member.key == "listen") {
      WalkListeners(member.node, draft);
    } else if (member.key == "service") {
      WalkServices(member.node, draft);
    } else {
      WalkKey(PathPart(member.key), member.node, draft);
    }
  }
}

}  // namespace preforkd
