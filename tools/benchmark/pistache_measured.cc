// pistache_measured ADDRESS THREADS: the peer of tools/bench that is a C++ server of Debian's. Pistache runs
// a handler in the thread whose epoll has the connection, so one that blocks delays the others of its thread.
// /block answers after 50 ms, every other path at once. Ends by a signal; exits with 64 for a wrong command
// line.
#include <pistache/endpoint.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <thread>

#include "tools/benchmark/measured_body.h"

namespace preforkd::benchmark {
namespace {

constexpr int kWrongCommandLine = 64;
constexpr int kBacklog = 4096;                                // as every server of tools/bench has
constexpr auto kKeepAliveTimeout = std::chrono::seconds(60);  // too

class Handler final : public Pistache::Http::Handler {
 public:
  HTTP_PROTOTYPE(Handler)

  void onRequest(const Pistache::Http::Request& request, Pistache::Http::ResponseWriter response) override {
    if (request.resource() == "/block") std::this_thread::sleep_for(std::chrono::milliseconds(50));
    response.send(Pistache::Http::Code::Ok, std::string(kMeasuredBody), MIME(Text, Plain));
  }
};

void Serve(const std::string& address, int threads) {
  Pistache::Http::Endpoint server{Pistache::Address(address)};
  server.init(Pistache::Http::Endpoint::options()
                  .threads(threads)
                  .backlog(kBacklog)
                  .keepaliveTimeout(kKeepAliveTimeout)
                  .flags(Pistache::Tcp::Options::ReuseAddr | Pistache::Tcp::Options::NoDelay));
  server.setHandler(Pistache::Http::make_handler<Handler>());
  server.serve();
}

int Main(int argc, char** argv) {
  int threads = 0;
  if (argc == 3) std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), threads);
  if (threads < 1) {
    std::fputs("usage: pistache_measured ADDRESS THREADS\n", stderr);
    return kWrongCommandLine;
  }
  try {
    Serve(argv[1], threads);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pistache_measured: %s\n", error.what());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace preforkd::benchmark

int main(int argc, char** argv) { return preforkd::benchmark::Main(argc, argv); }
