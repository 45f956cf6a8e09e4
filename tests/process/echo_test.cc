// Echo, the smallest service: all bytes come back in order, and connections are spread evenly.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "tests/support/daemon_process.h"
#include "tests/support/proc_status.h"
#include "tests/support/tcp_client.h"
#include "tests/support/yardstick.h"

namespace preforkd::testing {
namespace {

std::vector<std::string> Flags(const std::string& workers, const std::string& policy = "least-connections") {
  return {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", workers, "--set",
          "dispatch.policy=" + policy,
          // Each connection stays with the worker that was chosen for it, also when it is idle or its worker
          // gets no CPU time.
          "--set", "parking.after=0s", "--set", "dispatch.reclaim_after=0"};
}

// The byte at each position of a long stream. It has no period that could hide a lost or repeated block.
char StreamByte(std::size_t place) { return static_cast<char>((place * 2654435761U) >> 13); }

std::string StreamPart(std::size_t from, std::size_t size) {
  std::string part(size, '\0');
  for (std::size_t i = 0; i < size; ++i) part[i] = StreamByte(from + i);
  return part;
}

void SendStream(int fd, std::size_t size) {
  constexpr std::size_t kPart = 256 * 1024;
  for (std::size_t from = 0; from < size; from += kPart) {
    const std::string part = StreamPart(from, std::min(kPart, size - from));
    for (std::size_t sent = 0; sent < part.size();) {
      const ssize_t now = ::send(fd, part.data() + sent, part.size() - sent, MSG_NOSIGNAL);
      if (now <= 0) return;
      sent += static_cast<std::size_t>(now);
    }
  }
  (void)::shutdown(fd, SHUT_WR);
}

// How many client connections each worker holds. Its only other socket is its channel.
std::vector<int> ConnectionsPerWorker(const DaemonProcess& daemon) {
  std::vector<int> counts;
  for (const pid_t pid : daemon.WorkerPids()) counts.push_back(FdSnapshot::Of(pid).Count("socket") - 1);
  std::sort(counts.begin(), counts.end());
  return counts;
}

// Waits for these numbers. Returns the actual ones as text for a message.
std::string AwaitConnections(const DaemonProcess& daemon, const std::vector<int>& wanted) {
  (void)WaitUntil(kTimeout, [&] { return ConnectionsPerWorker(daemon) == wanted; });
  return fmt::format("{}", fmt::join(ConnectionsPerWorker(daemon), " "));
}

}  // namespace

TEST_CASE("64 MiB through one connection with a slow reader come back identical, and memory stays small") {
  constexpr std::size_t kSize = 64 << 20;
  DaemonProcess daemon;
  daemon.Serve(1, Flags("1"));
  const pid_t worker = daemon.WorkerPids().at(0);
  TcpClient client(daemon.Address());
  std::thread sender(SendStream, client.Fd(), kSize);
  std::size_t place = 0;
  bool identical = true;
  std::uint64_t largest = 0;
  // Bursts: between two of them the reader pauses long enough for every buffer on the way to fill.
  for (std::size_t burst = 0; identical && place < kSize; ++burst) {
    const std::size_t size = std::min<std::size_t>(kSize - place, 4 << 20);
    const std::optional<std::string> part = client.ReadExactly(size);
    identical = part == StreamPart(place, size);
    place += size;
    if (burst % 4 == 0) largest = std::max(largest, ResidentBytes(worker));
  }
  CHECK(identical);
  CHECK(client.ReadToEnd() == "");
  sender.join();
#ifndef PREFORKD_SANITIZED
  CHECK(largest < 20U << 20);
#else
  CHECK(largest > 0);
#endif
}

TEST_CASE("the server reads no more from a client that does not read") {
  DaemonProcess daemon;
  daemon.Serve(1, Flags("1"));
  const pid_t worker = daemon.WorkerPids().at(0);
  TcpClient client(daemon.Address());
  const std::string part = StreamPart(0, 64 * 1024);
  std::size_t sent = 0;
  // Until neither side accepts another byte: all data is in socket buffers then.
  (void)WaitUntil(std::chrono::seconds(1), [&] {
    const ssize_t now = ::send(client.Fd(), part.data(), part.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (now > 0) sent += static_cast<std::size_t>(now);
    return false;
  });
  // A worker that spins would get about as much CPU time as this thread, however busy the machine is. It may
  // need a moment to become idle.
  constexpr Duration kSpin = std::chrono::milliseconds(200);
  CHECK(WaitUntil(kTimeout, [&] {
    const std::uint64_t before = CpuNanoseconds(worker);
    Spin(kSpin);
    return CpuNanoseconds(worker) - before < static_cast<std::uint64_t>(kSpin.count()) / 10;
  }));
  client.HalfClose();
  const std::optional<std::string> all = client.ReadToEnd();
  REQUIRE(all);
  CHECK(all->size() == sent);
}

TEST_CASE("after a half-close the client still gets everything that it sent before") {
  DaemonProcess daemon;
  daemon.Serve(2, Flags("2"));
  TcpClient client(daemon.Address());
  REQUIRE(client.SendAll("all of this"));
  client.HalfClose();
  CHECK(client.ReadToEnd() == "all of this");
}

TEST_CASE("400 idle clients on four workers: each has exactly 100") {
  for (const std::string policy : {"least-connections", "round-robin"}) {
    CAPTURE(policy);
    DaemonProcess daemon;
    std::vector<std::string> flags = Flags("4", policy);
    // A worker that gets no CPU time is full at the default of 64, and the others would get its share.
    flags.insert(flags.end(), {"--set", "dispatch.max_queue=256"});
    // Otherwise connections could go back to the master, or move away from a worker that gets no CPU time.
    // Other tests cover that.
    flags.insert(flags.end(), {"--set", "parking.after=0", "--set", "dispatch.reclaim_after=0"});
    daemon.Serve(4, flags);
    std::vector<TcpClient> clients;
    for (int i = 0; i < 400; ++i) clients.emplace_back(daemon.Address());
    CHECK(AwaitConnections(daemon, {100, 100, 100, 100}) == "100 100 100 100");
  }
}

TEST_CASE("a new worker gets its share of clients that are never parked") {
  DaemonProcess daemon;
  daemon.Serve(1, Flags("1"));
  std::vector<TcpClient> clients;
  for (int i = 0; i < 60; ++i) clients.emplace_back(daemon.Address());
  REQUIRE(AwaitConnections(daemon, {60}) == "60");
  daemon.Signal(SIGTTIN);
  REQUIRE(daemon.AwaitWorkers(2));
  bool all_answered = true;
  // At its next heartbeat the first worker hands back what exceeds its share. Each client moves on when it
  // sends something.
  const bool even = WaitUntil(kTimeout, [&] {
    for (TcpClient& client : clients) all_answered = client.Echoes("x") && all_answered;
    const std::vector<int> counts = ConnectionsPerWorker(daemon);
    return counts.size() == 2 && counts[0] >= 24 && counts[0] + counts[1] == 60;
  });
  CHECK(even);
  CHECK(all_answered);
  clients.clear();
  daemon.RebaseDescriptors();
}

TEST_CASE("least-connections fills up workers that lost clients; round-robin does not") {
  DaemonProcess daemon;
  daemon.Serve(2, Flags("2", "round-robin"));
  std::vector<TcpClient> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(daemon.Address());
  REQUIRE(AwaitConnections(daemon, {10, 10}) == "10 10");
  for (std::size_t i = 0; i < clients.size(); i += 2) clients[i].Close();
  REQUIRE(AwaitConnections(daemon, {0, 10}) == "0 10");
  for (int i = 0; i < 10; ++i) clients.emplace_back(daemon.Address());
  CHECK(AwaitConnections(daemon, {5, 15}) == "5 15");
}

TEST_CASE("client-hash: all connections of one address go to one worker") {
  DaemonProcess daemon;
  daemon.Serve(4, Flags("4", "client-hash"));
  std::vector<TcpClient> clients;
  for (int i = 0; i < 40; ++i) clients.emplace_back(daemon.Address());
  CHECK(AwaitConnections(daemon, {0, 0, 0, 40}) == "0 0 0 40");
}

TEST_CASE("client-hash: clients of a Unix socket, which have no address, are spread evenly") {
  DaemonProcess daemon;
  std::vector<std::string> flags = Flags("4", "client-hash");
  const std::string address = "unix:" + daemon.Path("echo.sock");
  std::replace(flags.begin(), flags.end(), std::string("127.0.0.1:0"), address);
  daemon.Serve(4, flags);
  std::vector<TcpClient> clients;
  for (int i = 0; i < 40; ++i) clients.emplace_back(address);
  CHECK(AwaitConnections(daemon, {10, 10, 10, 10}) == "10 10 10 10");
}

}  // namespace preforkd::testing
