// HostName: the host of an authority in the form in which hosts are compared. Pure; allocates nothing.
//
// Lower case, without port, without the dot at the end of a name. An IPv6 address in brackets is written in
// its shortest form (RFC 5952), so that [0::1] is [::1].
#ifndef PREFORKD_WORKER_HTTP_PLACE_HOST_NAME_H_
#define PREFORKD_WORKER_HTTP_PLACE_HOST_NAME_H_

#include <array>
#include <cstddef>
#include <string_view>

namespace preforkd::http {

class HostName {
 public:
  // The longest name of the DNS, in text.
  static constexpr std::size_t kMaxSize = 253;

  // `authority`: empty, or IsAuthority().
  explicit HostName(std::string_view authority);

  // Empty if there is none, or if it is longer than any name.
  [[nodiscard]] std::string_view View() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, kMaxSize> bytes_;
  std::size_t size_ = 0;
};

}  // namespace preforkd::http

#endif
