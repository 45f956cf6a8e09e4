#include "worker/connection/connection_table.h"

#include <algorithm>

#include "common/base/check.h"

namespace preforkd {

LiveConnection& ConnectionTable::Add(std::unique_ptr<LiveConnection> connection) {
  connection->SetTableIndex(connections_.size());
  connections_.push_back(std::move(connection));
  max_size_ = std::max(max_size_, connections_.size());
  return *connections_.back();
}

void ConnectionTable::Remove(LiveConnection& connection) {
  const std::size_t index = connection.TableIndex();
  PF_CHECK(index < connections_.size() && connections_[index].get() == &connection,
           "connection is not at its table index");
  std::swap(connections_[index], connections_.back());
  connections_[index]->SetTableIndex(index);
  connections_.pop_back();
}

}  // namespace preforkd
