// LogLine: formats one event as a line for a sink. Knows no descriptor.
#ifndef PREFORKD_COMMON_BASE_LOG_LINE_H_
#define PREFORKD_COMMON_BASE_LOG_LINE_H_

#include <fmt/format.h>

#include <string_view>

#include "common/base/log.h"

namespace preforkd::log {

// 500 bytes are on the stack: a line of usual length allocates nothing.
using Line = fmt::memory_buffer;

struct LineStyle {
  Format format = Format::kText;
  Sink sink = Sink::kFile;
  unsigned facility = 3;  // for Sink::kSyslog
};

// Appends the line, with a line end unless the line is a datagram.
void AppendLine(Line& line, const LineStyle& style, const Identity& who, Level level, const Subject& subject,
                std::string_view text);

}  // namespace preforkd::log

#endif
