// Ring: a double-ended queue that allocates only when it grows beyond its longest length so far. std::deque
// allocates and frees a block every few elements, which would be an allocation for every connection.
#ifndef PREFORKD_COMMON_STRUCTURES_RING_H_
#define PREFORKD_COMMON_STRUCTURES_RING_H_

#include <cstddef>
#include <utility>
#include <vector>

namespace preforkd {

// T must be movable and default-constructible. A removed element is moved from; it is destroyed when its
// place is used again.
template <typename T>
class Ring {
 public:
  [[nodiscard]] bool Empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t Size() const { return size_; }
  // Counted from the front. Precondition: index < Size().
  [[nodiscard]] T& operator[](std::size_t index) { return places_[Place(index)]; }
  [[nodiscard]] const T& operator[](std::size_t index) const { return places_[Place(index)]; }
  // Precondition of the next two: not empty.
  [[nodiscard]] T& Front() { return places_[first_]; }
  T PopFront() {
    T front = std::move(places_[first_]);
    first_ = Place(1);
    --size_;
    return front;
  }

  void PushBack(T&& element) {
    MakeRoom();
    places_[Place(size_++)] = std::move(element);
  }
  void PushFront(T&& element) {
    MakeRoom();
    first_ = (first_ + places_.size() - 1) & (places_.size() - 1);
    ++size_;
    places_[first_] = std::move(element);
  }
  // Destroys the elements and frees the memory.
  void Clear() {
    std::vector<T>().swap(places_);
    first_ = size_ = 0;
  }

 private:
  static constexpr std::size_t kMinPlaces = 8;  // a power of two, like every size of places_

  [[nodiscard]] std::size_t Place(std::size_t index) const { return (first_ + index) & (places_.size() - 1); }

  void MakeRoom() {
    if (size_ < places_.size()) return;
    std::vector<T> longer(places_.empty() ? kMinPlaces : 2 * places_.size());
    for (std::size_t i = 0; i < size_; ++i) longer[i] = std::move(places_[Place(i)]);
    places_ = std::move(longer);
    first_ = 0;
  }

  std::vector<T> places_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace preforkd

#endif
