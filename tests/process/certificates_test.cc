// Certificates: what is wrong with them is said at start, by --check and at a reload. That keys are in gates
// only: secrets/private_keys_test.cc.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/daemon_process.h"
#include "tests/support/tcp_client.h"
#include "tests/support/test_keys.h"

namespace preforkd::testing {
namespace {

using Json = nlohmann::json;

struct Pair {
  std::string chain;
  std::string key;
};

// Lines 1 to 9, then four lines for each certificate; its chain is on the second of them, its key on the
// third.
std::string ConfigWith(const TestKeys& keys, const std::vector<Pair>& pairs, const std::string& more = {}) {
  std::string text =
      "workers = 1\nworkers_max = 1\n[[listen]]\naddress = \"127.0.0.1:0\"\nservice = \"s\"\ntls = true\n"
      "[service.s]\ntype = \"echo\"\n\n";
  for (const Pair& pair : pairs) {
    text += fmt::format("[[tls.certificate]]\nchain = \"{}\"\nkey = \"{}\"\n\n", keys.Path(pair.chain),
                        keys.Path(pair.key));
  }
  return text + more;
}

std::string ChainPlace(const DaemonProcess& daemon, std::size_t certificate) {
  return fmt::format("{}:{}:1", daemon.ConfigPath(), 11 + 4 * certificate);
}
std::string KeyPlace(const DaemonProcess& daemon, std::size_t certificate) {
  return fmt::format("{}:{}:1", daemon.ConfigPath(), 12 + 4 * certificate);
}

}  // namespace

TEST_CASE("--check says all that is wrong, each at its place") {
  const TestKeys keys;
  keys.Make("good");
  keys.Make("other", {.names = {"other.example"}});
  keys.Encrypt("good", "encrypted");
  WriteFile(keys.Path("garbage.pem"), "nothing\n");
  WriteFile(keys.Path("mixed.pem"), ReadFile(keys.Path("good.pem")) + ReadFile(keys.Path("other.pem")));
  DaemonProcess daemon;
  daemon.WriteConfig(ConfigWith(keys, {{"good.pem", "good.key"},
                                       {"good.pem", "other.key"},
                                       {"good.pem", "encrypted.key"},
                                       {"missing.pem", "good.key"},
                                       {"garbage.pem", "good.key"},
                                       {"good.pem", "garbage.pem"},
                                       {"mixed.pem", "good.key"}}));
  CHECK(daemon.Run({"--check"}) == 78);
  const std::string said = daemon.Stderr();
  CAPTURE(said);
  const auto says = [&](const std::string& place, const std::string& what) {
    CAPTURE(place);
    const std::size_t at = said.find(place + ": ");
    REQUIRE(at != std::string::npos);
    CHECK(said.substr(at, said.find('\n', at) - at).find(what) != std::string::npos);
  };
  says(KeyPlace(daemon, 1), "other.key: is not the key of certificate 1 of ");
  says(KeyPlace(daemon, 2), "encrypted.key: the key is encrypted");
  says(ChainPlace(daemon, 3), "No such file or directory");
  says(ChainPlace(daemon, 4), "garbage.pem: no certificate in PEM is in it");
  says(KeyPlace(daemon, 5), "garbage.pem: no private key in PEM is in it");
  says(ChainPlace(daemon, 6), "mixed.pem: certificate 2 is not the issuer of certificate 1");
  CHECK(std::count(said.begin(), said.end(), '\n') == 6);
}

TEST_CASE("a certificate that has ended, or soon will, is a warning") {
  const TestKeys keys;
  keys.Make("old", {.begins = "2020-01-01 00:00:00", .ends = "2021-01-01 00:00:00", .authority = true});
  keys.Make("below", {.names = {"below.example"}, .by = "old"});
  keys.Make("soon", {.names = {"soon.example"}, .days = 5});
  keys.Make("early",
            {.names = {"early.example"}, .begins = "2090-01-01 00:00:00", .ends = "2091-01-01 00:00:00"});
  DaemonProcess daemon;
  const std::vector<Pair> pairs = {
      {"below.pem", "below.key"}, {"soon.pem", "soon.key"}, {"early.pem", "early.key"}};
  daemon.WriteConfig(ConfigWith(keys, pairs));
  CHECK(daemon.Run({"--check"}) == 0);
  const std::string said = daemon.Stderr();
  CAPTURE(said);
  const std::string warning = ": warning: tls.certificate.chain: ";
  CHECK(said.find(ChainPlace(daemon, 0) + warning + keys.Path("below.pem") + ": certificate 2 expired ") !=
        std::string::npos);
  CHECK(said.find(ChainPlace(daemon, 1) + warning + keys.Path("soon.pem") + ": certificate 1 expires in ") !=
        std::string::npos);
  CHECK(said.find(ChainPlace(daemon, 2) + warning + keys.Path("early.pem") +
                  ": certificate 1 is not valid yet, for ") != std::string::npos);

  DaemonProcess serving;
  serving.WriteConfig(ConfigWith(keys, pairs));
  serving.Serve(3);
  const std::string soon =
      fmt::format("certificate_ends chain={} position=1 state=expires", keys.Path("soon.pem"));
  CHECK(serving.AwaitEvents(soon, 1) == 1);
  CHECK(serving.CountEvents("certificate_ends") == 3);
  CHECK(serving.Reload());
  CHECK(serving.AwaitEvents("certificate_ends", 6) == 6);
}

TEST_CASE("a reload refuses a bad certificate, and takes a renewed one") {
  const TestKeys keys;
  keys.Make("a");
  keys.Make("b", {.names = {"b.example", "*.c.example"}, .days = 100});
  DaemonProcess daemon;
  daemon.WriteConfig(ConfigWith(keys, {{"a.pem", "a.key"}}));
  daemon.Serve(3);
  const auto names = [&] {
    const CommandResult listed = Ctl(daemon, {"--json", "certificates"});
    CHECK(listed.code == 0);
    return Json::parse(listed.out).at(0).at("names");
  };
  CHECK(names() == Json{"a.example"});
  // A file that was replaced is not used before a reload, and one that does not fit, never.
  WriteFile(keys.Path("a.pem"), ReadFile(keys.Path("b.pem")));
  CHECK_FALSE(daemon.Reload());
  CHECK(daemon.AwaitEvents(fmt::format("config_problem place={} why~\"is not the key of certificate 1\"",
                                       KeyPlace(daemon, 0)),
                           1) == 1);
  CHECK(names() == Json{"a.example"});
  WriteFile(keys.Path("a.key"), ReadFile(keys.Path("b.key")));
  CHECK(daemon.Reload());
  CHECK(names() == Json{"b.example", "*.c.example"});

  const CommandResult table = Ctl(daemon, {"certificates"});
  CHECK(table.code == 0);
  CHECK(table.out.starts_with("NAMES"));
  CHECK(table.out.find("b.example, *.c.example") != std::string::npos);
  CHECK(table.out.find(keys.Path("a.pem")) != std::string::npos);
  const CommandResult metrics = Ctl(daemon, {"metrics"});
  CHECK(metrics.out.find(
            fmt::format("preforkd_certificate_not_after_seconds{{chain=\"{}\",name=\"b.example\"}} 1",
                        keys.Path("a.pem"))) != std::string::npos);
}

TEST_CASE("clients are served while a reload reads certificates") {
  const TestKeys keys;
  keys.Make("a");
  DaemonProcess daemon;
  const std::string plain = "[[listen]]\naddress = \"127.0.0.2:0\"\nservice = \"s\"\n";
  daemon.WriteConfig(ConfigWith(keys, {{"a.pem", "a.key"}}, plain));
  daemon.Serve(3);
  TcpClient client(daemon.Address(1));
  daemon.Signal(SIGHUP);
  CHECK(WaitUntil(kTimeout, [&] {
    REQUIRE(client.Echoes("ping"));
    return daemon.CountEvents("reload_done") > 0;
  }));
  CHECK(client.Echoes("pong"));
}

}  // namespace preforkd::testing
