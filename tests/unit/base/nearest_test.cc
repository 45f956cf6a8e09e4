// "Did you mean".
#include "common/text/nearest.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace preforkd::testing {
namespace {

const std::vector<std::string> kKnown = {"workers", "workers_max", "user",          "dispatch.policy",
                                         "root",    "parking.max", "parking.after", "log.level"};

TEST_CASE("one typing mistake of each kind") {
  CHECK(NearestName("worker", kKnown) == "workers");
  CHECK(NearestName("workerss", kKnown) == "workers");
  CHECK(NearestName("wprkers", kKnown) == "workers");
  CHECK(NearestName("wrokers", kKnown) == "workers");
  CHECK(NearestName("dispach.policy", kKnown) == "dispatch.policy");
  CHECK(NearestName("Log.Level", kKnown) == "log.level");
}

TEST_CASE("the nearest wins, the first of equals") {
  CHECK(NearestName("workers_mx", kKnown) == "workers_max");
  CHECK(NearestName("cat", std::vector<std::string>{"bat", "rat"}) == "bat");
}

TEST_CASE("a distant name is not offered") {
  CHECK(NearestName("", kKnown).empty());
  CHECK(NearestName("x", kKnown).empty());
  CHECK(NearestName("colour", kKnown).empty());
  CHECK(NearestName("rxyt", kKnown).empty());
  CHECK(NearestName("workers", {}).empty());
  CHECK(NearestName("b", std::vector<std::string>{"a"}).empty());
}

TEST_CASE("a word of a megabyte costs nothing") {
  CHECK(NearestName(std::string(1 << 20, 'w'), kKnown).empty());
}

TEST_CASE("the hint is a whole phrase or nothing") {
  CHECK(DidYouMean("rot", kKnown) == "; did you mean 'root'?");
  CHECK(DidYouMean("colour", kKnown).empty());
}

}  // namespace
}  // namespace preforkd::testing
