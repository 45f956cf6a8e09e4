#include "tests/process/secrets/memory_search.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "common/base/unique_fd.h"

namespace preforkd::testing {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20;
constexpr unsigned kFilterBits = 22;
constexpr std::uint64_t kSpread = 0x9E3779B97F4A7C15;
constexpr std::size_t kReported = 20;

std::uint64_t PieceAt(const char* place) {
  std::uint64_t piece = 0;
  std::memcpy(&piece, place, sizeof(piece));
  return piece;
}

std::size_t HashOf(std::uint64_t piece) { return piece * kSpread >> (64 - kFilterBits); }

constexpr std::uint64_t kPage = 4096;

struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct Mapping {
  Range range;
  std::string line;
  bool not_in_core = false;
  bool not_in_child = false;
};

// "VmFlags: rd wr mr mw me ac dd wf" (proc(5)).
void ReadFlags(const std::string& line, Mapping& mapping) {
  const auto has = [&](const char* flag) { return line.find(flag) != std::string::npos; };
  mapping.not_in_core = has(" dd");
  mapping.not_in_child = has(" wf") || has(" dc");
}

// Also what cannot be read by the process itself: it could make it readable.
std::vector<Mapping> MappingsOf(pid_t pid) {
  std::vector<Mapping> mappings;
  std::ifstream file(fmt::format("/proc/{}/smaps", pid));
  for (std::string line; std::getline(file, line);) {
    unsigned long long begin = 0;
    unsigned long long end = 0;
    if (line.starts_with("VmFlags:") && !mappings.empty()) {
      ReadFlags(line, mappings.back());
    } else if (std::sscanf(line.c_str(), "%llx-%llx ", &begin, &end) == 2) {
      // The kernel's own page ([vvar]) cannot be read.
      if (line.find("[v") == std::string::npos) mappings.push_back({{begin, end}, line});
    }
  }
  return mappings;
}

// The parts of it that hold anything: a private page that is not there has never been written. Of a shared
// mapping all: what others have written is there.
std::vector<Range> PartsOf(const Mapping& mapping, int pagemap) {
  const std::size_t count = (mapping.range.end - mapping.range.begin) / kPage;
  const std::size_t rights = mapping.line.find(' ') + 1;
  if (mapping.line.at(rights + 3) == 's') return {mapping.range};
  std::vector<std::uint64_t> pages(count);
  const auto from = static_cast<off_t>(mapping.range.begin / kPage * sizeof(std::uint64_t));
  const ssize_t size = ::pread(pagemap, pages.data(), count * sizeof(std::uint64_t), from);
  if (size != static_cast<ssize_t>(count * sizeof(std::uint64_t))) return {mapping.range};
  std::vector<Range> parts;
  for (std::size_t i = 0; i < count; ++i) {
    constexpr unsigned kSwapped = 62;  // and 63: present (proc(5))
    if (pages[i] >> kSwapped == 0) continue;
    const std::uint64_t begin = mapping.range.begin + i * kPage;
    if (parts.empty() || parts.back().end != begin) parts.push_back({begin, begin});
    parts.back().end += kPage;
  }
  return parts;
}

bool IsRegular(const std::string& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode);
}

}  // namespace

MemorySearch::MemorySearch(Secrets secrets)
    : secrets_(std::move(secrets)), filter_(std::size_t{1} << kFilterBits) {
  for (std::size_t i = 0; i < secrets_.size(); ++i) {
    const std::size_t size = secrets_[i].bytes.size();
    if (size < kPiece) throw std::runtime_error("a secret is too short: " + secrets_[i].name);
    for (std::size_t offset = 0; offset + kPiece <= size; offset += kPiece) AddPiece(i, offset);
    AddPiece(i, size - kPiece);
  }
}

void MemorySearch::AddPiece(std::size_t secret, std::size_t offset) {
  const std::uint64_t piece = PieceAt(secrets_[secret].bytes.data() + offset);
  pieces_.emplace(piece, secret);
  filter_[HashOf(piece)] = true;
}

template <typename Found>
void MemorySearch::Scan(std::string_view bytes, Found found) const {
  for (std::size_t at = 0; at + kPiece <= bytes.size(); ++at) {
    const std::uint64_t piece = PieceAt(bytes.data() + at);
    if (!filter_[HashOf(piece)]) continue;
    const auto [first, last] = pieces_.equal_range(piece);
    for (auto each = first; each != last; ++each) found(each->second, at);
  }
}

std::vector<Finding> MemorySearch::In(pid_t pid) const {
  const UniqueFd memory(::open(fmt::format("/proc/{}/mem", pid).c_str(), O_RDONLY | O_CLOEXEC));
  if (!memory.Valid()) throw std::runtime_error(fmt::format("cannot read the memory of process {}", pid));
  const UniqueFd pagemap(::open(fmt::format("/proc/{}/pagemap", pid).c_str(), O_RDONLY | O_CLOEXEC));
  std::vector<Finding> findings;
  std::size_t searched = 0;
  std::string bytes(kChunk + kPiece - 1, '\0');
  for (const Mapping& mapping : MappingsOf(pid)) {
    for (const Range& part : PartsOf(mapping, pagemap.Get())) {
      for (std::uint64_t at = part.begin; at < part.end; at += kChunk) {
        const std::size_t wanted = std::min<std::uint64_t>(bytes.size(), part.end - at);
        const ssize_t size = ::pread(memory.Get(), bytes.data(), wanted, static_cast<off_t>(at));
        if (size <= 0) continue;  // a file that became shorter
        searched += static_cast<std::size_t>(size);
        Scan({bytes.data(), static_cast<std::size_t>(size)}, [&](std::size_t secret, std::size_t offset) {
          findings.push_back({secret, at + offset, mapping.line, mapping.not_in_core, mapping.not_in_child});
        });
      }
    }
  }
  if (searched < 1'000'000) throw std::runtime_error(fmt::format("process {} has no memory", pid));
  return findings;
}

std::vector<Finding> MemorySearch::InFilesOf(pid_t pid) const {
  const std::string folder = fmt::format("/proc/{}/fd", pid);
  DIR* const directory = ::opendir(folder.c_str());
  if (directory == nullptr) throw std::runtime_error("cannot read " + folder);
  std::vector<Finding> findings;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string path = folder + "/" + entry->d_name;
    if (!IsRegular(path)) continue;
    std::ifstream file(path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    Scan(bytes, [&](std::size_t secret, std::size_t offset) {
      findings.push_back({secret, offset, path, false, false});
    });
  }
  ::closedir(directory);
  return findings;
}

std::size_t MemorySearch::Count(const std::vector<Finding>& findings) {
  std::set<std::size_t> found;
  for (const Finding& finding : findings) found.insert(finding.secret);
  return found.size();
}

std::string MemorySearch::Text(const std::vector<Finding>& findings) const {
  std::string text = fmt::format("{} pieces of {} of {} secrets", findings.size(), Count(findings), Size());
  std::size_t last = Size();
  std::size_t lines = 0;
  for (const Finding& finding : findings) {
    if (std::exchange(last, finding.secret) == finding.secret) continue;
    if (++lines > kReported) break;
    text += fmt::format("\n  {} at {:x} in {}", At(finding.secret).name, finding.address, finding.mapping);
  }
  return text;
}

}  // namespace preforkd::testing
