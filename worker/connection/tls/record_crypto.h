// RecordCrypto: what a worker's record layer needs of libcrypto, made once for each process and lent to the
// reader and the writer of each session. One thread uses it.
//
// It has a library context of its own: settings that a module makes in the common one do not touch it.
#ifndef PREFORKD_WORKER_CONNECTION_TLS_RECORD_CRYPTO_H_
#define PREFORKD_WORKER_CONNECTION_TLS_RECORD_CRYPTO_H_

#include "common/base/result.h"
#include "worker/connection/tls/aead.h"
#include "worker/connection/tls/key_schedule.h"

namespace preforkd::tls {

struct RecordCrypto {
  // Tries each suite once, so that libcrypto loads here what it loads late, its configuration file among it:
  // call it before the process changes its root folder or filters its system calls. Behind it no call of the
  // record layer makes a system call, but for memory. It takes 1 ms, and 300 KiB of the process's memory. An
  // error if libcrypto lacks what is needed.
  static Result<RecordCrypto> Make();

  Aead aead;
  KeySchedule schedule;
};

}  // namespace preforkd::tls

#endif
