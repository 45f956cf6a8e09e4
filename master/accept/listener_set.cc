#include "master/accept/listener_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

static_assert(kMaxListenerRows >= 2 * kMaxListeners);

// Deferred accept suits protocols in which the client sends first: before that, there is nothing to do. A
// PROXY protocol peer always sends first, and so does a client of TLS.
bool Defers(const ListenConfig& listen, const ListenerSet::ServiceTraits& traits) {
  return listen.defer_accept.value_or(traits.client_speaks_first || listen.proxy_protocol || listen.tls);
}

std::string WhatWasPassed(const std::vector<ActivationSocket>& passed) {
  if (passed.empty()) {
    return "no socket was passed; start the socket unit (and this program by its service unit), or "
           "write IP:PORT or unix:PATH";
  }
  std::string names;
  for (const ActivationSocket& socket : passed) names += (names.empty() ? "" : ", ") + Quoted(socket.name);
  return fmt::format("no socket of that name was passed; passed names: {}", names);
}

}  // namespace

ListenerSet::ListenerSet(EventLoop& loop, const Scoreboard& scoreboard,
                         const std::vector<ActivationSocket>& passed, Listener::Sink sink, TraitsOf traits_of,
                         MayAccept may_accept)
    : loop_(loop),
      scoreboard_(scoreboard),
      passed_(passed),
      sink_(std::move(sink)),
      traits_of_(std::move(traits_of)),
      may_accept_(std::move(may_accept)) {
  sink_.next_id = [this] { return NextConnection(); };
}

ConnId ListenerSet::NextConnection() {
  last_conn_ = sink_.number_after ? sink_.number_after(last_conn_) : Next(last_conn_);
  return last_conn_;
}

Result<std::vector<ListenerSet::Wanted>> ListenerSet::WantedBy(const Config& config) const {
  std::vector<Wanted> wanted;
  for (const ListenConfig& listen : config.listen) {
    const std::string& text = listen.address.text;
    if (listen.address.kind != ListenAddress::Kind::kSystemd) {
      wanted.push_back({text, &listen, -1});
      continue;
    }
    std::size_t found = 0;
    for (const ActivationSocket& socket : passed_) {
      if (socket.name != listen.address.name) continue;
      wanted.push_back({++found == 1 ? text : fmt::format("{}#{}", text, found), &listen, socket.fd.Get()});
    }
    if (found == 0) return Error{fmt::format("{}: {}", text, WhatWasPassed(passed_))};
  }
  if (const Status status = CheckKeys(wanted); !status.Ok()) return status.Err();
  if (wanted.size() <= kMaxListeners) return wanted;
  return Error{
      fmt::format("{} listening sockets, including those passed by the service manager; the maximum is {}",
                  wanted.size(), kMaxListeners)};
}

// The second socket named "web" could be taken for one named "web#2".
Status ListenerSet::CheckKeys(const std::vector<Wanted>& wanted) {
  std::set<std::string_view> keys;
  for (const Wanted& each : wanted) {
    if (keys.insert(each.key).second) continue;
    return Error{fmt::format(
        "{}: two sockets that the service manager passed would have this name; give one of them another",
        each.key)};
  }
  return {};
}

Result<std::unique_ptr<Listener>> ListenerSet::Open(const Wanted& wanted) {
  const ListenerId id = ids_.Of(wanted.key);
  return wanted.passed < 0 ? Listener::Open(loop_, *wanted.config, id, sink_)
                           : Listener::FromManager(loop_, *wanted.config, id, sink_, wanted.passed);
}

Status ListenerSet::Restore(const SavedListener& saved, ServiceId service) {
  Result<ListenAddress> address = ParseListenAddress(saved.address);
  if (!address.Ok()) return address.Err();
  ListenConfig config;
  config.address = std::move(address).Value();
  config.service = saved.service;
  config.proxy_protocol = saved.proxy_protocol;
  config.tls = saved.tls;
  // Checked first: destroying a Listener would close the socket.
  if (const Result<SocketAddress> bound = LocalAddress(saved.fd); !bound.Ok()) return bound.Err();
  Result<std::unique_ptr<Listener>> listener =
      Listener::Restore(loop_, config, ids_.Of(saved.key), sink_, UniqueFd(saved.fd), saved.file);
  if (!listener.Ok()) return listener.Err();
  listener.Value()->SetService(service);
  listener.Value()->SetHttp(saved.http);
  listener.Value()->SetRow(RowFor(listener.Value()->BoundText()));
  listener.Value()->Row()->service.Write(saved.service);
  active_[saved.key] = std::move(listener).Value();
  return {};
}

std::vector<SavedListener> ListenerSet::Save() const {
  std::vector<SavedListener> saved;
  for (const auto& [key, listener] : active_) {
    const ListenConfig& config = listener->Config();
    saved.push_back({listener->Fd(), key, config.address.text, config.service, config.proxy_protocol,
                     config.tls, listener->Http(), listener->File()});
  }
  return saved;
}

Status ListenerSet::Prepare(const Config& config) {
  prepared_.clear();
  const Result<std::vector<Wanted>> all = WantedBy(config);
  if (!all.Ok()) return all.Err();
  std::set<std::string> keys;
  for (const Wanted& wanted : all.Value()) keys.insert(wanted.key);
  if (!ids_.HasRoomFor(keys)) {
    return Error{fmt::format(
        "{} different addresses have been used since the start; restart the server to add another one",
        ids_.All().size())};
  }
  for (const Wanted& wanted : all.Value()) {
    Status status;
    if (const auto kept = active_.find(wanted.key); kept == active_.end()) {
      status = PrepareOne(config, wanted);
    } else if (status = kept->second->MayReconfigure(*wanted.config); status.Ok()) {
      PrepareAgain(config, wanted);
    }
    if (!status.Ok()) {
      prepared_.clear();
      return status;
    }
  }
  return {};
}

