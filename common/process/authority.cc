#include "common/process/authority.h"

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace preforkd {

Authority OwnAuthority() {
  Authority authority;
  authority.user = ::geteuid();
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  if (::syscall(SYS_capget, &header, data.data()) < 0)
    return authority;  // refused: treat an unknown capability as missing
  const auto has = [&data](unsigned capability) {
    return (data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
  };
  authority.change_ids = has(CAP_SETUID) && has(CAP_SETGID);
  authority.change_owner = has(CAP_CHOWN);
  authority.change_root = has(CAP_SYS_CHROOT);
  authority.shed_bounding = has(CAP_SETPCAP);
  return authority;
}

bool CallFiltersExist() {
  const std::uint32_t action = SECCOMP_RET_TRAP;
  return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

}  // namespace preforkd
