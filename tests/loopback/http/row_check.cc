#include "tests/loopback/http/row_check.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace preforkd::testing {
namespace {

// The first answer must not wait for the body of its request, nor ask for it.
void CheckAnswersHead(HttpBed& bed, const HostileRow& row) {
  const auto client = bed.Connect();
  bed.Exchange(*client, std::string_view(row.bytes).substr(0, row.bytes.find("\r\n\r\n") + 4));
  CHECK(client->Received().find("HTTP/1.1 100") == std::string::npos);
  CHECK(OutcomeOf(*client, row.to_head).statuses == std::vector<int>{row.statuses.front()});
  client->Close();
  bed.Turn();
  CHECK(bed.Live() == 0);
}

}  // namespace

Outcome OutcomeOf(const Client& client, bool to_head) {
  Outcome outcome;
  outcome.ended = client.Ended();
  for (const Answer& answer : ParseAnswers(client.Received(), to_head)) {
    if (answer.status >= 100 && answer.status < 200) continue;
    outcome.statuses.push_back(answer.status);
    outcome.body = answer.body;
  }
  return outcome;
}

Outcome Send(HttpBed& bed, std::string_view bytes, const std::vector<std::size_t>& pieces, bool to_head) {
  const auto client = bed.Connect();
  for (const std::size_t size : pieces) {
    bed.Exchange(*client, bytes.substr(0, size));
    bytes.remove_prefix(std::min(size, bytes.size()));
  }
  if (!bytes.empty()) bed.Exchange(*client, bytes);
  const Outcome outcome = OutcomeOf(*client, to_head);
  client->Close();
  bed.Turn();
  CHECK(bed.Live() == 0);
  return outcome;
}

void CheckNextClient(HttpBed& bed) {
  const Outcome next = Send(bed, GetRequest(), {});
  CHECK(next.statuses == std::vector<int>{200});
  CHECK_FALSE(next.body.empty());
  CHECK_FALSE(next.ended);
}

void CheckRow(HttpBed& bed, const HostileRow& row) {
  CAPTURE(row.name);
  CAPTURE(row.bytes);
  const Outcome whole = Send(bed, row.bytes, {}, row.to_head);
  CHECK(whole.statuses == row.statuses);
  CHECK(whole.ended == row.ended);
  if (row.body != nullptr) CHECK(whole.body == row.body);
  if (row.at_once) CheckAnswersHead(bed, row);
  CheckNextClient(bed);
  for (std::size_t cut = 1; cut < row.bytes.size(); ++cut) {
    CAPTURE(cut);
    REQUIRE(Send(bed, row.bytes, {cut}, row.to_head) == whole);
  }
  const std::vector<std::size_t> single(row.bytes.size(), 1);
  CHECK(Send(bed, row.bytes, single, row.to_head) == whole);
  CheckNextClient(bed);
}

void CheckRows(HttpBed& bed, const std::vector<HostileRow>& rows) {
  for (const HostileRow& row : rows) CheckRow(bed, row);
}

}  // namespace preforkd::testing
