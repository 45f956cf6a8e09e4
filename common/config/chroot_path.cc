#include "common/config/chroot_path.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "common/base/sys_error.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

Result<std::string> Resolve(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> resolved(::realpath(path.c_str(), nullptr), std::free);
  if (resolved == nullptr) return SysError("realpath", path);
  return std::string(resolved.get());
}

// The name of `whole` inside `root`; both are resolved. nullopt: it is not beneath `root`.
std::optional<std::string> WithoutRoot(const std::string& root, const std::string& whole) {
  if (root == "/") return whole;
  if (whole == root) return std::string("/");
  if (whole.starts_with(root + "/")) return whole.substr(root.size());
  return std::nullopt;
}

}  // namespace

Result<std::string> PathInside(const std::string& root, const std::string& path) {
  const Result<std::string> outer = Resolve(root);
  if (!outer.Ok()) return outer.Err();
  const Result<std::string> inner = Resolve(path);
  if (!inner.Ok()) return inner.Err();
  if (const auto inside = WithoutRoot(outer.Value(), inner.Value())) return *inside;
  return Error{
      fmt::format("{} is not beneath the workers' root, {}; write one that is", Quoted(path), Quoted(root))};
}

std::optional<std::string> LinkedPathInside(const std::string& root, const std::string& path) {
  const Result<std::string> outer = Resolve(root);
  if (!outer.Ok() || path.empty()) return std::nullopt;
  const bool absolute = path.starts_with('/');
  if (absolute && outer.Value() == "/") return path;
  const std::string whole = absolute ? path : "./" + path;
  // Resolves the shortest part that is beneath the root; a process inside can resolve the rest itself.
  for (std::size_t end = 0; end < whole.size();) {
    end = std::min(whole.find('/', end + 1), whole.size());
    const Result<std::string> part = Resolve(whole.substr(0, end));
    if (!part.Ok()) return std::nullopt;
    const std::optional<std::string> inside = WithoutRoot(outer.Value(), part.Value());
    if (!inside) continue;
    const std::string rest = whole.substr(end);
    return *inside == "/" && !rest.empty() ? rest : *inside + rest;
  }
  return std::nullopt;
}

}  // namespace preforkd
