// A member of the configuration from the value of a setting, and back.
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
  } else if constexpr (std::is_same_v<Member, std::optional<std::uint32_t>>) {
    member = static_cast<std::uint32_t>(value.number);
  } else if constexpr (std::is_same_v<Member, Duration>) {
    member = Duration(static_cast<Duration::rep>(value.number));
  } else if constexpr (std::is_same_v<Member, CallSets>) {
    member = {};
    for (std::size_t i = 0; i < kCallSetNames.size(); ++i) {
      if ((value.number >> i & 1) != 0) member.Add(kCallSetNames.at(i).second);
    }
  } else if constexpr (std::is_same_v<Member, bool> || std::is_same_v<Member, std::optional<bool>>) {
    member = value.number != 0;
  } else {
    member = static_cast<Member>(value.number);  // a number, or an enumeration in the order of the words
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
    SettingValue value;
    for (std::size_t i = 0; i < kCallSetNames.size(); ++i) {
      if (member.Has(kCallSetNames.at(i).second)) value.number |= std::uint64_t{1} << i;
    }
    return value;
  } else if constexpr (std::is_same_v<Member, std::vector<std::string>>) {
    return SettingValue{0, fmt::format("{}", fmt::join(member, ", "))};
  } else if constexpr (std::is_same_v<Member, std::optional<bool>> ||
                       std::is_same_v<Member, std::optional<std::uint32_t>>) {
    return member ? std::optional(SettingValue{*member}) : std::nullopt;
  } else {
    return SettingValue{static_cast<std::uint64_t>(member)};
  }
}

}  // namespace preforkd

#endif
