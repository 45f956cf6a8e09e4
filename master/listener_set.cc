#include "master/listener_set.h"

#include "common/base/log.h"

namespace preforkd {
namespace {

// Does whoever connects speak first? Then nobody need know of the connection before that. A proxy does always.
bool Defers(const ListenConfig& listen, const ListenerSet::ServiceTraits& traits) {
  return listen.defer_accept.value_or(traits.client_speaks_first || listen.proxy_protocol);
}

}  // namespace

ListenerSet::ListenerSet(EventLoop& loop, MasterPage& page, Listener::Sink sink, TraitsOf traits_of)
    : loop_(loop), page_(page), sink_(std::move(sink)), traits_of_(std::move(traits_of)) {}

Status ListenerSet::Prepare(const Config& config) {
  prepared_.clear();
  for (const ListenConfig& listen : config.listen) {
    const std::string& key = listen.address.text;
    if (active_.contains(key)) continue;
    Result<std::unique_ptr<Listener>> listener = Listener::Open(loop_, listen, IdOf(key), sink_);
    if (!listener.Ok()) {
      prepared_.clear();
      return listener.Err();
    }
    // Before the first connection can come: a deferred socket must be one from the start.
    const bool defer = Defers(listen, traits_of_(config, listen.service));
    if (Status status = listener.Value()->Reconfigure(listen, defer); !status.Ok()) {
      prepared_.clear();
      return status;
    }
    prepared_[key] = std::move(listener).Value();
  }
  return {};
}

void ListenerSet::Commit(const Config& config) {
  Listeners next;
  for (const ListenConfig& listen : config.listen) {
    const std::string& key = listen.address.text;
    Listeners& from = active_.contains(key) ? active_ : prepared_;
    auto node = from.extract(key);
    Install(*node.mapped(), listen, config);
    next.insert(std::move(node));
  }
  for (auto& [key, listener] : active_) {
    listener->DrainQueue();
    log::Notice("no longer listening on {}", listener->BoundText());
  }
  active_ = std::move(next);
  prepared_.clear();
  SetAccepting(accepting_);
}

void ListenerSet::Install(Listener& listener, const ListenConfig& config, const Config& all) {
  const ServiceTraits traits = traits_of_(all, config.service);
  if (const Status status = listener.Reconfigure(config, Defers(config, traits)); !status.Ok()) {
    log::Warning("{}: {}", listener.Key(), status.Err().text);
  }
  listener.SetService(traits.id);
  if (listener.Row() == nullptr) {
    log::Notice("listening on {} for service {}", listener.BoundText(), config.service);
    listener.SetRow(RowFor(listener.BoundText()));
    if (listener.Row() == nullptr) return;  // more listeners than rows: it serves, uncounted
  }
  listener.Row()->service.Write(config.service);
}

void ListenerSet::SetAccepting(bool accepting) {
  accepting_ = accepting;
  for (auto& [key, listener] : active_) listener->SetAccepting(accepting);
}

void ListenerSet::Close() {
  for (auto& [key, listener] : active_) listener->DrainQueue();
  active_.clear();
  prepared_.clear();  // bound by a reload under way: they would queue clients for nobody
}

ListenerId ListenerSet::IdOf(const std::string& address) {
  return ids_.try_emplace(address, static_cast<ListenerId>(ids_.size())).first->second;
}

ListenerRow* ListenerSet::RowFor(const std::string& address) {
  ListenerRow* same = nullptr;
  ListenerRow* fresh = nullptr;
  ListenerRow* of_another = nullptr;
  for (ListenerRow& row : page_.listeners) {
    if (row.used.load(std::memory_order_relaxed)) continue;
    const std::string last = row.address.Read();
    ListenerRow*& kind = last == address ? same : last.empty() ? fresh : of_another;
    if (kind == nullptr) kind = &row;
  }
  ListenerRow* const row = same != nullptr ? same : fresh != nullptr ? fresh : of_another;
  if (row == nullptr) return nullptr;
  if (row != same) {
    Set(row->accepted, 0);
    row->address.Write(address);
  }
  row->used.store(true, std::memory_order_relaxed);
  return row;
}

}  // namespace preforkd
