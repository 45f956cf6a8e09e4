#include "common/process/loaded_objects.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string_view>

namespace preforkd {
namespace {

constexpr std::size_t kMaxName = 63;     // of a file
constexpr std::size_t kMaxSymbol = 160;  // a longer one is cut
constexpr std::size_t kObjects = 64;

struct Object {
  std::uintptr_t base = 0;
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  std::array<char, kMaxName + 1> name{};  // ends with NUL
  // Its dynamic symbols, in its own memory.
  const ElfW(Sym) * symbols = nullptr;
  std::size_t symbol_count = 0;
  const char* strings = nullptr;
  std::size_t string_bytes = 0;
};

// Signal handlers read the first g_count, which do not change any more.
std::array<Object, kObjects> g_objects;
std::atomic<std::size_t> g_count{0};

// ---- where an object lies ----

// The number of symbols is not written down: it follows from the last chain of the hash table.
std::size_t CountByHash(const std::uint32_t* table) {
  const std::uint32_t buckets = table[0];
  const std::uint32_t first = table[1];
  const std::uint32_t bloom_words = table[2];
  const std::uint32_t* const bucket = table + 4 + bloom_words * (sizeof(ElfW(Addr)) / sizeof(std::uint32_t));
  const std::uint32_t* const chain = bucket + buckets;
  const std::uint32_t* const last = std::max_element(bucket, bucket + buckets);
  if (buckets == 0 || *last < first) return first;
  std::uint32_t symbol = *last;
  while ((chain[symbol - first] & 1U) == 0) ++symbol;
  return symbol + 1;
}

void ReadDynamic(const ElfW(Dyn) * entry, Object& object) {
  // The loader has made addresses of the offsets, except where that section is read-only.
  const auto at = [&](ElfW(Addr) value) { return value < object.base ? object.base + value : value; };
  for (; entry->d_tag != DT_NULL; ++entry) {
    const ElfW(Addr) value = entry->d_un.d_ptr;
    switch (entry->d_tag) {
      case DT_SYMTAB: object.symbols = reinterpret_cast<const ElfW(Sym)*>(at(value)); break;
      case DT_STRTAB: object.strings = reinterpret_cast<const char*>(at(value)); break;
      case DT_STRSZ: object.string_bytes = value; break;
      case DT_HASH: object.symbol_count = reinterpret_cast<const std::uint32_t*>(at(value))[1]; break;
      case DT_GNU_HASH:
        object.symbol_count = CountByHash(reinterpret_cast<const std::uint32_t*>(at(value)));
        break;
      default: break;
    }
  }
  if (object.symbols == nullptr || object.strings == nullptr) object.symbol_count = 0;
}

void SetName(std::string_view path, Object& object) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t size = std::min(name.size(), kMaxName);
  std::copy_n(name.begin(), size, object.name.begin());
  object.name[size] = '\0';
}

Object Describe(const dl_phdr_info& info) {
  Object object;
  object.base = info.dlpi_addr;
  object.begin = UINTPTR_MAX;
  const ElfW(Dyn)* dynamic = nullptr;
  for (std::size_t i = 0; i < info.dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = info.dlpi_phdr[i];
    const std::uintptr_t begin = object.base + part.p_vaddr;
    if (part.p_type == PT_DYNAMIC) dynamic = reinterpret_cast<const ElfW(Dyn)*>(begin);
    if (part.p_type != PT_LOAD) continue;
    object.begin = std::min(object.begin, begin);
    object.end = std::max(object.end, begin + part.p_memsz);
  }
  if (dynamic != nullptr) ReadDynamic(dynamic, object);
  SetName(info.dlpi_name == nullptr ? "" : info.dlpi_name, object);
  return object;
}

// The list of the loader only grows at its end.
struct Listing {
  std::size_t known;            // objects that were there before
  std::string_view file, path;  // see OpenLibrary
  std::size_t seen = 0;
};

int Count(dl_phdr_info*, std::size_t, void* count) {
  ++*static_cast<std::size_t*>(count);
  return 0;
}

int Note(dl_phdr_info* info, std::size_t, void* opaque) {
  auto& listing = *static_cast<Listing*>(opaque);
  const std::size_t count = g_count.load(std::memory_order_relaxed);
  if (listing.seen++ < listing.known || count == kObjects) return 0;
  g_objects[count] = Describe(*info);
  if (info->dlpi_name != nullptr && info->dlpi_name == listing.file) SetName(listing.path, g_objects[count]);
  g_count.store(count + 1, std::memory_order_release);
  return 0;
}

// ---- the name of an address; all of this runs in signal handlers ----

class Text {
 public:
  Text(char* into, std::size_t room) : into_(into), room_(room) {}

  // As far as there is room. What a terminal could take for a command is replaced.
  void Add(const char* text, std::size_t most) {
    for (std::size_t i = 0; i < most && text[i] != '\0' && size_ < room_; ++i) {
      into_[size_++] = text[i] > ' ' && text[i] <= '~' ? text[i] : '?';
    }
  }
  void AddSpace() {
    if (size_ < room_) into_[size_++] = ' ';
  }
  void AddOffset(std::uintptr_t offset) {
    std::array<char, 2 * sizeof(offset) + 1> digits{};
    std::size_t at = digits.size() - 1;
    do {
      digits[--at] = "0123456789abcdef"[offset % 16];
      offset /= 16;
    } while (offset != 0);
    Add("+0x", 3);
    Add(&digits[at], digits.size());
  }
  [[nodiscard]] std::size_t Size() const { return size_; }

 private:
  char* into_;
  std::size_t room_;
  std::size_t size_ = 0;
};

const Object* ObjectAt(std::uintptr_t address) {
  const std::size_t count = g_count.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    if (address >= g_objects[i].begin && address < g_objects[i].end) return &g_objects[i];
  }
  return nullptr;
}

const ElfW(Sym) * FunctionAt(const Object& object, std::uintptr_t offset) {
  for (std::size_t i = 0; i < object.symbol_count; ++i) {
    const ElfW(Sym)& symbol = object.symbols[i];
    const bool function = ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_shndx != SHN_UNDEF;
    const bool there = offset >= symbol.st_value && offset - symbol.st_value < symbol.st_size;
    if (function && there && symbol.st_name < object.string_bytes) return &symbol;
  }
  return nullptr;
}

}  // namespace

void* OpenLibrary(const std::string& file, const std::string& path) {
  Listing listing{0, file, path};
  (void)::dl_iterate_phdr(&Count, &listing.known);
  void* const library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library != nullptr) (void)::dl_iterate_phdr(&Note, &listing);
  return library;
}

std::size_t NameAddress(std::uintptr_t address, bool called, char* into, std::size_t room) {
  const std::uintptr_t inside = called ? address - 1 : address;
  const Object* const object = ObjectAt(inside);
  if (object == nullptr) return 0;
  Text text(into, room);
  const ElfW(Sym)* const function = FunctionAt(*object, inside - object->base);
  if (function != nullptr) {
    text.Add(object->strings + function->st_name, kMaxSymbol);
    text.AddOffset(address - object->base - function->st_value);
    text.AddSpace();
    text.Add("(", 1);
  }
  text.Add(object->name.data(), kMaxName);
  text.AddOffset(address - object->base);
  if (function != nullptr) text.Add(")", 1);
  return text.Size();
}

}  // namespace preforkd
