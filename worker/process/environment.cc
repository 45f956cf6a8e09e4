#include "worker/process/environment.h"

#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <span>

#include "common/process/self_stat.h"

namespace preforkd {
namespace {

// environ points into these for the rest of the process.
struct Kept {
  std::vector<std::string> variables;
  std::vector<char*> pointers;
};

Kept& TheKept() {
  static Kept kept;
  return kept;
}

void Use(std::vector<std::string> variables) {
  Kept& kept = TheKept();
  kept.variables = std::move(variables);
  kept.pointers.clear();
  for (std::string& variable : kept.variables) kept.pointers.push_back(variable.data());
  kept.pointers.push_back(nullptr);
  environ = kept.pointers.data();
}

// Writes the kept variables where /proc/PID/environ reads them. They fit, unless a longer value was set since
// the start.
void Show(const std::vector<std::string>& variables, std::span<char> area) {
  ::explicit_bzero(area.data(), area.size());
  for (const std::string& variable : variables) {
    if (variable.size() >= area.size()) return;
    std::copy(variable.begin(), variable.end(), area.begin());
    area = area.subspan(variable.size() + 1);
  }
}

}  // namespace

bool IsListed(std::string_view variable, const std::vector<std::string>& names) {
  const std::size_t end = variable.find('=');
  if (end == std::string_view::npos || end == 0) return false;
  const std::string_view name = variable.substr(0, end);
  return std::any_of(names.begin(), names.end(), [&](const std::string& listed) {
    const bool prefix = listed.ends_with('*');
    return prefix ? name.starts_with(std::string_view(listed).substr(0, listed.size() - 1)) : name == listed;
  });
}

bool KeepEnvironment(const std::vector<std::string>& names) {
  std::vector<std::string> kept;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (IsListed(*entry, names)) kept.emplace_back(*entry);
  }
  const std::span<char> area = EnvironmentArea();
  Use(std::move(kept));
  if (area.empty()) return false;
  Show(TheKept().variables, area);
  return true;
}

}  // namespace preforkd
