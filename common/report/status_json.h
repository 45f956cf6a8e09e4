// StatusJson: the contents of the scoreboard as the document behind `/status.json`, the status pages and
// preforkctl. Reads shared memory while other processes write it: the terms of the account (accepted,
// in_progress, parked, finished, lost) are of one moment, every other number is of some recent one.
#ifndef PREFORKD_COMMON_REPORT_STATUS_JSON_H_
#define PREFORKD_COMMON_REPORT_STATUS_JSON_H_

#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/gate/certificate_facts.h"
#include "common/scoreboard/scoreboard.h"

namespace preforkd {

// One JSON object, in one line that ends with "\n", valid UTF-8 whatever clients have sent. `answered_by`:
// the worker that answers; the document names it ("answered_by": {"slot", "pid"}). nullopt if the master
// answers. `certificates`: those of the serving generation; nullptr: the document does not tell. That is what
// the pages of workers show: paths and names are for the operator.
std::string StatusJson(const Scoreboard& scoreboard, std::optional<Slot> answered_by, Time now,
                       const AllCertificateFacts* certificates = nullptr);

}  // namespace preforkd

#endif
