// What --version --verbose says of the worker: the interface of modules, what it speaks with clients, and the
// libraries that only it links.
#ifndef PREFORKD_WORKER_ABOUT_ABOUT_WORKER_H_
#define PREFORKD_WORKER_ABOUT_ABOUT_WORKER_H_

#include "common/about/about.h"

namespace preforkd {

About AboutWorker();

}  // namespace preforkd

#endif
