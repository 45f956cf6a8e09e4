// ConnectionTable: owns all live connections of a worker.
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
  // Destroys `connection`. O(1): the last connection moves to its index.
  void Remove(LiveConnection& connection);
  [[nodiscard]] std::size_t Size() const { return connections_.size(); }
  [[nodiscard]] bool Empty() const { return connections_.empty(); }
  // The largest Size() since the last call.
  std::size_t TakeMaxSize() { return std::exchange(max_size_, Size()); }

  // Calls `visit` for each connection. `visit` may remove the one it is given, but no other.
  template <typename Visit>
  void ForEach(Visit visit) {
    // Backwards, because the connection that replaces a removed one has already been visited.
    for (std::size_t i = connections_.size(); i > 0; --i) visit(*connections_[i - 1]);
  }

 private:
  std::vector<std::unique_ptr<LiveConnection>> connections_;
  std::size_t max_size_ = 0;
};

}  // namespace preforkd

#endif
