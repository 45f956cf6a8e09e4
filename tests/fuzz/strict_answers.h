// StrictAnswers: what a client may rely on. It splits the bytes that a client has received into answers, and
// aborts the fuzz target if one of them is not well-formed, or if its end is not where its framing says.
//
// It shares no code with the product: the same mistake on both sides would be seen by nobody.
#ifndef PREFORKD_TESTS_FUZZ_STRICT_ANSWERS_H_
#define PREFORKD_TESTS_FUZZ_STRICT_ANSWERS_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace preforkd::testing {

struct StrictAnswer {
  int status = 0;
  // In the order of arrival, without Date, which changes with the time.
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;     // without its framing
  bool to_end = false;  // the body had no length: it ended with the connection

  bool operator==(const StrictAnswer&) const = default;
  // The value of the first field of that name, given in lower case; "" if there is none.
  [[nodiscard]] std::string Field(std::string_view name) const;
  [[nodiscard]] bool Closes() const;
};

struct Received {
  std::vector<StrictAnswer> answers;  // 1xx left out, but for 101
  std::string switched;               // behind 101: bytes of another protocol
};

// `to_head`: of each answer, whether its request was a HEAD. For answers behind those, which are refusals,
// `more_to_head`: it may have been; a body is then optional. `ended`: the server has sent FIN.
Received StrictAnswers(std::string_view bytes, const std::vector<bool>& to_head, bool more_to_head,
                       bool ended);

}  // namespace preforkd::testing

#endif
