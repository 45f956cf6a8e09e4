// The version of libevent.
#ifndef PREFORKD_COMMON_EVENT_EVENT_LIBRARY_H_
#define PREFORKD_COMMON_EVENT_EVENT_LIBRARY_H_

#include "common/about/about.h"

namespace preforkd {

LibraryVersion EventLibrary();

}  // namespace preforkd

#endif
