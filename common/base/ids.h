// Identities. A worker is identified by slot and incarnation; a pid is used for kill and wait only.
//
//   Slot         a numbered place for a worker, stable, reused; labels logs and metrics
//   Incarnation  the number of one fork, never reused while the master runs
//   Generation   the number of a configuration; a reload makes the next one
//   PoolId       a set of slots that serve some of the services; a name keeps its number
//   ConnId       one client connection, for its whole life across processes; never reused
#ifndef PREFORKD_COMMON_BASE_IDS_H_
#define PREFORKD_COMMON_BASE_IDS_H_

#include <fmt/core.h>

#include <compare>
#include <cstdint>
#include <type_traits>

namespace preforkd {

enum class Slot : std::uint32_t {};
enum class Incarnation : std::uint64_t {};
enum class Generation : std::uint64_t {};
enum class ConnId : std::uint64_t {};
enum class PoolId : std::uint8_t {};

// The pool of a configuration that names no pools.
inline constexpr PoolId kMainPool{};

// The number behind an identity, for indexing, the wire and logs.
template <typename Id>
requires std::is_enum_v<Id>
constexpr std::underlying_type_t<Id> Raw(Id id) { return static_cast<std::underlying_type_t<Id>>(id); }

template <typename Id>
requires std::is_enum_v<Id>
constexpr Id Next(Id id) { return static_cast<Id>(Raw(id) + 1); }

struct WorkerId {
  Slot slot{};
  Incarnation incarnation{};

  auto operator<=>(const WorkerId&) const = default;
};

}  // namespace preforkd

template <>
struct fmt::formatter<preforkd::WorkerId> : fmt::formatter<std::string_view> {
  auto format(const preforkd::WorkerId& id, fmt::format_context& context) const {
    return fmt::format_to(context.out(), "slot={} inc={}", preforkd::Raw(id.slot),
                          preforkd::Raw(id.incarnation));
  }
};

#endif
