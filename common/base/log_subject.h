// Subject: what a log line is about: its event, the worker and the connection it concerns, and named values.
// Lives on the stack for one call and borrows its views for that long. Allocates nothing.
#ifndef PREFORKD_COMMON_BASE_LOG_SUBJECT_H_
#define PREFORKD_COMMON_BASE_LOG_SUBJECT_H_

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <type_traits>
#include <variant>

#include "common/base/ids.h"
#include "common/base/log_event.h"

namespace preforkd::log {

// name=value; in JSON a member of the line's object. The names of a line are distinct, and none is a name
// that the head of a line uses (role, pid, slot, inc, gen, event, conn).
struct Field {
  using Value = std::variant<std::int64_t, std::uint64_t, double, std::string_view>;

  Field() = default;
  Field(std::string_view field, std::signed_integral auto number)
      : name(field), value(static_cast<std::int64_t>(number)) {}
  Field(std::string_view field, std::unsigned_integral auto number)
      : name(field), value(static_cast<std::uint64_t>(number)) {}
  Field(std::string_view field, double number) : name(field), value(number) {}
  Field(std::string_view field, std::string_view text) : name(field), value(text) {}
  template <typename Id>
  requires std::is_enum_v<Id> Field(std::string_view field, Id id) : Field(field, Raw(id)) {}

  std::string_view name;
  Value value;
};

// Use it only as a temporary in the call that writes the line: the list of fields lives as long as that
// expression.
class Subject {
 public:
  using Fields = std::initializer_list<Field>;

  Subject(Event event, Fields fields = {})
      : event_(event), fields_(fields) {}  // NOLINT: log::Info(log::kX, ...)
  Subject(Event event, ConnId conn, Fields fields = {}) : event_(event), conn_(conn), fields_(fields) {}
  Subject(Event event, const WorkerId& worker, Fields fields = {})
      : event_(event), worker_(worker), fields_(fields) {}
  Subject(Event event, const WorkerId& worker, std::optional<ConnId> conn, Fields fields)
      : event_(event), worker_(worker), conn_(conn), fields_(fields) {}
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;

  [[nodiscard]] Event What() const { return event_; }
  // Shown instead of the slot and the incarnation of the writing process.
  [[nodiscard]] const std::optional<WorkerId>& Worker() const { return worker_; }
  [[nodiscard]] const std::optional<ConnId>& Conn() const { return conn_; }
  [[nodiscard]] Fields Values() const { return fields_; }

 private:
  Event event_;
  std::optional<WorkerId> worker_;
  std::optional<ConnId> conn_;
  Fields fields_;
};

}  // namespace preforkd::log

#endif
