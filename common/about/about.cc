#include "common/about/about.h"

#include <elf.h>
#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <link.h>

#include <cstddef>
#include <cstring>
#include <span>

namespace preforkd {
namespace {

#ifdef __clang__
constexpr const char* kCompiler = "clang++";
#else
constexpr const char* kCompiler = "g++";
#endif

#ifdef __OPTIMIZE__
constexpr const char* kOptimized = "optimized";
#else
constexpr const char* kOptimized = "not optimized";
#endif

// Of this file, as of all others: Bazel compiles them with the same options.
std::string Compilation() {
  std::string text =
      fmt::format("{} {}, C++{}, {}", kCompiler, __VERSION__, __cplusplus / 100 % 100, kOptimized);
#if defined(_FORTIFY_SOURCE) && _FORTIFY_SOURCE > 0
  text += fmt::format(", _FORTIFY_SOURCE={}", _FORTIFY_SOURCE);
#endif
#ifdef PREFORKD_SANITIZED
  text += ", sanitizers";
#endif
  return text;
}

// The id in one segment of notes; empty if it is not there.
std::string IdIn(std::span<const std::byte> notes) {
  constexpr auto kAligned = [](std::size_t size) { return (size + 3) / 4 * 4; };
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes.data(), sizeof(note));
    const std::size_t name = sizeof(note);
    const std::size_t content = name + kAligned(note.n_namesz);
    const std::size_t size = content + kAligned(note.n_descsz);
    if (size > notes.size()) return {};
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof("GNU") &&
        std::memcmp(&notes[name], "GNU", sizeof("GNU")) == 0) {
      std::string id;
      for (const std::byte byte : notes.subspan(content, note.n_descsz))
        id += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
      return id;
    }
    notes = notes.subspan(size);
  }
  return {};
}

// The loader tells of the program first.
int ReadId(dl_phdr_info* info, std::size_t, void* id) {
  for (std::size_t i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = info->dlpi_phdr[i];
    if (part.p_type != PT_NOTE) continue;
    const auto* begin = reinterpret_cast<const std::byte*>(info->dlpi_addr + part.p_vaddr);
    std::string found = IdIn({begin, part.p_memsz});
    if (!found.empty()) *static_cast<std::string*>(id) = std::move(found);
  }
  return 1;  // the others are libraries
}

std::string Described(const LibraryVersion& library) {
  using Linked = LibraryVersion::Linked;
  if (library.linked == Linked::kHeaders) return fmt::format("{}, headers only", library.built);
  if (library.linked == Linked::kStatic) {
    const bool differ = !library.loaded.empty() && library.loaded != library.built;
    return fmt::format("{}, linked statically{}", library.built,
                       differ ? fmt::format(", the archive is {}", library.loaded) : "");
  }
  if (library.built.empty()) return fmt::format("{} loaded", library.loaded);
  if (library.loaded.empty()) return fmt::format("built with {}", library.built);
  return fmt::format("{} loaded, built with {}", library.loaded, library.built);
}

}  // namespace

std::string BuildId() {
  std::string id;
  ::dl_iterate_phdr(&ReadId, &id);
  return id;
}

About AboutBuild() {
  using Linked = LibraryVersion::Linked;
  About about;
  about.facts = {{"compiler", Compilation()}, {"build id", BuildId()}};
  about.libraries = {
      {"fmt", Linked::kHeaders,
       fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100), ""},
      {"glibc", Linked::kDynamic, fmt::format("{}.{}", __GLIBC__, __GLIBC_MINOR__), ::gnu_get_libc_version()},
#ifdef _GLIBCXX_RELEASE
      {"libstdc++", Linked::kDynamic, fmt::format("{}", _GLIBCXX_RELEASE), ""},
#endif
  };
  return about;
}

std::string AboutText(std::string_view title, const About& about) {
  std::string text = fmt::format("{}\n", title);
  for (const About::Fact& fact : about.facts) text += fmt::format("{:<16}{}\n", fact.name, fact.value);
  text += "libraries\n";
  for (const LibraryVersion& library : about.libraries)
    text += fmt::format("  {:<14}{}\n", library.name, Described(library));
  return text;
}

}  // namespace preforkd
