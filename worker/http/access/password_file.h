// PasswordFile: the users that may use a place, from a file as htpasswd(1) writes it: "user:hash" on each
// line. Read once, when the service starts; never changed.
#ifndef PREFORKD_WORKER_HTTP_ACCESS_PASSWORD_FILE_H_
#define PREFORKD_WORKER_HTTP_ACCESS_PASSWORD_FILE_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace preforkd::http {

struct PasswordEntry {
  std::string user;
  std::string hash;
};

class PasswordFile {
 public:
  static constexpr std::size_t kMaxBytes = 1024 * 1024;

  // `name`: of the file, for errors: "NAME:LINE: what is wrong; what to write instead". Empty lines and those
  // that begin with '#' are skipped, and so is what follows a second colon.
  static Result<PasswordFile> Parse(std::string_view text, const std::string& name);
  // Never blocks: a FIFO or a device is refused.
  static Result<PasswordFile> Read(const std::string& path);

  // nullptr: there is no such user. The entry stays where it is as long as the file.
  [[nodiscard]] const PasswordEntry* Find(std::string_view user) const;
  // The hash that is checked for a user that there is not, so that it takes as long as for one that there is:
  // the one that takes longest is not known, so it is the first of the file.
  [[nodiscard]] const std::string& Decoy() const { return decoy_; }

 private:
  PasswordFile() = default;

  std::map<std::string, PasswordEntry, std::less<>> entries_;
  std::string decoy_;
};

// Setting::check of such a file.
Status CheckPasswordFile(const std::string& path);

}  // namespace preforkd::http

#endif
