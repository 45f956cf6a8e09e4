#include "worker/module/host/preload.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <exception>
#include <string>

#include "common/config/module_declaration.h"
#include "common/units/units.h"
#include "worker/module/host/module_state.h"

void* pfd_arena::Allocate(std::size_t size, std::size_t align) {
  constexpr std::size_t kPage = 4096;
  if (!std::has_single_bit(align) || align > kPage) return nullptr;
  const std::size_t begin = (used_ + align - 1) & ~(align - 1);
  const std::size_t wanted = std::max<std::size_t>(size, 1);  // two things never have one address
  if (begin > memory_.size() || wanted > memory_.size() - begin) {
    overrun_ = true;
    return nullptr;
  }
  used_ = begin + wanted;
  return memory_.data() + begin;
}

bool pfd_arena::Holds(const void* place) const {
  const auto* const at = static_cast<const std::byte*>(place);
  return at >= memory_.data() && at < memory_.data() + used_;
}

std::size_t pfd_arena::OffsetOf(const void* place) const {
  return static_cast<std::size_t>(static_cast<const std::byte*>(place) - memory_.data());
}

namespace preforkd::module {
namespace {

constexpr std::size_t kErrorBytes = 1024;

// Empty: it succeeded.
std::string Call(const pfd_module& table, const pfd_host& host, pfd_service& service, pfd_arena& arena,
                 void*& root) {
  std::array<char, kErrorBytes> error{};
  try {
    const int result = table.preload(&host, &service, &arena, &root, error.data(), error.size());
    if (result == 0) return {};
    error.back() = '\0';
    const std::string text(error.data());
    return text.empty() ? fmt::format("failed with {}, without a reason", result)
                        : fmt::format("failed: {}", text);
  } catch (const std::exception& exception) {
    return fmt::format("threw an exception: {}", exception.what());
  } catch (...) {
    return "threw what is not a std::exception";
  }
}

}  // namespace

Result<void*> RunPreload(const pfd_module& table, const pfd_host& host, pfd_service& service,
                         pfd_arena& arena) {
  void* root = nullptr;
  const std::string problem = Call(table, host, service, arena, root);
  if (arena.Overrun()) {
    return Error{fmt::format("the module's preload needs more than preload_max, {}",
                             FormatSize(service.config.settings.Size(kPreloadMax)))};
  }
  if (!problem.empty()) return Error{"the module's preload " + problem};
  if (!arena.Holds(root)) {
    return Error{"the module's preload set no root in the memory that it allocated"};
  }
  return root;
}

void* HostAllocate(pfd_arena* arena, std::size_t size, std::size_t align) {
  return arena->Allocate(size, align);
}

void* HostPreloaded(pfd_service* service, std::size_t* size) {
  const auto& preloads = service->env.modules.preloads;
  const auto found = preloads.find(service->config.name);
  if (size != nullptr) *size = found == preloads.end() ? 0 : found->second.size;
  return found == preloads.end() ? nullptr : found->second.root;
}

}  // namespace preforkd::module
