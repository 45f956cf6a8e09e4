// preforkd/testing.hpp: the kit for tests of a module. Header-only; for doctest, Catch2 or none: it throws,
// and returns values to compare.
//
// In this process, quick: a clock that is moved by hand, clients that leave, sessions that travel.
//
//   pfd::testing::Module m("./hello.so", {{"greeting", "hi"}});
//   m.get("/hello?name=x").body
//
// The real server on a free port: reloads, killed workers, what is left behind.
//
//   pfd::testing::Server server({.module = "./hello.so"});
//   server.get("/hello?name=x").body
//
// The first is no HTTP server: it checks the interface, and HTTP only as far as a module can break it. Build
// with g++ -std=c++20 test.cc -ldl -pthread
#ifndef PREFORKD_TESTING_HPP
#define PREFORKD_TESTING_HPP

#include "testing/module.hpp"
#include "testing/server.hpp"

#endif
