// CheckRow: one row of a table of requests, sent in one piece, cut at every byte boundary, and byte by byte,
// with the same outcome each time; and afterwards the same service answers the next client.
#ifndef PREFORKD_TESTS_LOOPBACK_HTTP_ROW_CHECK_H_
#define PREFORKD_TESTS_LOOPBACK_HTTP_ROW_CHECK_H_

#include <string>
#include <string_view>
#include <vector>

#include "tests/loopback/http/hostile_rows.h"
#include "tests/loopback/http/http_bed.h"

namespace preforkd::testing {

struct Outcome {
  std::vector<int> statuses;  // 1xx left out
  std::string body;           // of the last answer
  bool ended = false;
  bool operator==(const Outcome&) const = default;
};

// `to_head`: the request was HEAD, so that whatever follows the head of an answer is an answer of its own.
Outcome OutcomeOf(const Client& client, bool to_head = false);

// Sends `bytes` in pieces of the given sizes; what is left behind the last goes as one piece.
Outcome Send(HttpBed& bed, std::string_view bytes, const std::vector<std::size_t>& pieces,
             bool to_head = false);

// A good client on the same worker gets its answer.
void CheckNextClient(HttpBed& bed);

void CheckRow(HttpBed& bed, const HostileRow& row);
void CheckRows(HttpBed& bed, const std::vector<HostileRow>& rows);

}  // namespace preforkd::testing

#endif
