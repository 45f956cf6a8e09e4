#include "worker/module/protocol/pack_session.h"

#include "common/base/log.h"

namespace preforkd::module {
namespace {

void LogTooHeavy(Connection& connection, std::size_t used, std::size_t capacity) {
  const auto held_back = connection.Env().client_lines.too_heavy.Allow(Now());
  if (!held_back) return;
  log::Warning(
      {log::kConnStays, connection.Id(), {{"bytes", used}, {"max", capacity}, {"suppressed", *held_back}}},
      "the connection stays in this worker: its module packed {} bytes, and there is room for {}", used,
      capacity);
}

}  // namespace

const char* PackSession(int (*pack)(const void* session, pfd_luggage* luggage), const void* session,
                        Connection& connection, const std::string& unread, std::string_view mark,
                        std::optional<Luggage>& luggage) {
  // Larger than what may be used: a module that writes a little too far breaks nothing.
  auto& room = connection.Env().out;
  static_assert(sizeof(room) > kMaxLuggageBytes);
  const std::size_t weight = unread.size() + mark.size();
  if (weight > kMaxLuggageBytes) return "too many bytes are unused";
  const std::size_t capacity = kMaxLuggageBytes - weight;
  pfd_luggage filled{sizeof(filled), 0, room.data(), capacity, 0};
  if (pack(session, &filled) != 0) return "the module keeps it here for now";
  if (filled.used > capacity) {
    LogTooHeavy(connection, filled.used, capacity);
    return "the module packed too much";
  }
  luggage.emplace();
  luggage->unread = unread;
  luggage->context.assign(mark).append(room.data(), filled.used);
  luggage->wake = filled.wake != 0;
  return nullptr;
}

}  // namespace preforkd::module
