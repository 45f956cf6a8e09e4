#include "common/config/chroot_path.h"

#include <fmt/core.h>

#include <cstdlib>
#include <memory>

#include "common/base/quote.h"
#include "common/base/sys_error.h"

namespace preforkd {
namespace {

Result<std::string> Resolve(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> resolved(::realpath(path.c_str(), nullptr), std::free);
  if (resolved == nullptr) return SysError("realpath", path);
  return std::string(resolved.get());
}

}  // namespace

Result<std::string> PathInside(const std::string& root, const std::string& path) {
  const Result<std::string> outer = Resolve(root);
  if (!outer.Ok()) return outer.Err();
  const Result<std::string> inner = Resolve(path);
  if (!inner.Ok()) return inner.Err();
  const std::string& from = outer.Value();
  const std::string& whole = inner.Value();
  if (from == "/") return whole;
  if (whole == from) return std::string("/");
  if (whole.starts_with(from + "/")) return whole.substr(from.size());
  return Error{fmt::format("{} is not beneath worker.chroot = {}; write one that is", Quoted(path), Quoted(root))};
}

}  // namespace preforkd
