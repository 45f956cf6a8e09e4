// preforkd as another version of itself, which can fail in the ways that a new version can fail. The file
// NAME.trick beside the program selects the failure, because nothing else differs between two programs at the
// same path. For tests only.
//
//   (none)           version "next", works; the rows of its workers are longer
//   exit             in check mode it ends with an exit code and a line
//   hang             in check mode it never answers
//   vanish           the check succeeds, and then its file is removed
//   exit-restoring   it exits while it restores the state, without returning to the old program
//   crash            it crashes while it restores the state
//   stall            it hangs while it restores the state
//   bad-workers      it restores the state, and its workers exit at their start
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "master/program.h"
#include "tests/fault/fault_service.h"
#include "worker/gate/describe/describe_certificates.h"
#include "worker/process/worker.h"
#include "worker/services/echo.h"
#include "worker/services/http_service_type.h"
#include "worker/services/status_service.h"

namespace {

std::string g_trick;
bool g_restoring = false;

std::string OwnPath() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

std::string ReadTrick() {
  std::string trick;
  std::ifstream(OwnPath() + ".trick") >> trick;
  return trick;
}

bool IsLookedAt(int argc, char** argv) { return std::strncmp(argv[argc - 1], "--upgrade=check,", 16) == 0; }

bool IsToRestore() {
  const char* order = std::getenv("_PREFORKD_UPGRADE");
  return order != nullptr && std::strncmp(order, "restore,", 8) == 0;
}

void PlayInCheckMode() {
  if (g_trick == "exit") {
    std::fputs("not today\n", stderr);
    std::_Exit(3);
  }
  if (g_trick == "hang") {
    for (;;) ::pause();
  }
  if (g_trick == "vanish") ::unlink(OwnPath().c_str());
}

}  // namespace

// Overrides the C library's: the scoreboard allocates its memory in the middle of restoring the state.
extern "C" int memfd_create(const char* name, unsigned flags) noexcept {
  if (g_restoring && g_trick == "crash") ::raise(SIGSEGV);
  if (g_restoring && g_trick == "stall") {
    for (;;) ::pause();
  }
  return static_cast<int>(::syscall(SYS_memfd_create, name, flags));
}

namespace {

// As a version with additional fields would have it: the program that replaces this one must accept it.
void GrowRow(const preforkd::Scoreboard& board, preforkd::Slot slot) {
  constexpr std::uint32_t kMore = 256;
  board.Master().header.row_bytes = preforkd::WorkerRow::kBytes + kMore;
  preforkd::WorkerRow& row = board.Row(slot);
  row.version = preforkd::WorkerRow::kVersion + 1;
  row.size = preforkd::WorkerRow::kBytes + kMore;
  std::memset(reinterpret_cast<char*>(&row) + preforkd::WorkerRow::kBytes, 0xFF, kMore);
}

}  // namespace

int main(int argc, char** argv) {
  g_trick = ReadTrick();
  g_restoring = IsToRestore();
  if (IsLookedAt(argc, argv)) PlayInCheckMode();
  if (g_restoring && g_trick == "exit-restoring") std::_Exit(1);

  preforkd::ServiceTypes services;
  services["http"] = preforkd::HttpServiceType();
  services["status"] = preforkd::StatusServiceType();
  services["echo"] = preforkd::EchoServiceType();
  services["fault"] = preforkd::testing::FaultServiceType();

  preforkd::Program program;
  program.service_types = preforkd::Declarations(services);
  program.worker = [entry = preforkd::MakeWorkerEntry(services)](preforkd::WorkerStart start) {
    GrowRow(*start.scoreboard, start.id.slot);
    entry(std::move(start));
  };
  program.describe_certificates = preforkd::MakeCertificateDescriber();
  program.version = "next";
  if (g_restoring && g_trick == "bad-workers") program.worker = [](preforkd::WorkerStart) { std::_Exit(10); };
  return preforkd::RunProgram(argc, argv, program);
}
