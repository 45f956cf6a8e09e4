#include "master/upgrade/upgrade_order.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <optional>
#include <string_view>

#include "common/base/check.h"
#include "master/system/wiped_variable.h"

namespace preforkd {
namespace {

// Removes the part before the first comma from `text` and returns it.
std::string_view NextPart(std::string_view& text) {
  const std::size_t comma = text.find(',');
  const std::string_view part = text.substr(0, comma);
  text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  return part;
}

std::optional<int> Number(std::string_view text) {
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

}  // namespace

UpgradeOrder ParseOrder(std::string_view text) {
  const std::string_view kind = NextPart(text);
  const std::optional<int> state = Number(NextPart(text));
  if (!state) return {};
  if (kind == "check" && text.empty()) return {UpgradeOrder::Kind::kCheck, *state, -1, {}};
  const std::optional<int> old_program = Number(NextPart(text));
  if (!old_program) return {};
  if (kind == "return") return {UpgradeOrder::Kind::kReturn, *state, *old_program, std::string(text)};
  if (kind == "again") {
    const std::optional<int> failed = Number(NextPart(text));
    if (!failed) return {};
    return {UpgradeOrder::Kind::kAgain, *state, *old_program, std::string(text), *failed};
  }
  if (kind == "restore" && text.empty()) return {UpgradeOrder::Kind::kRestore, *state, *old_program, {}};
  return {};
}

std::string TextOf(const UpgradeOrder& order) {
  switch (order.kind) {
    case UpgradeOrder::Kind::kNone: break;
    case UpgradeOrder::Kind::kCheck: return fmt::format("check,{}", order.state);
    case UpgradeOrder::Kind::kRestore: return fmt::format("restore,{},{}", order.state, order.old_program);
    case UpgradeOrder::Kind::kAgain:
      return fmt::format("again,{},{},{},{}", order.state, order.old_program, order.failed, order.reason);
    case UpgradeOrder::Kind::kReturn:
      return fmt::format("return,{},{},{}", order.state, order.old_program, order.reason);
  }
  PF_CHECK(false, "no order has no text");
}

CommandWords TakeCommandLine(int argc, const char* const* argv) {
  CommandWords command{{argv, argv + argc}, {}};
  const std::string name(kOrderVariable.substr(0, kOrderVariable.size() - 1));
  if (const std::optional<std::string> text = TakeVariable(name.c_str())) {
    command.order = ParseOrder(*text);
    return command;
  }
  if (argc < 2 || !command.words.back().starts_with(kOrderArgument)) return command;
  const UpgradeOrder order = ParseOrder(std::string_view(command.words.back()).substr(kOrderArgument.size()));
  if (order.kind != UpgradeOrder::Kind::kCheck)
    return command;  // the option parser reports an unknown option
  command.words.pop_back();
  command.order = order;
  return command;
}

std::vector<char*> PointersTo(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<char*> EnvironmentWith(const std::string& variable) {
  std::vector<char*> pointers;
  for (char** entry = environ; *entry != nullptr; ++entry) pointers.push_back(*entry);
  pointers.push_back(const_cast<char*>(variable.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace preforkd
