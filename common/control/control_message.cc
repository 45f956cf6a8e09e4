#include "common/control/control_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/text/quote.h"

namespace preforkd {
namespace {

using Json = nlohmann::ordered_json;

struct CommandRow {
  ControlCommand command;
  const char* name;
  const char* number;  // the name of its number, or nullptr if it takes none
  bool may_wait;
  bool of_a_pool = false;  // may name a pool
};
constexpr CommandRow kCommands[] = {
    {ControlCommand::kStatus, "status", nullptr, false},
    {ControlCommand::kMetrics, "metrics", nullptr, false},
    {ControlCommand::kConfig, "config", nullptr, false},
    {ControlCommand::kReload, "reload", nullptr, true},
    {ControlCommand::kUpgrade, "upgrade", nullptr, true},
    {ControlCommand::kStop, "stop", nullptr, false},
    {ControlCommand::kScale, "scale", "workers", false, true},
    {ControlCommand::kRetire, "retire", "slot", false},
    {ControlCommand::kReopenLogs, "reopen-logs", nullptr, false},
};

const CommandRow& RowOf(ControlCommand command) {
  return *std::find_if(std::begin(kCommands), std::end(kCommands),
                       [command](const CommandRow& row) { return row.command == command; });
}

const CommandRow* FindRow(const std::string& name) {
  const auto* row = std::find_if(std::begin(kCommands), std::end(kCommands),
                                 [&name](const CommandRow& candidate) { return name == candidate.name; });
  return row == std::end(kCommands) ? nullptr : row;
}

// A non-negative integer that fits; nullopt for any other value.
std::optional<std::uint32_t> NumberIn(const Json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  const auto number = value.get<std::uint64_t>();
  if (number > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(number);
}

// The object in `line`. Throws nothing; anything but an object is an error.
Result<Json> ParseObject(std::string_view line) {
  Json object = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return Error{"not a JSON object in one line"};
  return object;
}

std::string Dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

const char* ControlCommandName(ControlCommand command) { return RowOf(command).name; }

Result<ControlRequest> ParseControlRequest(std::string_view line) {
  const Result<Json> parsed = ParseObject(line);
  if (!parsed.Ok()) return parsed.Err();
  const Json& object = parsed.Value();
  const auto name = object.find("command");
  if (name == object.end() || !name->is_string()) return Error{"\"command\" is missing"};
  const CommandRow* row = FindRow(name->get<std::string>());
  if (row == nullptr) return Error{fmt::format("unknown command {}", Quoted(name->get<std::string>()))};
  ControlRequest request;
  request.command = row->command;
  bool has_number = false;
  for (const auto& [key, value] : object.items()) {
    if (key == "command") continue;
    if (key == "wait" && row->may_wait) {
      if (!value.is_boolean()) return Error{"\"wait\" is true or false"};
      request.wait = value.get<bool>();
    } else if (key == "pool" && row->of_a_pool) {
      if (!value.is_string()) return Error{"\"pool\" is the name of a pool"};
      request.pool = value.get<std::string>();
    } else if (row->number != nullptr && key == row->number) {
      const std::optional<std::uint32_t> number = NumberIn(value);
      if (!number) return Error{fmt::format("\"{}\" is a whole number, 0 or more", row->number)};
      request.number = *number;
      has_number = true;
    } else {
      return Error{fmt::format("{} knows no {}", row->name, Quoted(key))};
    }
  }
  if (row->number != nullptr && !has_number) {
    return Error{fmt::format("{} needs \"{}\"", row->name, row->number)};
  }
  return request;
}

std::string RenderControlRequest(const ControlRequest& request) {
  const CommandRow& row = RowOf(request.command);
  Json object = {{"command", row.name}};
  if (request.wait) object["wait"] = true;
  if (row.number != nullptr) object[row.number] = request.number;
  if (!request.pool.empty()) object["pool"] = request.pool;
  return Dump(object) + "\n";
}

ControlReply Refusal(std::string message) {
  ControlReply reply;
  reply.ok = false;
  reply.message = std::move(message);
  return reply;
}

ControlReply TextReply(std::string_view text) {
  ControlReply reply;
  reply.result = Dump(Json(text));
  return reply;
}

std::string TextOf(const ControlReply& reply) {
  const Json result = Json::parse(reply.result, nullptr, /*allow_exceptions=*/false);
  return result.is_string() ? result.get<std::string>() : std::string();
}

Result<ControlReply> ParseControlReply(std::string_view line) {
  const Result<Json> parsed = ParseObject(line);
  if (!parsed.Ok()) return parsed.Err();
  const Json& object = parsed.Value();
  ControlReply reply;
  const auto ok = object.find("ok");
  if (ok == object.end() || !ok->is_boolean()) return Error{"\"ok\" is missing"};
  reply.ok = ok->get<bool>();
  // Other members, which a later server may add, are ignored.
  if (const auto message = object.find("message"); message != object.end() && message->is_string()) {
    reply.message = message->get<std::string>();
  }
  if (const auto problems = object.find("problems"); problems != object.end() && problems->is_array()) {
    for (const Json& problem : *problems) {
      if (problem.is_string()) reply.problems.push_back(problem.get<std::string>());
    }
  }
  if (const auto result = object.find("result"); result != object.end()) reply.result = Dump(*result);
  return reply;
}

std::string RenderControlReply(const ControlReply& reply) {
  Json object = {{"ok", reply.ok}};
  if (!reply.message.empty()) object["message"] = reply.message;
  if (!reply.problems.empty()) object["problems"] = reply.problems;
  std::string text = Dump(object);
  if (!reply.result.empty()) {
    // It is JSON already, and the status of a large server is long: not parsed again just to be printed.
    std::string_view result = reply.result;
    while (result.ends_with('\n')) result.remove_suffix(1);
    text.insert(text.size() - 1, fmt::format(",\"result\":{}", result));
  }
  return text + "\n";
}

LibraryVersion JsonLibrary() {
  return {"nlohmann-json", LibraryVersion::Linked::kHeaders,
          fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                      NLOHMANN_JSON_VERSION_PATCH),
          ""};
}

}  // namespace preforkd
