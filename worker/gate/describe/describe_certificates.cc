#include "worker/gate/describe/describe_certificates.h"

#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "common/base/exit_code.h"
#include "common/base/whole_io.h"
#include "common/gate/certificate_answer.h"
#include "worker/gate/certificate_report.h"
#include "worker/process/child_setup.h"

namespace preforkd {
namespace {

WorkerExit Run(WorkerStart& start) {
  std::vector<CertificateProblem> unread;
  KeyMaterial material = start.key_files->ReadAll(unread);
  const auto cannot = [&](const Error& error) {
    start.scoreboard->Row(start.id.slot).startup.Write(error.text);
    return WorkerExit::kStartFailed;
  };
  const Result<ChildDescriptors> descriptors = SetUpChild(start);
  if (!descriptors.Ok()) return cannot(descriptors.Err());
  const Result<CertificateAnswer> answer =
      ReportOnCertificates(start.config->tls, std::move(material), std::move(unread));
  if (!answer.Ok()) return cannot(answer.Err());
  const bool told = WriteAll(descriptors.Value().channel.Get(), EncodeCertificates(answer.Value()));
  return told ? WorkerExit::kRetired : WorkerExit::kLoopFailed;
}

}  // namespace

WorkerEntry MakeCertificateDescriber() {
  return [](WorkerStart start) {
    // Not exit(3): exit handlers and stdio buffers of this process are copies of the master's.
    ::_exit(static_cast<int>(Run(start)));
  };
}

}  // namespace preforkd
