// UniqueFd: the one type that owns a file descriptor.
//
// Whoever holds a UniqueFd closes the descriptor, exactly once. A plain `int fd` anywhere in this tree is
// borrowed: it is valid for the call that it is passed to, and is never closed or kept.
// The only close(2) of the program is in unique_fd.cc.
#ifndef PREFORKD_COMMON_BASE_UNIQUE_FD_H_
#define PREFORKD_COMMON_BASE_UNIQUE_FD_H_

#include <vector>

namespace preforkd {

class UniqueFd {
 public:
  UniqueFd() = default;
  // Takes ownership of `fd`; -1 means none.
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Reset();
      fd_ = other.Release();
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Reset(); }

  // A descriptor is not a truth value: 0 is a valid one.
  explicit operator bool() const = delete;

  [[nodiscard]] bool Valid() const { return fd_ >= 0; }
  // Borrowed; -1 when there is none.
  [[nodiscard]] int Get() const { return fd_; }
  // Gives the ownership away. The caller closes.
  [[nodiscard]] int Release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  // Closes now, if there is something to close. Keeps errno.
  void Reset() {
    if (fd_ >= 0) Close();
  }

 private:
  void Close();

  int fd_ = -1;
};

// While a program takes over what another one had open, and may have to give it back, none of that may be
// closed. From now on an owner of one of `fds` that closes it only leaves it to EndHold.
void HoldOpen(std::vector<int> fds);
// Closes what owners have left to it. No effect when nothing is held.
void EndHold();

}  // namespace preforkd

#endif
