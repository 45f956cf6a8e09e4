// Site: a service with hosts and locations, through the whole HTTP service, in one process.
#ifndef PREFORKD_TESTS_LOOPBACK_HTTP_PLACE_SITE_H_
#define PREFORKD_TESTS_LOOPBACK_HTTP_PLACE_SITE_H_

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/loopback/http/http_bed.h"
#include "tests/unit/http/place_bed.h"
#include "worker/http/http_service.h"
#include "worker/services/http_service_type.h"

namespace preforkd::testing {

// `http` with a handler of the test behind its places.
template <typename Handler>
ServiceType PlacedType() {
  ServiceType type = HttpServiceType();
  type.factory = [](const ServiceConfig& config, WorkerEnv& env) {
    return MakePlacedHttpService(config, env, std::make_unique<Handler>());
  };
  return type;
}

// A service with places, and clients that ask it one thing each.
class Site {
 public:
  Site(const std::map<std::string, std::string>& settings, std::vector<SettingsTable> tables,
       const ServiceType& type = HttpServiceType())
      : bed_(settings, type, std::move(tables)) {}

  Answer Send(const std::string& bytes, bool head_only = false) {
    const auto client = bed_.Connect();
    bed_.Exchange(*client, bytes);
    const std::vector<Answer> answers = ParseAnswers(client->Received(), head_only);
    REQUIRE(answers.size() == 1);
    return answers.front();
  }
  Answer Ask(const std::string& method, const std::string& host, const std::string& target,
             const std::string& fields = "") {
    return Send(method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + fields + "\r\n",
                method == "HEAD");
  }
  Answer Get(const std::string& host, const std::string& target, const std::string& fields = "") {
    return Ask("GET", host, target, fields);
  }
  HttpBed& Bed() { return bed_; }

 private:
  HttpBed bed_;
};

}  // namespace preforkd::testing

#endif
