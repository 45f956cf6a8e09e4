// The server's own pages: modules like those of users, written against <preforkd/module.hpp> alone, and
// linked into the program. Each function returns the table that a shared object gives by preforkd_module().
#ifndef PREFORKD_WORKER_SERVICES_PAGES_PAGES_H_
#define PREFORKD_WORKER_SERVICES_PAGES_PAGES_H_

#include <preforkd/module.h>

// At global scope, as in a module.

// The server's state for people (`/`), for programs (`/status.json`, `/metrics`) and for load balancers
// (`/healthz`, `/readyz`).
const pfd_module* preforkd_status_page(void);

// A page that shows the server's state (`/`), and its data (`/status.json`).
const pfd_module* preforkd_welcome_page(void);

#endif
