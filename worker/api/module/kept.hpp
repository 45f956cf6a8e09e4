// Kept: a request that is answered later, with what its module wants to be told about it.
//
// One for each kept request, found by the request's own pointer (data()), and shared by all copies of
// Request, Later and Stream. The last one that goes drops the request; without an answer the server then
// sends a 500. The server may call for it in the loop thread while another thread lets go of it: one lock
// decides.
#ifndef PREFORKD_MODULE_KEPT_HPP
#define PREFORKD_MODULE_KEPT_HPP

#include <coroutine>
#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>

#include "instance.hpp"

namespace pfd::inline v1::detail {

// Taken for the few instructions that change a count or take a callback out; no module code runs under it.
[[gnu::visibility("hidden")]] inline constinit std::mutex kept_lock;

class Kept {
 public:
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;

  // Keeps the request, if it is not kept yet. One release() for each. Any thread that may use the request.
  static Kept* keep(Instance* instance, pfd_request* request) {
    const std::lock_guard guard(kept_lock);
    auto* kept = static_cast<Kept*>(instance->host->data(request));
    if (kept == nullptr) {
      kept = new Kept(instance, request);
      instance->host->keep(request);
      instance->host->set_data(request, kept);
    }
    ++kept->owners_;
    return kept;
  }

  // Nullptr if nobody keeps it any more. One release() for each other result.
  static Kept* find(Instance* instance, pfd_request* request) {
    const std::lock_guard guard(kept_lock);
    auto* kept = static_cast<Kept*>(instance->host->data(request));
    if (kept != nullptr) ++kept->owners_;
    return kept;
  }

  void add_owner() {
    const std::lock_guard guard(kept_lock);
    ++owners_;
  }

  void release() {
    {
      const std::lock_guard guard(kept_lock);
      if (--owners_ != 0) return;
      instance->host->set_data(request, nullptr);
    }
    const pfd_host* host = instance->host;
    pfd_request* const dropped = request;
    delete this;
    host->drop(dropped);
  }

  void set_gone(std::function<void()> call) { set(gone_, std::move(call)); }
  void set_drained(std::function<void()> call) { set(drained_, std::move(call)); }
  void set_arrived(std::function<void()> call) { set(arrived_, std::move(call)); }

  // Nothing more is told: it has been answered. What the callbacks own is freed; that may be the last owner,
  // so the caller has one of its own.
  void forget() {
    std::function<void()> gone, drained, arrived;
    {
      const std::lock_guard guard(kept_lock);
      gone.swap(gone_);
      drained.swap(drained_);
      arrived.swap(arrived_);
    }
  }

  // A coroutine that waits: until less waits for the client, or until more of the body can be read. Both go
  // on when the client has gone. Loop thread.
  void set_writer(std::coroutine_handle<> writer) { writer_ = writer; }
  void set_reader(std::coroutine_handle<> reader) { reader_ = reader; }

  // Loop thread, by the server.
  void tell_gone() {
    call(gone_);
    resume(writer_);
    resume(reader_);
    forget();
  }
  void tell_drained() {
    call(drained_);
    resume(writer_);
  }
  void tell_arrived() {
    call(arrived_);
    resume(reader_);
  }

  Instance* const instance;
  pfd_request* const request;

 private:
  Kept(Instance* of, pfd_request* kept) : instance(of), request(kept) {}
  ~Kept() = default;

  static void set(std::function<void()>& place, std::function<void()> call) {
    const std::lock_guard guard(kept_lock);
    place.swap(call);  // what was there is freed after the lock
  }

  // A copy is called: the callback may replace or forget itself.
  void call(const std::function<void()>& place) {
    std::function<void()> called;
    {
      const std::lock_guard guard(kept_lock);
      called = place;
    }
    if (called) guarded(instance, "a call about a request", called);
  }

  static void resume(std::coroutine_handle<>& waiting) {
    if (waiting) std::exchange(waiting, nullptr).resume();
  }

  std::size_t owners_ = 0;
  std::function<void()> gone_;
  std::function<void()> drained_;
  std::function<void()> arrived_;
  std::coroutine_handle<> writer_;
  std::coroutine_handle<> reader_;
};

// One owner of a Kept.
class KeptRef {
 public:
  KeptRef() = default;
  explicit KeptRef(Kept* owned) : kept_(owned) {}
  KeptRef(const KeptRef& other) : kept_(other.kept_) {
    if (kept_ != nullptr) kept_->add_owner();
  }
  KeptRef(KeptRef&& other) noexcept : kept_(std::exchange(other.kept_, nullptr)) {}
  KeptRef& operator=(KeptRef other) noexcept {
    std::swap(kept_, other.kept_);
    return *this;
  }
  ~KeptRef() {
    if (kept_ != nullptr) kept_->release();
  }

  [[nodiscard]] Kept* get() const { return kept_; }
  Kept* operator->() const { return kept_; }
  explicit operator bool() const { return kept_ != nullptr; }

 private:
  Kept* kept_ = nullptr;
};

}  // namespace pfd::inline v1::detail

#endif
