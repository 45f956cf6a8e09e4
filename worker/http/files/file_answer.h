// file_answer: answers a request with an open file: its validators, conditions and ranges.
#ifndef PREFORKD_WORKER_HTTP_FILES_FILE_ANSWER_H_
#define PREFORKD_WORKER_HTTP_FILES_FILE_ANSWER_H_

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/unique_fd.h"
#include "common/structures/siphash.h"
#include "worker/http/answer/response.h"
#include "worker/http/coding/accept_encoding.h"
#include "worker/http/syntax/request.h"

namespace preforkd::http {

// A regular file.
struct FoundFile {
  UniqueFd fd;
  struct stat info {};
  Coding coding = Coding::kIdentity;  // of its bytes
  // Another client may get another representation. Siblings often have the same time, so a date names none of
  // them, and a range of one must not be put beside a range of another.
  bool negotiated = false;
};

// Boundaries of multipart answers. Those who write files cannot know which ones will follow, so they cannot
// put one into a file.
class Boundaries {
 public:
  Boundaries();
  // 16 characters.
  std::string Next();

 private:
  SipKey key_;
  std::uint64_t count_ = 0;
};

// `type`: the Content-Type. Header fields added before are kept.
void AnswerFile(const HttpRequest& request, HttpResponse& response, FoundFile file, std::string_view type,
                Boundaries& boundaries);

}  // namespace preforkd::http

#endif
