// DescribeCertificates: the life of a process that is thrown away. It reads the certificates and keys of a
// configuration, as a gate would, and sends the master what an operator may know of them, and what is wrong.
#ifndef PREFORKD_WORKER_GATE_DESCRIBE_DESCRIBE_CERTIFICATES_H_
#define PREFORKD_WORKER_GATE_DESCRIBE_DESCRIBE_CERTIFICATES_H_

#include "common/process/worker_start.h"

namespace preforkd {

// Like a gate's entry, but WorkerStart::channel is the write end of a pipe, and gets one
// EncodeCertificates(). Reads the files while it still has the master's descriptors, and parses them as the
// user of the gates. If it cannot be set up, WorkerRow::startup says why and the process exits with
// WorkerExit::kStartFailed.
WorkerEntry MakeCertificateDescriber();

}  // namespace preforkd

#endif
