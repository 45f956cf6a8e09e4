// How the master learns what is in certificates, without reading a key: a process that is thrown away reads
// the files, as the user of the gates, and says what an operator may know, or what is wrong.
#ifndef PREFORKD_MASTER_TLS_CERTIFICATE_CHECK_H_
#define PREFORKD_MASTER_TLS_CERTIFICATE_CHECK_H_

#include <memory>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/config/config_loader.h"
#include "common/gate/certificate_answer.h"
#include "common/gate/key_files.h"
#include "common/process/log_fds.h"
#include "common/process/worker_start.h"
#include "master/system/trial_child.h"

namespace preforkd {

// How long it may take: the start_timeout of the gates, and at most `longest`. Precondition of these two:
// `config` has gates.
Duration TimeToCheck(const Config& config, Duration longest);
// `describe`: Program::describe_certificates. `files`: those of `config`, which are read. `logs`: where the
// process logs, besides standard error.
Result<TrialChild> StartCertificateCheck(const std::shared_ptr<const Config>& config,
                                         const std::shared_ptr<const KeyFiles>& files,
                                         const WorkerEntry& describe, const LogFds& logs);

// What it said. Error: it could not say anything. `limit`: the time that it had.
Result<CertificateAnswer> JudgeCertificates(const TrialEnd& end, Duration limit);

// The problems as those of a configuration, each at its key. `read`: the configuration that was checked.
std::vector<ConfigProblem> ProblemsOf(const CertificateAnswer& answer, const ConfigOutcome& read);

}  // namespace preforkd

#endif
