// Converts between a member of the configuration and the value of a setting.
#ifndef PREFORKD_COMMON_CONFIG_MEMBER_VALUE_H_
#define PREFORKD_COMMON_CONFIG_MEMBER_VALUE_H_

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "common/base/clock.h"
#include "common/config/call_sets.h"
#include "common/config/setting_value.h"
#include "common/net/address.h"

namespace preforkd {

template <typename Member>
void Assign(Member& member, const SettingValue& value) {
  if constexpr (std::is_same_v<Member, std::string>) {
    member = value.text;
  } else if constexpr (std::is_same_v<Member, ListenAddress>) {
    member = ParseListenAddress(value.text).Value();
  } else if constexpr (std::is_same_v<Member, std::vector<std::string>>) {
    member = SplitWords(value.text);
    // A text of a list may hold several, as it did when the list was one text.
    for (const std::string& text : value.texts)
      for (std::string& word : SplitWords(text)) member.push_back(std::move(word));
  } else if constexpr (std::is_same_v<Member, std::optional<std::uint32_t>>) {
    member = static_cast<std::uint32_t>(value.number);
  } else if constexpr (std::is_same_v<Member, Duration>) {
    member = Duration(static_cast<Duration::rep>(value.number));
  } else if constexpr (std::is_same_v<Member, bool> || std::is_same_v<Member, std::optional<bool>>) {
    member = value.number != 0;
  } else {
    // A number, call sets, or an enumeration in the order of the words.
    member = static_cast<Member>(value.number);
  }
}

template <typename Member>
std::optional<SettingValue> ValueOf(const Member& member) {
  if constexpr (std::is_same_v<Member, std::string>) {
    return SettingValue{0, member};
  } else if constexpr (std::is_same_v<Member, ListenAddress>) {
    return SettingValue{0, member.text};
  } else if constexpr (std::is_same_v<Member, Duration>) {
    return SettingValue{static_cast<std::uint64_t>(member.count())};
  } else if constexpr (std::is_same_v<Member, CallSets>) {
    return SettingValue{member.Bits()};
  } else if constexpr (std::is_same_v<Member, std::vector<std::string>>) {
    return SettingValue{0, fmt::format("{}", fmt::join(member, ", ")), member};
  } else if constexpr (std::is_same_v<Member, std::optional<bool>> ||
                       std::is_same_v<Member, std::optional<std::uint32_t>>) {
    return member ? std::optional(SettingValue{*member}) : std::nullopt;
  } else {
    return SettingValue{static_cast<std::uint64_t>(member)};
  }
}

}  // namespace preforkd

#endif
