// ListenerSet: all listeners, and how a reload changes them.
//
// A reload prepares first: what is new is bound and listening, or the reload is refused and nothing has
// changed. A listener that stays is the same open socket before, during and after: its queue is never lost.
// Only where the file of a Unix socket has been removed is it made anew, and the old one gives up what the
// kernel has queued. One that leaves first gives up everything that the kernel has queued.
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
  // What a listener's service means to the master.
  struct ServiceTraits {
    ServiceId id{};
    bool client_speaks_first = false;
  };
  using TraitsOf = std::function<ServiceTraits(const Config&, const std::string& service)>;
  // Whether connections of that service are taken now.
  using MayAccept = std::function<bool(ServiceId)>;

  // `passed`: sockets that a service manager has opened, which a configuration may name. It outlives the set:
  // one that no listener uses for a while must still be there at the next reload. `sink` needs no next_id:
  // connections are numbered here.
  ListenerSet(EventLoop& loop, const Scoreboard& scoreboard, const std::vector<ActivationSocket>& passed,
              Listener::Sink sink, TraitsOf traits_of, MayAccept may_accept);

  // What this process has listened on as another program: in service at once, for the service that it had.
  // Error: it is no socket that listens, or its address is none.
  Status Restore(const SavedListener& saved, ServiceId service);
  // For another program to inherit.
  [[nodiscard]] std::vector<SavedListener> Save() const;
  // A number that is not given out anew: the one that `address` had.
  void KeepId(const std::string& address, ListenerId id) { ids_.Keep(address, id); }
  [[nodiscard]] const std::map<std::string, ListenerId>& Ids() const { return ids_.All(); }
  // The number of the connection that was accepted last; the next one gets the next.
  [[nodiscard]] ConnId LastConnection() const { return last_conn_; }
  void KeepLastConnection(ConnId last) { last_conn_ = last; }

  // Binds the listeners of `config` that are not there yet. They queue, and are not accepted from.
  // Error: the first that failed; those bound by this call are closed again.
  Status Prepare(const Config& config);
  // `config`, which was prepared, is in service from now on.
  void Commit(const Config& config);
  // Drops what Prepare made.
  void Abandon() { prepared_.clear(); }

  // Lets each listener accept whose service may be accepted for (MayAccept), and pauses the others.
  void UpdateAccepting();
  // Accepts what is queued and closes all. What is queued at a service manager's socket stays there, for
  // whoever it starts next.
  void Close();

  [[nodiscard]] std::size_t Size() const { return active_.size(); }

 private:
  using Listeners = std::map<std::string, std::unique_ptr<Listener>>;  // by key
  // One socket that there should be. The key is its address as configured; a name that several passed sockets
  // have is as many sockets.
  struct Wanted {
    std::string key;
    const ListenConfig* config = nullptr;
    int passed = -1;  // borrowed; -1: to be bound
  };

  // Error: a socket that should have been passed was not, or there are more than kMaxListeners.
  [[nodiscard]] Result<std::vector<Wanted>> WantedBy(const Config& config) const;
  Result<std::unique_ptr<Listener>> Open(const Wanted& wanted);
  // Opens what is `wanted`, so that it can be put into service.
  Status PrepareOne(const Config& config, const Wanted& wanted);
  // A listener that is in service already: makes it anew where a cleaner has removed its file. What cannot be
  // made stays as it is, and so does what somebody else has put there.
  void PrepareAgain(const Config& config, const Wanted& wanted);
  // `next` takes the place of `last`, on the same address.
  static void Succeed(Listener& last, Listener& next);
  void WarnOfUnused(const Config& config) const;
  // The row that counted for this address before; else one that never counted; else the row of a listener
  // that was closed. There is one: rows are twice kMaxListeners, and no more than two configurations'
  // listeners are open at once.
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
