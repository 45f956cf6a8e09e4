// preforkd as another version of itself, which may do wrong what a new version can do wrong. What it does is
// said by a file beside its own, NAME.trick, because nothing else differs between two programs at the same
// path. For tests only.
//
//   (none)           version "next", well-behaved; rows of its workers are longer
//   exit             looked at, it ends with an exit code and a line
//   hang             looked at, it never answers
//   vanish           looked at, it is content, and then its file is gone
//   die              when it is to take over it ends at once, without a way back
//   crash            it crashes while it takes over
//   stall            it does not go on while it takes over
//   bad-workers      it takes over, and its workers die at their start
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
#include "worker/http/http_service_type.h"
#include "worker/process/worker.h"
#include "worker/services/echo.h"
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

void PlayWhileLookedAt() {
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

// Stands before the C library's: the scoreboard asks for its memory in the middle of taking over.
extern "C" int memfd_create(const char* name, unsigned flags) noexcept {
  if (g_restoring && g_trick == "crash") ::raise(SIGSEGV);
  if (g_restoring && g_trick == "stall") {
    for (;;) ::pause();
  }
  return static_cast<int>(::syscall(SYS_memfd_create, name, flags));
}

namespace {

// As a version would have it that has added fields: the program that replaces this one must not mind.
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
  if (IsLookedAt(argc, argv)) PlayWhileLookedAt();
  if (g_restoring && g_trick == "die") std::_Exit(1);

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
  program.version = "next";
  if (g_restoring && g_trick == "bad-workers") program.worker = [](preforkd::WorkerStart) { std::_Exit(10); };
  return preforkd::RunProgram(argc, argv, program);
}
