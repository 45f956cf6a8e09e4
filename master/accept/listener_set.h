// ListenerSet: all listeners, and how a reload changes them.
//
// A reload first binds every new listener; if one fails, the reload is refused and nothing changes. A kept
// listener stays the same open socket throughout, so its queue is never lost. The exception is a Unix socket
// whose file was removed: it is created again, after the old socket's queue is drained. A removed listener is
// drained before it is closed.
#ifndef PREFORKD_MASTER_ACCEPT_LISTENER_SET_H_
#define PREFORKD_MASTER_ACCEPT_LISTENER_SET_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/config/config.h"
#include "common/scoreboard/scoreboard.h"
#include "master/accept/listener.h"
#include "master/accept/name_numbers.h"
#include "master/system/service_environment.h"
#include "master/upgrade/state/upgrade_state.h"

namespace preforkd {

class ListenerSet {
 public:
  // What the master needs to know about the service of a listener.
  struct ServiceTraits {
    ServiceId id{};
    bool client_speaks_first = false;
    bool http = false;
  };
  using TraitsOf = std::function<ServiceTraits(const Config&, const std::string& service)>;
  // Whether connections of that service, which begin with a TLS handshake or not, are accepted now.
  using MayAccept = std::function<bool(ServiceId, bool tls)>;

  // `passed`: sockets opened by the service manager, which a configuration can name. It must outlive the set,
  // because a socket that no listener uses now must be available to the next reload. `sink` needs no next_id:
  // the set numbers the connections.
  ListenerSet(EventLoop& loop, const Scoreboard& scoreboard, const std::vector<ActivationSocket>& passed,
              Listener::Sink sink, TraitsOf traits_of, MayAccept may_accept);

  // Resumes a listener of the previous program of this process (upgrade). It serves `service` at once. Error:
  // the descriptor is not a listening socket, or the saved address is invalid.
  Status Restore(const SavedListener& saved, ServiceId service);
  // For the next program of this process (upgrade).
  [[nodiscard]] std::vector<SavedListener> Save() const;
  // Keeps the number that `address` had in the previous program.
  void KeepId(const std::string& address, ListenerId id) { ids_.Keep(address, id); }
  [[nodiscard]] const std::map<std::string, ListenerId>& Ids() const { return ids_.All(); }
  // The number of the last accepted connection; the next connection gets the next number.
  [[nodiscard]] ConnId LastConnection() const { return last_conn_; }
  void KeepLastConnection(ConnId last) { last_conn_ = last; }

  // Binds the listeners of `config` that do not exist yet. Their sockets queue connections; none is accepted
  // yet. Error: the first failure; listeners bound by this call are closed again.
  Status Prepare(const Config& config);
  // Puts `config` into service. Precondition: Prepare(config) succeeded.
  void Commit(const Config& config);
  // Drops what Prepare created.
  void Abandon() { prepared_.clear(); }

  // Starts or pauses each listener, by what MayAccept says of its service.
  void UpdateAccepting();
  // Accepts what is queued and closes all listeners. Connections queued at a service manager's socket stay
  // there for the process that it starts next.
  void Close();

  [[nodiscard]] std::size_t Size() const { return active_.size(); }

 private:
  using Listeners = std::map<std::string, std::unique_ptr<Listener>>;  // by key
  // One required socket. The key is its address as configured. If several passed sockets have the same name,
  // each is a Wanted of its own.
  struct Wanted {
    std::string key;
    const ListenConfig* config = nullptr;
    int passed = -1;  // borrowed; -1: not passed, to be bound
  };

  // Error: a configured socket was not passed, or there are more than kMaxListeners.
  [[nodiscard]] Result<std::vector<Wanted>> WantedBy(const Config& config) const;
  // Error: two of them have one key.
  static Status CheckKeys(const std::vector<Wanted>& wanted);
  Result<std::unique_ptr<Listener>> Open(const Wanted& wanted);
  // Opens a listener for `wanted`, ready for Commit.
  Status PrepareOne(const Config& config, const Wanted& wanted);
  ConnId NextConnection();
  // For a listener that is in service: creates it again if its socket file was removed. If that fails, the
  // listener stays as it is. A file that another process put there is not touched.
  void PrepareAgain(const Config& config, const Wanted& wanted);
  // `next` replaces `last` on the same address.
  static void Succeed(Listener& last, Listener& next);
  void WarnOfUnused(const Config& config) const;
  // The row that counted for this address before; else an unused row; else the row of a closed listener. One
  // of them always exists: there are twice kMaxListeners rows, and listeners of at most two configurations
  // are open at once.
  ListenerRow* RowFor(const std::string& address);
  void Install(Listener& listener, const ListenConfig& config, const Config& all);

  EventLoop& loop_;
  const Scoreboard& scoreboard_;
  const std::vector<ActivationSocket>& passed_;
  Listener::Sink sink_;
  TraitsOf traits_of_;
  MayAccept may_accept_;
  Listeners active_;
  Listeners prepared_;
  NameNumbers<ListenerId> ids_;  // by key
  ConnId last_conn_{};
};

}  // namespace preforkd

#endif
