// ErrorPages: the pages of a site for answers with an error, instead of ours (error_page.h): files of one
// folder, read when the service starts. Plain values after that.
//
// Who sends a response calls Use() for it, before it is counted, logged or compressed, with the pages of the
// place of the request; for a request that could not be parsed, with those of the service.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_ERROR_PAGES_H_
#define PREFORKD_WORKER_HTTP_ANSWER_ERROR_PAGES_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/setting.h"
#include "worker/http/answer/response.h"

namespace preforkd {

// What a type or a table that has error pages declares: error_pages and error_pages_for.
const std::vector<Setting>& ErrorPageSettingTable();

namespace http {

class ErrorPages {
 public:
  static constexpr std::size_t kMaxPage = 64 * 1024;

  struct Page {
    std::string type;
    std::string body;

    bool operator==(const Page&) const = default;
  };

  // None.
  ErrorPages() = default;
  // Precondition: `settings` contains those of the table. Error: a page cannot be used.
  static Result<ErrorPages> Make(const Settings& settings);

  // Of that status, or of its class; nullptr: there is none.
  [[nodiscard]] const Page* Find(int status) const;
  // Gives the response its page, if it is an error that has one, and whose answer it replaces.
  void Use(HttpResponse& response) const;

  [[nodiscard]] bool Empty() const { return pages_.empty(); }
  bool operator==(const ErrorPages&) const = default;

 private:
  // What they replace; each also what those before it do.
  enum class Replaced { kOwn, kEmpty, kAll };

  [[nodiscard]] bool Replaces(const HttpResponse& response) const;

  std::map<int, Page> pages_;  // 4 and 5: of the class
  Replaced replaced_ = Replaced::kOwn;
};

}  // namespace http
}  // namespace preforkd

#endif
