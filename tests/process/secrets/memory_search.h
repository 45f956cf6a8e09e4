// MemorySearch: looks for secrets in the memory of another process, through /proc/PID/mem. It finds pieces of
// them, too: memory that was freed has its first bytes overwritten, and the rest is a leak like the whole.
//
// Needs root, or CAP_SYS_PTRACE: the processes are not dumpable.
#ifndef PREFORKD_TESTS_PROCESS_SECRETS_MEMORY_SEARCH_H_
#define PREFORKD_TESTS_PROCESS_SECRETS_MEMORY_SEARCH_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace preforkd::testing {

// What no process may have, or only some. At least kPiece bytes, all of them random.
struct Secret {
  std::string name;  // for the report of a failure
  std::string bytes;
};
using Secrets = std::vector<Secret>;

// Bytes that are enough to be found: in a gigabyte, eight random ones come by chance once in 2^34 searches.
inline constexpr std::size_t kPiece = 8;

// Where a piece of a secret was.
struct Finding {
  std::size_t secret = 0;  // its place in the list
  std::uint64_t address = 0;
  std::string mapping;        // its line in /proc/PID/smaps
  bool not_in_core = false;   // MADV_DONTDUMP
  bool not_in_child = false;  // MADV_WIPEONFORK or MADV_DONTFORK
};

class MemorySearch {
 public:
  explicit MemorySearch(Secrets secrets);

  // In all memory of the process. Throws std::runtime_error if it cannot be read.
  [[nodiscard]] std::vector<Finding> In(pid_t pid) const;
  // In the files that the process has open, but for devices, pipes and sockets.
  [[nodiscard]] std::vector<Finding> InFilesOf(pid_t pid) const;

  [[nodiscard]] std::size_t Size() const { return secrets_.size(); }
  [[nodiscard]] const Secret& At(std::size_t place) const { return secrets_[place]; }
  // How many of the secrets were found, at least in part.
  [[nodiscard]] static std::size_t Count(const std::vector<Finding>& findings);
  // The first few, for a person.
  [[nodiscard]] std::string Text(const std::vector<Finding>& findings) const;

 private:
  void AddPiece(std::size_t secret, std::size_t offset);
  // Calls `found(secret, offset)` for each piece in `bytes`.
  template <typename Found>
  void Scan(std::string_view bytes, Found found) const;

  Secrets secrets_;
  std::unordered_multimap<std::uint64_t, std::size_t> pieces_;
  std::vector<bool> filter_;  // by a hash of the piece: most bytes of a process are none
};

}  // namespace preforkd::testing

#endif
