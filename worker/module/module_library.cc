#include "worker/module/module_library.h"

#include <dlfcn.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstdint>

#include "common/process/loaded_objects.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

constexpr const char* kSymbol = "preforkd_module";

// The tables as the first header has them. They only grow: a module of that time stays welcome.
constexpr std::size_t kFirstModule = offsetof(pfd_module, protocol) + sizeof(pfd_module::protocol);
constexpr std::size_t kFirstProtocol = offsetof(pfd_protocol, close) + sizeof(pfd_protocol::close);

constexpr std::uint32_t kFlags = PFD_PIECES | PFD_CLIENT_SPEAKS | PFD_NO_BODY;
constexpr std::uint32_t kCalls =
    PFD_CALLS_NETWORK | PFD_CALLS_FILES | PFD_CALLS_PROCESSES | PFD_CALLS_THREADS | PFD_CALLS_CODE;

constexpr std::uint32_t kMaxSettings = 256;
constexpr std::uint32_t kMaxCounters = 16;

Status CheckProtocol(const pfd_protocol* protocol) {
  if (protocol == nullptr) return Error{"is of the kind PFD_PROTOCOL and has no table of a protocol"};
  if (protocol->size < kFirstProtocol) {
    return Error{
        fmt::format("has a protocol of {} bytes, the smallest has {}; set its size to "
                    "sizeof(pfd_protocol)",
                    protocol->size, kFirstProtocol)};
  }
  if (protocol->open == nullptr) return Error{"has a protocol without the function open"};
  if (protocol->bytes == nullptr) return Error{"has a protocol without the function bytes"};
  if (protocol->close == nullptr) return Error{"has a protocol without the function close"};
  return {};
}

Status CheckFunctions(const pfd_module& table) {
  if (table.kind > PFD_PROTOCOL) {
    return Error{
        fmt::format("is of the kind {}, this server knows PFD_EVENT (0), PFD_BLOCKING (1) and "
                    "PFD_PROTOCOL (2)",
                    table.kind)};
  }
  if (table.init == nullptr) return Error{"has no function init"};
  if (table.kind == PFD_PROTOCOL) return CheckProtocol(table.protocol);
  if (table.handle == nullptr) return Error{"answers HTTP and has no function handle"};
  return table.protocol == nullptr ? Status() : CheckProtocol(table.protocol);
}

// What this server does not know it cannot do, and the module counts on it.
Status CheckBits(const pfd_module& table) {
  if ((table.flags & ~kFlags) != 0) {
    return Error{fmt::format("asks for flags that this server does not have: {:#x}", table.flags & ~kFlags)};
  }
  constexpr std::uint32_t kBodies = PFD_PIECES | PFD_NO_BODY;
  if ((table.flags & kBodies) == kBodies) {
    return Error{"asks for bodies in pieces (PFD_PIECES) and for none (PFD_NO_BODY)"};
  }
  if ((table.calls & ~kCalls) != 0) {
    return Error{fmt::format("asks for sets of system calls that this server does not have: {:#x}",
                             table.calls & ~kCalls)};
  }
  return {};
}

Status CheckCounts(const pfd_module& table) {
  if (table.setting_count > kMaxSettings) {
    return Error{fmt::format("declares {} settings; {} are possible", table.setting_count, kMaxSettings)};
  }
  if (table.counter_count > kMaxCounters) {
    return Error{fmt::format("declares {} counters; {} are possible", table.counter_count, kMaxCounters)};
  }
  if (table.setting_count > 0 && table.settings == nullptr) return Error{"declares settings without a table"};
  if (table.counter_count > 0 && table.counters == nullptr) return Error{"declares counters without a table"};
  return {};
}

// Whole, unlike Quoted(): the name is at the end of a path.
std::string InQuotes(const std::string& path) { return fmt::format("'{}'", Escaped(path)); }

// dlerror() names the file that is missing, which may be a library that the module needs.
std::string LoaderError() {
  const char* text = ::dlerror();
  return text != nullptr ? Escaped(text) : std::string("for an unknown reason");
}

// By its path wherever that is possible: then $ORIGIN, and names in a debugger, are right.
Result<void*> OpenFile(const std::string& path, const ModuleFile& file) {
  // Without a '/' dlopen(3) would search the folders of the system.
  const std::string at_path = path.find('/') == std::string::npos ? "./" + path : path;
  const bool moved = !file.IsAt(at_path);
  const std::string name = moved ? file.NameByFd() : at_path;
  void* const library = OpenLibrary(name, path);
  if (library == nullptr && moved) {
    return Error{
        fmt::format("{} was replaced since it was checked, and the checked one cannot be opened: {}; "
                    "reload",
                    InQuotes(path), LoaderError())};
  }
  if (library == nullptr) return Error{fmt::format("{} cannot be opened: {}", InQuotes(path), LoaderError())};
  if (!moved && !file.IsAt(at_path)) return Error{InQuotes(path) + " was replaced while it was opened"};
  return library;
}

}  // namespace

Status CheckModule(const pfd_module* table) {
  if (table == nullptr) return Error{fmt::format("returns NULL from {}", kSymbol)};
  // First of all: in another interface everything else may mean something else.
  if (table->abi != PFD_ABI) {
    return Error{fmt::format("is built for interface {}, this server has {}", table->abi, PFD_ABI)};
  }
  if (table->size < kFirstModule) {
    return Error{
        fmt::format("has a table of {} bytes, the smallest has {}; set its size to sizeof(pfd_module)",
                    table->size, kFirstModule)};
  }
  Status status = CheckFunctions(*table);
  if (status.Ok()) status = CheckBits(*table);
  return status.Ok() ? CheckCounts(*table) : status;
}

std::string ModuleMark(const std::string& path, const ModuleFile& file) {
  struct stat info {};
  const int result = file.Held() ? ::fstat(file.Fd(), &info) : ::stat(path.c_str(), &info);
  if (result < 0) return {};
  return fmt::format("{:x}:{:x} {} {}.{:09}", info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec);
}

Result<const pfd_module*> OpenModule(const std::string& path, const ModuleFile& file) {
  const Result<void*> opened = OpenFile(path, file);
  if (!opened.Ok()) return opened.Err();
  void* const library = opened.Value();
  void* const symbol = ::dlsym(library, kSymbol);
  if (symbol == nullptr) {
    return Error{fmt::format("{} has no function {}, so it is not a module; see preforkd/module.h",
                             InQuotes(path), kSymbol)};
  }
  const pfd_module* const table = reinterpret_cast<decltype(&preforkd_module)>(symbol)();
  if (const Status status = CheckModule(table); !status.Ok()) {
    return Error{fmt::format("{} {}", InQuotes(path), status.Err().text)};
  }
  return table;
}

}  // namespace preforkd
