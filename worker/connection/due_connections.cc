#include "worker/connection/due_connections.h"

#include "worker/connection/live_connection.h"

namespace preforkd {

DueConnections::DueConnections(EventLoop& loop)
    : call_(
          loop, [this] { DecideAll(); }, EventLoop::kPriorityClient) {}

void DueConnections::Add(LiveConnection& connection) {
  connections_.push_back(&connection);
  call_.Request();
}

void DueConnections::Remove(const LiveConnection& connection) { std::erase(connections_, &connection); }

void DueConnections::DecideAll() {
  // Connections added meanwhile wait for the next call: two sessions that keep asking each other to travel
  // must not block the loop.
  for (std::size_t left = connections_.size(); left > 0 && !connections_.empty(); --left) {
    LiveConnection& connection = *connections_.front();
    connections_.erase(connections_.begin());
    connection.ApplyVerdict();  // may destroy it and others in the list, which remove themselves
  }
  if (!connections_.empty()) call_.Request();
}

}  // namespace preforkd
