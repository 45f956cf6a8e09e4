// A blocking module for tests of the real server under load. With -DBLOCKER_VERSION=2 it is another version,
// with -DBLOCKER_PIECES it takes bodies in pieces.
// All answers end with "done\n", which is nowhere else in them.
#include <unistd.h>

#include <chrono>
#include <preforkd/module.hpp>
#include <string>
#include <thread>

#ifndef BLOCKER_VERSION
#define BLOCKER_VERSION 1
#endif

#ifdef BLOCKER_PIECES
#define BLOCKER_FLAGS pfd::pieces,
#else
#define BLOCKER_FLAGS
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

// Says who is blocked before it blocks.
void holds(const pfd::Request& request, pfd::Stream& out) {
  out.write(std::to_string(::getpid()) + " begun\n");
  blocker_sleeps(number_of(request, "ms"));
  out.write("done\n");
}

pfd::Response big(const pfd::Request& request) {
  return done(std::string(static_cast<std::size_t>(number_of(request, "bytes")), 'x'));
}

pfd::Response body(const pfd::Request& request) { return done(std::to_string(request.body().size()) + " "); }

std::string whole(const pfd::Request& request) {
#ifdef BLOCKER_PIECES
  std::string body;
  char bytes[10'000];
  for (;;) {
    const auto piece = request.read(bytes, sizeof(bytes));
    if (piece.complete()) return body;
    if (piece.lost()) throw pfd::HttpError(400, "the body is not complete");
    body.append(bytes, piece.size());
  }
#else
  return std::string(request.body());
#endif
}

// Who answers, and the body, so that a wrong byte shows.
pfd::Response upload(const pfd::Request& request) {
  return done(std::to_string(::getpid()) + " " + whole(request) + " ");
}

void streams(const pfd::Request& request, pfd::Stream& out) {
  out.write(std::to_string(::getpid()) + "\n");
  for (long left = number_of(request, "bytes"); left > 0; left -= 10'000) {
    if (!out.write(std::string(10'000, 'x'))) return;
  }
  out.write("done\n");
}

pfd::Response version(const pfd::Request&) { return done("v" + std::to_string(BLOCKER_VERSION) + " "); }

// Who answers: its process.
pfd::Response who(const pfd::Request&) { return done(std::to_string(::getpid()) + " "); }

}  // namespace

PREFORKD_MODULE("blocker", BLOCKER_FLAGS answers, pfd::route{"GET", "/", quick},
                pfd::route{"GET", "/quick", quick}, pfd::route{"GET", "/sleep", sleeps},
                pfd::route{"GET", "/hold", holds}, pfd::route{"GET", "/big", big},
                pfd::route{"POST", "/body", body}, pfd::route{"POST", "/upload", upload},
                pfd::route{"GET", "/stream", streams}, pfd::route{"GET", "/version", version},
                pfd::route{"GET", "/who", who});
