// The table of requests for files: conditions, lists on several lines, ranges of empty and tiny files.
// Requests and the required answers (RFC 9110 sections 5.3, 13, 14).
#ifndef PREFORKD_TESTS_LOOPBACK_HTTP_FILE_ROWS_H_
#define PREFORKD_TESTS_LOOPBACK_HTTP_FILE_ROWS_H_

#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

namespace preforkd::testing {

// The time of the files "empty", "one", "two" and "thousand".
inline constexpr std::time_t kFileTime = 784111777;
inline constexpr const char* kFileDate = "Sun, 06 Nov 1994 08:49:37 GMT";
inline constexpr const char* kEarlierDate = "Sun, 06 Nov 1994 08:49:36 GMT";
inline constexpr const char* kLaterDate = "Sun, 06 Nov 1994 08:49:38 GMT";

struct FileRow {
  std::string target;  // also the file's name
  std::string fields;  // whole lines
  int status = 200;
  std::string content_range;  // empty: none
  std::string body;           // of 200 and 206; "*": the whole file
};

// The ETag of a file of that time and size.
std::string TagOf(std::uint64_t size, std::time_t time = kFileTime);

std::vector<FileRow> ListRows();
std::vector<FileRow> SingleFieldRows();
std::vector<FileRow> RangeRows();
std::vector<FileRow> IfRangeRows();

}  // namespace preforkd::testing

#endif
