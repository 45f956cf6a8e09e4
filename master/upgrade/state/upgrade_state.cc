#include "master/upgrade/state/upgrade_state.h"

#include <algorithm>

namespace preforkd {

std::vector<int> UpgradeState::Descriptors() const {
  std::vector<int> fds = {pid_fd, control.fd, server_log.fd, access_log.fd, ticket_page, secrets};
  fds.insert(fds.end(), control.waiters.begin(), control.waiters.end());
  fds.insert(fds.end(), control.idle.begin(), control.idle.end());
  for (const PassedSocket& socket : passed) fds.push_back(socket.fd);
  for (const auto& [path, file] : module_files) fds.push_back(file);
  for (const SavedListener& listener : listeners) fds.push_back(listener.fd);
  fds.insert(fds.end(), boards.begin(), boards.end());
  for (const SavedWorker& worker : workers_alive) {
    fds.insert(fds.end(), {worker.pid_fd, worker.master_end, worker.worker_end});
  }
  for (const SavedConnection& connection : connections)
    fds.insert(fds.end(), {connection.fd, connection.heavy_fd});
  std::erase(fds, -1);
  return fds;
}

}  // namespace preforkd
