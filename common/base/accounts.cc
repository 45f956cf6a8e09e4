#include "common/base/accounts.h"

#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <cstddef>
#include <string_view>
#include <vector>

#include "common/base/sys_error.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

// Calls a getXXnam_r function with a large enough buffer. `number`: reads the wanted number from the entry.
template <typename Entry, typename Lookup, typename Number>
auto FindAccount(Lookup lookup, Number number, const std::string& name, std::string_view kind)
    -> Result<decltype(number(Entry{}))> {
  constexpr std::size_t kFirstSize = 4096;
  constexpr std::size_t kMaxSize = 1024 * 1024;  // a group with very many members
  for (std::size_t size = kFirstSize; size <= kMaxSize; size *= 4) {
    std::vector<char> buffer(size);
    Entry entry{};
    Entry* found = nullptr;
    const int error = lookup(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (error == ERANGE) continue;
    if (found != nullptr) return number(entry);
    // getpwnam(3) lists what systems return for "not found".
    const bool unknown = error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
    if (!unknown) return SysErrorOf(error, fmt::format("looking up the {}", kind), name);
    return Error{fmt::format("there is no {0} {1}; write the name of one that exists, or leave it out", kind,
                             Quoted(name))};
  }
  return Error{fmt::format("the entry of {} {} is too large", kind, Quoted(name))};
}

}  // namespace

Result<uid_t> UserNumber(const std::string& name) {
  return FindAccount<struct passwd>(
      ::getpwnam_r, [](const struct passwd& entry) { return entry.pw_uid; }, name, "user");
}

Result<gid_t> GroupNumber(const std::string& name) {
  return FindAccount<struct group>(
      ::getgrnam_r, [](const struct group& entry) { return entry.gr_gid; }, name, "group");
}

}  // namespace preforkd
