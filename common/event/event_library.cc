#include "common/event/event_library.h"

#include <event2/event.h>

namespace preforkd {

LibraryVersion EventLibrary() {
  return {"libevent", LibraryVersion::Linked::kStatic, LIBEVENT_VERSION, ::event_get_version()};
}

}  // namespace preforkd
