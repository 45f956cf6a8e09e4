// Result<T> and Status: what a function that can fail returns. Ignoring one does not compile.
//
// For failures of the environment (a system call, a file, a peer), never for our own bugs (check.h).
#ifndef PREFORKD_COMMON_BASE_RESULT_H_
#define PREFORKD_COMMON_BASE_RESULT_H_

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "common/base/check.h"

namespace preforkd {

// Why something failed, as text for a person. `errnum` is the errno behind it, 0 if there is none.
struct Error {
  std::string text;
  int errnum = 0;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose

  [[nodiscard]] bool Ok() const { return state_.index() == 0; }
  // Precondition: Ok().
  T& Value() & { return std::get<0>(Checked()); }
  const T& Value() const& { return std::get<0>(const_cast<Result*>(this)->Checked()); }
  T&& Value() && { return std::move(std::get<0>(Checked())); }
  // Precondition: !Ok().
  [[nodiscard]] const Error& Err() const {
    PF_CHECK(!Ok(), "asked a success for its error");
    return std::get<1>(state_);
  }

 private:
  std::variant<T, Error>& Checked() {
    PF_CHECK(Ok(), "took the value of a failure");
    return state_;
  }

  std::variant<T, Error> state_;
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)) {}  // NOLINT: implicit on purpose

  [[nodiscard]] bool Ok() const { return !error_.has_value(); }
  // Precondition: !Ok().
  [[nodiscard]] const Error& Err() const {
    PF_CHECK(error_.has_value(), "asked a success for its error");
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace preforkd

#endif
