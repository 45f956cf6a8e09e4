// The values of a log file key that mean syslog: "syslog", "syslog:FACILITY".
#ifndef PREFORKD_COMMON_BASE_SYSLOG_NAME_H_
#define PREFORKD_COMMON_BASE_SYSLOG_NAME_H_

#include <string>
#include <string_view>
#include <vector>

namespace preforkd::log {

// True for "syslog" and for anything that begins with "syslog:".
bool MeansSyslog(std::string_view name);
// The number of the facility (RFC 5424, table 1); "syslog" alone means daemon. -1: no such facility.
int FacilityOf(std::string_view name);
// The names of all facilities, for an error text.
const std::vector<std::string>& FacilityNames();

}  // namespace preforkd::log

#endif
