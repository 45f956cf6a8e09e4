// Memory of GnuTLS that is wiped when it is freed. The library itself wipes its keys, but not what it
// encrypts into session tickets, the master secret of TLS 1.2 among it.
#ifndef PREFORKD_WORKER_GATE_WIPING_MEMORY_H_
#define PREFORKD_WORKER_GATE_WIPING_MEMORY_H_

namespace preforkd {

// For the whole process, from now on.
void WipeWhatGnutlsFrees();

}  // namespace preforkd

#endif
