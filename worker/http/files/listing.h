// listing: what is in a folder, and the page that says so. Off unless the configuration asks for it.
//
// The folder was opened beneath the root, so nothing outside can be listed. Hidden files are left out, and
// what cannot be served: sockets, devices, links that lead out of the root.
#ifndef PREFORKD_WORKER_HTTP_FILES_LISTING_H_
#define PREFORKD_WORKER_HTTP_FILES_LISTING_H_

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/unique_fd.h"

struct stat;

namespace preforkd::http {

class Listing {
 public:
  // A folder with more entries is shown in part, and says so: each costs a system call on the loop thread.
  static constexpr std::size_t kMaxEntries = 2000;

  // Writes the status of what a symbolic link in the folder leads to. False: to nothing beneath the root.
  using Follow = std::function<bool(const char* name, struct stat& info)>;

  // Reads the folder. Returns 0, or an errno. The memory of an earlier folder is used again.
  int Read(const UniqueFd& folder, const Follow& follow);
  void Add(std::string_view name, const struct stat& info);
  // Folders first, then by name, byte by byte.
  void Sort();
  // The page. `path` is decoded and ends with '/'. Nothing of it or of a name is taken for HTML.
  void WritePage(std::string_view path, std::string& page) const;

 private:
  struct Entry {
    std::size_t name_at;
    std::size_t name_size;
    bool folder;
    std::uint64_t size;
    std::time_t modified;
  };

  // False: there are enough.
  bool Take(const UniqueFd& folder, const char* name, const Follow& follow);
  [[nodiscard]] std::string_view NameOf(const Entry& entry) const {
    return std::string_view(names_).substr(entry.name_at, entry.name_size);
  }

  std::string names_;  // one behind another
  std::vector<Entry> entries_;
  bool cut_ = false;
  std::size_t looked_at_ = 0;  // entries of the folder, shown or not
};

}  // namespace preforkd::http

#endif
