// A blocking module for tests of the real server under load. With -DBLOCKER_VERSION=2 it is another version.
// All answers end with "done\n", which is nowhere else in them.
#include <unistd.h>

#include <chrono>
#include <preforkd/module.hpp>
#include <string>
#include <thread>

#ifndef BLOCKER_VERSION
#define BLOCKER_VERSION 1
#endif

// Named in the backtrace of a thread that is stuck in it.
extern "C" void blocker_sleeps(long milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

namespace {

pfd::Counter answers{"answers", "Requests that were answered."};

long number_of(const pfd::Request& request, const char* name) {
  const auto text = request.query(name);
  if (!text) throw pfd::HttpError(400, std::string(name) + "=NUMBER is missing");
  return std::stol(std::string(*text));
}

pfd::Response done(const std::string& text = "") {
  answers.add();
  return pfd::text(text + "done\n");
}

pfd::Response quick(const pfd::Request&) { return done(); }

pfd::Response sleeps(const pfd::Request& request) {
  blocker_sleeps(number_of(request, "ms"));
  return done();
}

pfd::Response big(const pfd::Request& request) {
  return done(std::string(static_cast<std::size_t>(number_of(request, "bytes")), 'x'));
}

pfd::Response body(const pfd::Request& request) { return done(std::to_string(request.body().size()) + " "); }

pfd::Response version(const pfd::Request&) { return done("v" + std::to_string(BLOCKER_VERSION) + " "); }

// Who answers: its process.
pfd::Response who(const pfd::Request&) { return done(std::to_string(::getpid()) + " "); }

}  // namespace

PREFORKD_MODULE("blocker", answers, pfd::route{"GET", "/", quick}, pfd::route{"GET", "/quick", quick},
                pfd::route{"GET", "/sleep", sleeps}, pfd::route{"GET", "/big", big},
                pfd::route{"POST", "/body", body}, pfd::route{"GET", "/version", version},
                pfd::route{"GET", "/who", who});
