// AccessLines: the access log of an HttpBed, which is read back.
#ifndef PREFORKD_TESTS_LOOPBACK_HTTP_ACCESS_LINES_H_
#define PREFORKD_TESTS_LOOPBACK_HTTP_ACCESS_LINES_H_

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <sstream>
#include <string>
#include <vector>

#include "tests/loopback/http/http_bed.h"
#include "worker/connection/access_log.h"

namespace preforkd::testing {

class AccessLines {
 public:
  // `bed` must outlive it, without its connections.
  explicit AccessLines(HttpBed& bed)
      : bed_(bed),
        log_(bed.Env().loop, bed.Env().id, AccessFormat::kJson, bed.Env().scoreboard.Lines(bed.Env().id.slot),
             bed.Env().scoreboard.Master().access_lines_dropped) {
    const int fd = ::open("/tmp", O_TMPFILE | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    file_ = UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    log_.SetOutput(UniqueFd(fd));
    bed.Env().access = &log_;
  }

  // The lines so far. `Json`: nlohmann::json.
  template <typename Json>
  std::vector<Json> Read() {
    bed_.Turn();
    std::string text(1 << 20, '\0');
    const ssize_t size = ::pread(file_.Get(), text.data(), text.size(), 0);
    REQUIRE(size >= 0);
    std::istringstream stream(text.substr(0, static_cast<std::size_t>(size)));
    std::vector<Json> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(Json::parse(line));
    return lines;
  }

 private:
  HttpBed& bed_;
  UniqueFd file_;
  AccessLog log_;
};

}  // namespace preforkd::testing

#endif
