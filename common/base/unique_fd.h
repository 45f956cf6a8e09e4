// UniqueFd: the one type that owns a file descriptor.
//
// The holder of a UniqueFd closes the descriptor, exactly once. A plain `int fd` anywhere in this tree is
// borrowed: it is valid for the call that it is passed to, and is never closed or kept. The only close(2) of
// the program is in unique_fd.cc.
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

  // No conversion to bool: 0 is a valid descriptor.
  explicit operator bool() const = delete;

  [[nodiscard]] bool Valid() const { return fd_ >= 0; }
  // Borrowed; -1 when there is none.
  [[nodiscard]] int Get() const { return fd_; }
  // Gives up ownership. The caller closes the descriptor.
  [[nodiscard]] int Release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  // Closes the descriptor now, if there is one. Keeps errno.
  void Reset() {
    if (fd_ >= 0) Close();
  }

 private:
  void Close();

  int fd_ = -1;
};

// After this call, an owner of one of `fds` that closes it leaves the descriptor open for EndHold. For an
// upgrade: the new program must be able to give all descriptors back to the old one.
void HoldOpen(std::vector<int> fds);
// Closes the descriptors that were left open so. No effect when nothing is held.
void EndHold();

}  // namespace preforkd

#endif
