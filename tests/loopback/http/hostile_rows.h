// The table of odd and hostile bytes: requests and the required answers. The numbers are those of the list
// of cases that it is taken from (RFC 9112, Http11Probe, HTTP Garden, nginx-tests and others).
#ifndef PREFORKD_TESTS_LOOPBACK_HTTP_HOSTILE_ROWS_H_
#define PREFORKD_TESTS_LOOPBACK_HTTP_HOSTILE_ROWS_H_

#include <string>
#include <string_view>
#include <vector>

namespace preforkd::testing {

struct HostileRow {
  const char* name;
  std::string bytes;
  std::vector<int> statuses;   // in order; 1xx left out
  bool ended = false;          // the server ends the connection
  const char* body = nullptr;  // of the last answer
  bool to_head = false;        // the requests are HEAD: nothing follows the head of an answer
  bool at_once = false;        // the first head is enough for its answer: no 100, and the body is not awaited
};

// Requests to build rows of.
std::string GetRequest(std::string_view fields = "", std::string_view target = "/");
std::string PostRequest(std::string_view fields, std::string_view body = "");
std::string ChunkedRequest(std::string_view body);
// The head with this start line.
std::string HeadOf(std::string_view start_line, std::string_view fields = "Host: a\r\n");

std::vector<HostileRow> StartLineRows();
std::vector<HostileRow> FieldRows();
std::vector<HostileRow> LengthRows();
std::vector<HostileRow> EncodingRows();
std::vector<HostileRow> ChunkRows();
std::vector<HostileRow> ConnectionRows();

}  // namespace preforkd::testing

#endif
