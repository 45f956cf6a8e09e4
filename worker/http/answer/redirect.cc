#include "worker/http/answer/redirect.h"

#include <cstddef>

#include "worker/http/answer/error_page.h"

namespace preforkd {

void AnswerRedirect(int status, std::string_view location, HttpResponse& response) {
  // One of this size fits in the fields of a response.
  constexpr std::size_t kMaxLocation = 24 * 1024;
  if (location.size() > kMaxLocation) return AnswerStatus(response, 414);
  AnswerStatus(response, status);
  response.AddHeader("Location", location);
}

}  // namespace preforkd
