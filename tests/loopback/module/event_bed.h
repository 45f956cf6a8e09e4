// Event: an event module whose handler is a function of the test, one client, and the log.
#ifndef PREFORKD_TESTS_LOOPBACK_MODULE_EVENT_BED_H_
#define PREFORKD_TESTS_LOOPBACK_MODULE_EVENT_BED_H_

#include <memory>
#include <string>
#include <utility>

#include "tests/loopback/http/later_bed.h"
#include "tests/loopback/module/http_module_bed.h"
#include "tests/loopback/module/module_bed.h"

namespace preforkd::testing {

struct Event {
  explicit Event(HttpModuleBed::Call handle, HttpModuleOptions options = {})
      : bed(std::move(options), std::move(handle)) {}
  // The status of a GET of `path`.
  int Status(const std::string& path = "/") {
    client = bed.Ask(Get(path));
    return bed.Answers(*client, 1) ? bed.answers.front().status : -1;
  }
  CapturedLog log;
  HttpModuleBed bed;
  std::unique_ptr<Client> client;
};

}  // namespace preforkd::testing

#endif
