// ConnectionTable: all live connections of one worker. Owns them.
#ifndef PREFORKD_WORKER_CONNECTION_CONNECTION_TABLE_H_
#define PREFORKD_WORKER_CONNECTION_CONNECTION_TABLE_H_

#include <memory>
#include <utility>
#include <vector>

#include "worker/connection/live_connection.h"

namespace preforkd {

class ConnectionTable {
 public:
  LiveConnection& Add(std::unique_ptr<LiveConnection> connection);
  // Destroys it. O(1): the last one takes its place.
  void Remove(LiveConnection& connection);
  [[nodiscard]] std::size_t Size() const { return connections_.size(); }
  [[nodiscard]] bool Empty() const { return connections_.empty(); }
  // The largest Size() since the last call.
  std::size_t TakeMost() { return std::exchange(most_, Size()); }

  // Calls `visit` for each; it may remove the one it is given, and no other.
  template <typename Visit>
  void ForEach(Visit visit) {
    // Backwards: what takes the place of a removed one has been visited already.
    for (std::size_t i = connections_.size(); i > 0; --i) visit(*connections_[i - 1]);
  }

 private:
  std::vector<std::unique_ptr<LiveConnection>> connections_;
  std::size_t most_ = 0;
};

}  // namespace preforkd

#endif
