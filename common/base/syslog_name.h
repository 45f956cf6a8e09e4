// The names that stand for syslog where a log file is named: "syslog", "syslog:FACILITY".
#ifndef PREFORKD_COMMON_BASE_SYSLOG_NAME_H_
#define PREFORKD_COMMON_BASE_SYSLOG_NAME_H_

#include <string>
#include <string_view>
#include <vector>

namespace preforkd::log {

// "syslog", or anything that begins with "syslog:".
bool MeansSyslog(std::string_view name);
// The number behind the name (RFC 5424, table 1); "syslog" alone is daemon. -1: there is no such facility.
int FacilityOf(std::string_view name);
// The names of all facilities, for a message.
const std::vector<std::string>& FacilityNames();

}  // namespace preforkd::log

#endif