Status ListenerSet::PrepareOne(const Config& config, const Wanted& wanted) {
  Result<std::unique_ptr<Listener>> listener = Open(wanted);
  if (!listener.Ok()) return listener.Err();
  // Set before the first connection can arrive: deferred accept must be on from the start.
  const ListenConfig& listen = *wanted.config;
  const bool defer = Defers(listen, traits_of_(config, listen.service));
  if (Status status = listener.Value()->Reconfigure(listen, defer); !status.Ok()) return status;
  prepared_[wanted.key] = std::move(listener).Value();
  return {};
}

void ListenerSet::PrepareAgain(const Config& config, const Wanted& wanted) {
  switch (CheckSocketFile(active_[wanted.key]->File())) {
    case SocketFilePresence::kOurs: return;
    case SocketFilePresence::kReplaced:
      log::Warning({log::kFileReplaced, {{"path", wanted.key}}},
                   "the socket file of listener {} was replaced by another process and is left as it is: "
                   "new clients do not reach this server",
                   wanted.key);
      return;
    case SocketFilePresence::kGone: break;
  }
  MakeFolderOf(active_[wanted.key]->File().path);  // a cleanup job may have removed the folder as well
  if (const Status status = PrepareOne(config, wanted); !status.Ok()) {
    log::Error({log::kFileRemoved, {{"path", wanted.key}}},
               "the socket file of listener {} was removed and cannot be created again: {}", wanted.key,
               status.Err().text);
  }
}

void ListenerSet::Commit(const Config& config) {
  Listeners next;
  const Result<std::vector<Wanted>> all = WantedBy(config);
  PF_CHECK(all.Ok(), "Commit of a configuration that was not prepared");
  for (const Wanted& wanted : all.Value()) {
    auto last = active_.extract(wanted.key);
    auto node = prepared_.extract(wanted.key);
    if (node.empty()) {
      node = std::move(last);
    } else if (!last.empty()) {
      Succeed(*last.mapped(), *node.mapped());
    }
    Install(*node.mapped(), *wanted.config, config);
    next.insert(std::move(node));
  }
  for (auto& [key, listener] : active_) {
    listener->DrainQueue();
    log::Notice({log::kListenerClosed, {{"address", listener->BoundText()}}}, "no longer listening on {}",
                listener->BoundText());
  }
  active_ = std::move(next);
  prepared_.clear();
  WarnOfUnused(config);
  UpdateAccepting();
}

void ListenerSet::Succeed(Listener& last, Listener& next) {
  last.DrainQueue();
  next.SetRow(last.GiveUpRow());
  log::Notice({log::kFileRestored, {{"path", next.Key()}}},
              "the socket file of listener {} was removed and has been created again", next.Key());
}

void ListenerSet::WarnOfUnused(const Config& config) const {
  for (const ActivationSocket& socket : passed_) {
    const bool used =
        std::any_of(config.listen.begin(), config.listen.end(), [&](const ListenConfig& listen) {
          return listen.address.kind == ListenAddress::Kind::kSystemd && listen.address.name == socket.name;
        });
    if (used) continue;
    log::Warning(
        {log::kSocketUnused, {{"name", socket.name}}},
        "the service manager passed a socket named {}, but no listener is systemd:{}: its clients wait",
        Quoted(socket.name), Escaped(socket.name));
  }
}

void ListenerSet::Install(Listener& listener, const ListenConfig& config, const Config& all) {
  const ServiceTraits traits = traits_of_(all, config.service);
  if (const Status status = listener.Reconfigure(config, Defers(config, traits)); !status.Ok()) {
    log::Warning({log::kListenerFailed, {{"listener", listener.Key()}}}, "listener {}: {}", listener.Key(),
                 status.Err().text);
  }
  listener.SetService(traits.id);
  listener.SetHttp(traits.http);
  if (listener.Row() == nullptr) {
    log::Notice({log::kListening, {{"address", listener.BoundText()}, {"service", config.service}}},
                "listening on {} for service {}", listener.BoundText(), config.service);
    listener.SetRow(RowFor(listener.BoundText()));
  }
  listener.Row()->service.Write(config.service);
}

void ListenerSet::UpdateAccepting() {
  for (auto& [key, listener] : active_)
    listener->SetAccepting(may_accept_(listener->Service(), listener->Config().tls));
}

void ListenerSet::Close() {
  for (auto& [key, listener] : active_) {
    if (!listener->Activated()) listener->DrainQueue();
  }
  active_.clear();
  prepared_.clear();  // a reload in progress bound these: nobody would accept the clients they queue
}

ListenerRow* ListenerSet::RowFor(const std::string& address) {
  ListenerRow* same = nullptr;
  ListenerRow* of_another = nullptr;
  for (ListenerRow& row : scoreboard_.Listeners()) {
    if (row.used.load(std::memory_order_relaxed)) continue;
    ListenerRow*& kind = row.address.Read() == address ? same : of_another;
    if (kind == nullptr) kind = &row;
  }
  ListenerRow* row = same != nullptr ? same : scoreboard_.AddListener();
  if (row == nullptr) row = of_another;
  PF_CHECK(row != nullptr, "more listeners than rows");
  if (row != same) {
    Set(row->accepted, 0);
    row->address.Write(address);
  }
  row->used.store(true, std::memory_order_relaxed);
  return row;
}

}  // namespace preforkd
