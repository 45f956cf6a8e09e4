// FileSite: a service that serves a folder of the test, through the whole HTTP service, in one process.
#ifndef PREFORKD_TESTS_LOOPBACK_HTTP_FILE_SITE_H_
#define PREFORKD_TESTS_LOOPBACK_HTTP_FILE_SITE_H_

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>

#include "tests/loopback/http/http_bed.h"
#include "worker/services/http_service_type.h"

namespace preforkd::testing {

// A folder that exists as long as the object.
class ServedFolder {
 public:
  explicit ServedFolder(const std::string& name) {
    const char* base = std::getenv("TEST_TMPDIR");
    path_ = std::filesystem::path(base != nullptr ? base : "/tmp") / name;
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ServedFolder(const ServedFolder&) = delete;
  ServedFolder& operator=(const ServedFolder&) = delete;
  ~ServedFolder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::filesystem::path Path(const std::string& name = "") const { return path_ / name; }
  void Write(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories(Path(name).parent_path());
    std::ofstream(Path(name)) << text;
  }
  void SetTime(const std::string& name, std::time_t time) const {
    const timespec times[2] = {{0, UTIME_OMIT}, {time, 0}};
    REQUIRE(::utimensat(AT_FDCWD, Path(name).c_str(), times, 0) == 0);
  }

 private:
  std::filesystem::path path_;
};

class FileSite {
 public:
  // `settings`: besides the root.
  explicit FileSite(const ServedFolder& folder, std::map<std::string, std::string> settings = {})
      : bed_(WithRoot(std::move(settings), folder), HttpServiceType()) {}

  // `fields`: whole lines.
  Answer Ask(std::string_view method, std::string_view target, std::string_view fields = "") {
    const auto client = bed_.Connect();
    bed_.Exchange(*client, std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" +
                               std::string(fields) + "\r\n");
    const auto answers = [&] { return ParseAnswers(client->Received(), method == "HEAD"); };
    bed_.Until([&] {
      client->Read();
      return !answers().empty() && answers().front().status > 0;
    });
    REQUIRE(answers().size() == 1);
    return answers().front();
  }
  Answer Get(std::string_view target, std::string_view fields = "") { return Ask("GET", target, fields); }
  [[nodiscard]] HttpBed& Bed() { return bed_; }

 private:
  static std::map<std::string, std::string> WithRoot(std::map<std::string, std::string> settings,
                                                     const ServedFolder& folder) {
    settings["root"] = folder.Path();
    return settings;
  }

  HttpBed bed_;
};

}  // namespace preforkd::testing

#endif
