// Settings and counters of a module: objects of static storage, which are named in PREFORKD_MODULE.
//
//   pfd::setting::Duration timeout{"timeout", {.min = "1ms", .max = "1m", .fallback = "2s", .doc = "..."}};
//   pfd::Counter hits{"hits", "Requests for the greeting."};
//   PREFORKD_MODULE("hello", timeout, hits, pfd::route{...});
//
// The server reads and checks the values: a wrong one refuses the configuration, with its line and column.
#ifndef PREFORKD_MODULE_SETTINGS_HPP
#define PREFORKD_MODULE_SETTINGS_HPP

#include <chrono>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>

#include "service.hpp"

namespace pfd::inline v1 {

// Of one setting. All texts are literals. The range includes both ends; of a text it is about its bytes.
struct About {
  const char* min = nullptr;
  const char* max = nullptr;
  const char* fallback = nullptr;  // the default, written like a value; none: "", 0 or false
  const char* words = nullptr;     // of a choice: "fast,slow"
  const char* doc = "";            // one line
  bool required = false;           // no default: the section must set it
};

namespace detail {

struct AnySetting {
  pfd_setting entry;
};

template <std::uint32_t kKind>
class Setting : public AnySetting {
 public:
  constexpr Setting(const char* name, About about)
      : AnySetting{{name, kKind, about.required ? 1u : 0u, about.min, about.max, about.fallback, about.words,
                    about.doc}} {}

  [[nodiscard]] auto get(Service in) const {
    if constexpr (kKind == PFD_FLAG) {
      return in.number(entry.name) != 0;
    } else if constexpr (kKind == PFD_DURATION) {
      return std::chrono::nanoseconds(static_cast<std::int64_t>(in.number(entry.name)));
    } else if constexpr (kKind == PFD_NUMBER || kKind == PFD_SIZE) {
      return in.number(entry.name);
    } else {
      return in.text(entry.name);  // valid as long as the worker
    }
  }
  // Of the service that is being called; see pfd::service().
  [[nodiscard]] auto operator*() const { return get(service()); }
};

}  // namespace detail

namespace setting {

using Text = detail::Setting<PFD_TEXT>;          // std::string_view
using Number = detail::Setting<PFD_NUMBER>;      // std::uint64_t
using Size = detail::Setting<PFD_SIZE>;          // std::uint64_t, bytes
using Duration = detail::Setting<PFD_DURATION>;  // std::chrono::nanoseconds
using Flag = detail::Setting<PFD_FLAG>;          // bool
using Choice = detail::Setting<PFD_CHOICE>;      // std::string_view
using Path = detail::Setting<PFD_PATH>;          // std::string_view
using Folder = detail::Setting<PFD_FOLDER>;      // std::string_view; empty, or a folder that exists

}  // namespace setting

// Shown in /metrics as the sum over all workers. Any thread.
class Counter {
 public:
  constexpr Counter(const char* name, const char* help) : entry_{name, help} {}

  // For the service that is being called; in a thread of the module's own pass it.
  void add(std::uint64_t amount = 1) const { add(service(), amount); }
  void add(Service in, std::uint64_t amount = 1) const {
    in.instance()->host->count(in.instance()->service, index_, amount);
  }

  // For PREFORKD_MODULE.
  [[nodiscard]] const pfd_counter& entry() const { return entry_; }
  void set_index(std::uint32_t index) const { index_ = index; }

 private:
  pfd_counter entry_;
  // Until it is named in PREFORKD_MODULE it counts nothing.
  mutable std::uint32_t index_ = std::numeric_limits<std::uint32_t>::max();
};

}  // namespace pfd::inline v1

#endif
