// A module whose preload does what `mode` says, for tests of the real server. With -DPRELOADS_VERSION=2 it is
// another version, whose data is laid out in another way. On the C interface, to do wrong as a module in any
// language could.
#include <fcntl.h>
#include <preforkd/module.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>

#ifndef PRELOADS_VERSION
#define PRELOADS_VERSION 1
#endif

namespace {

constexpr std::size_t kPage = 4096;

struct Data {
#if PRELOADS_VERSION == 2
  char other_layout[256];
#endif
  const char* text;  // lies in the same memory
  const char* filler;
  int written;
};

struct State {
  const pfd_host* host;
  pfd_service* service;
};

pfd_str Str(const std::string& text) { return {text.data(), text.size()}; }
std::string Copy(pfd_str text) { return text.data == nullptr ? "" : std::string(text.data, text.size); }

// The first line of a file, and so many bytes more, all of them written.
Data* Fill(const pfd_host* host, pfd_service* service, pfd_arena* arena) {
  std::ifstream file(Copy(host->text(service, "table")));
  std::string line;
  if (!std::getline(file, line)) return nullptr;
  auto* data = static_cast<Data*>(host->allocate(arena, sizeof(Data), alignof(Data)));
  auto* text = static_cast<char*>(host->allocate(arena, line.size() + 1, 1));
  const std::uint64_t size = host->number(service, "fill");
  auto* filler = static_cast<char*>(host->allocate(arena, size + 1, kPage));
  if (data == nullptr || text == nullptr || filler == nullptr) return nullptr;
  std::memcpy(text, line.c_str(), line.size() + 1);
  for (std::uint64_t i = 0; i < size; i += 8) std::memcpy(filler + i, &i, std::min<std::size_t>(8, size - i));
  data->text = text;
  data->filler = filler;
  return data;
}

int Refuse(char* error, std::size_t error_size, const char* why) {
  std::snprintf(error, error_size, "%s", why);
  return -1;
}

// The first one leaves a file and goes on; each later one waits until that is removed.
void WaitForRemoval(const std::string& file) {
  const int made = ::open(file.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0600);
  if (made >= 0) return static_cast<void>(::close(made));
  while (::access(file.c_str(), F_OK) == 0) ::usleep(1000);
}

int Preload(const pfd_host* host, pfd_service* service, pfd_arena* arena, void** root, char* error,
            std::size_t error_size) {
  const std::string mode = Copy(host->text(service, "mode"));
  if (mode == "throws") throw std::runtime_error("it threw");
  if (mode == "crashes") std::abort();
  if (mode == "exits") ::_exit(3);
  if (mode == "silent") return 7;
  while (mode == "hangs") ::pause();
  if (mode == "second_waits") WaitForRemoval(Copy(host->text(service, "table")) + ".first");
  const pid_t child = mode == "leaves_child" ? ::fork() : -1;
  if (child == 0) {
    ::setsid();  // out of the reach of a signal to the group
    while (::access((Copy(host->text(service, "table")) + ".held").c_str(), F_OK) == 0) ::usleep(1000);
    ::_exit(0);
  }
  while (child > 0 && ::getsid(child) != child) ::usleep(1000);
  static int outside = 0;
  *root = mode == "outside" ? static_cast<void*>(&outside) : Fill(host, service, arena);
  if (*root == nullptr) return Refuse(error, error_size, "no table");
  host->log(service, PFD_NOTICE, Str("preloaded by version " + std::to_string(PRELOADS_VERSION)));
  return 0;
}

int Init(const pfd_host* host, pfd_service* service, void** state, char* error, std::size_t error_size) {
  if (host->preloaded(service, nullptr) == nullptr) return Refuse(error, error_size, "nothing is preloaded");
  *state = new State{host, service};
  return 0;
}

// "PID ROOT SIZE WRITTEN TEXT"; /write counts in the data first, /touch reads each page of it, /copy writes
// it.
void Handle(void* opaque, pfd_request* request) {
  const State& state = *static_cast<State*>(opaque);
  std::size_t size = 0;
  auto* data = static_cast<Data*>(state.host->preloaded(state.service, &size));
  const std::string path = Copy(state.host->path(request));
  if (path == "/write") ++data->written;
  auto* bytes = reinterpret_cast<volatile char*>(data);  // the data begins with it
  for (std::size_t i = 0; path == "/touch" && i < size; i += kPage) static_cast<void>(bytes[i]);
  for (std::size_t i = 0; path == "/copy" && i < size; i += kPage) bytes[i] = bytes[i];
  char line[512];
  std::snprintf(line, sizeof(line), "%d %p %zu %d %s\n", static_cast<int>(::getpid()),
                static_cast<void*>(data), size, data->written, data->text);
  state.host->respond(request, 200, nullptr, 0, Str(line));
}

void End(void* state) { delete static_cast<State*>(state); }

const pfd_setting kSettings[] = {
    {"table", PFD_PATH, 1, nullptr, nullptr, nullptr, nullptr, "a file with one line"},
    {"mode", PFD_TEXT, 0, nullptr, nullptr, "", nullptr, "what it does wrong"},
    {"fill", PFD_SIZE, 0, nullptr, nullptr, "0", nullptr, "bytes more"}};

const pfd_module& Table() {
  static const pfd_module table = [] {
    pfd_module made{};
    made.size = sizeof(made);
    made.abi = PFD_ABI;
    made.name = "preloads";
    made.version = PRELOADS_VERSION == 2 ? "2" : "1";
    made.kind = PFD_EVENT;
    made.calls = PFD_CALLS_PROCESSES;
    made.setting_count = sizeof(kSettings) / sizeof(kSettings[0]);
    made.settings = kSettings;
    made.init = Init;
    made.handle = Handle;
    made.end = End;
    made.preload = Preload;
    return made;
  }();
  return table;
}

}  // namespace

const pfd_module* preforkd_module(void) { return &Table(); }
