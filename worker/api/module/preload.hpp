// Preload: what a service loads once, and its workers share. One class for each module:
//
//   struct Cities {
//     std::pmr::unordered_map<std::pmr::string, City> by_name;
//     Cities() { ... reads *file into by_name ... }
//   };
//   PREFORKD_MODULE("cities", file, pfd::preload<Cities>, pfd::route{...});
//
// and pfd::preloaded<Cities>() in handlers and in the constructor of the state. It is made in a process that
// is thrown away. While its constructor runs, the default memory resource is the memory that remains: members
// of std::pmr types are in it, whatever their constructors are given.
//
// The limit: only data, which holds no pointer to anything outside of it. Members that cannot be shared:
// std::string, std::vector and others that are not of std::pmr (their memory is on the heap, which is thrown
// away), virtual functions, std::function, std::shared_ptr, pointers to literals, and std::string_view of
// what is not in it. It is const: a std::pmr container that grows in a worker would call a memory resource
// that is not there. It is never destroyed.
#ifndef PREFORKD_MODULE_PRELOAD_HPP
#define PREFORKD_MODULE_PRELOAD_HPP

#include <cstddef>
#include <memory_resource>
#include <new>
#include <stdexcept>
#include <type_traits>
#include <typeinfo>

#include "service.hpp"

namespace pfd::inline v1 {

template <class Data>
struct PreloadOption {};
template <class Data>
inline constexpr PreloadOption<Data> preload{};

namespace detail {

class PreloadMemory final : public std::pmr::memory_resource {
 public:
  PreloadMemory(const pfd_host* host, pfd_arena* arena)
      : host_(host), arena_(arena), before_(std::pmr::set_default_resource(this)) {}
  ~PreloadMemory() override { std::pmr::set_default_resource(before_); }
  PreloadMemory(const PreloadMemory&) = delete;
  PreloadMemory& operator=(const PreloadMemory&) = delete;

 private:
  void* do_allocate(std::size_t size, std::size_t align) override {
    void* const memory = host_->allocate(arena_, size, align);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
  }
  void do_deallocate(void*, std::size_t, std::size_t) override {}
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }

  const pfd_host* host_;
  pfd_arena* arena_;
  std::pmr::memory_resource* before_;
};

// Made by PreloadOption. Which class it is, and how to make one in the default memory resource.
struct Preloading {
  const std::type_info* type = &typeid(void);
  void* (*make)(Service) = nullptr;
};

template <class Data>
Preloading preloading_of() {
  static_assert(!std::is_polymorphic_v<Data>, "its virtual table lies elsewhere in a worker");
  return {&typeid(Data), [](Service service) -> void* {
            void* const place = std::pmr::get_default_resource()->allocate(sizeof(Data), alignof(Data));
            if constexpr (std::is_constructible_v<Data, Service>) {
              return new (place) Data(service);
            } else {
              return static_cast<void>(service), new (place) Data();
            }
          }};
}

// What the module has preloaded, or nullptr.
inline void* preloaded_root(const Instance* instance) {
  const pfd_host* const host = instance->host;
  return PFD_HAS(host, preloaded) ? host->preloaded(instance->service, nullptr) : nullptr;
}

inline const Preloading& preloading(const Definition& definition);

}  // namespace detail

// What pfd::preload<Data> has made, in `in`.
template <class Data>
const Data& preloaded(Service in) {
  if (*detail::preloading(*in.instance()->definition).type != typeid(Data)) {
    throw std::logic_error("the module does not preload that class");
  }
  return *static_cast<const Data*>(detail::preloaded_root(in.instance()));
}
// The same in the service that is being called; see pfd::service().
template <class Data>
const Data& preloaded() {
  return preloaded<Data>(service());
}

}  // namespace pfd::inline v1

#endif
