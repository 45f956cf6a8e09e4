#include "master/workers/reports/refused_calls.h"

#include <fmt/core.h>

#include "common/base/log.h"
#include "common/process/call_table.h"
#include "common/process/syscall_name.h"

namespace preforkd {
namespace {

std::vector<RefusedCall> Read(const RefusedCalls& refused) {
  std::vector<RefusedCall> so_far;
  for (const RefusedCalls::Kind& kind : refused.kinds) {
    const std::uint64_t number = Get(kind.number);
    if (number != 0 && Get(kind.count) != 0)
      so_far.push_back({static_cast<int>(number - 1), Get(kind.count)});
  }
  if (Get(refused.others) != 0) so_far.push_back({std::nullopt, Get(refused.others)});
  return so_far;
}

std::string NameOf(const RefusedCall& call) { return call.number ? SyscallName(*call.number) : "others"; }

// The fields of the line: "socket:1000,fork:1" and the sets that would allow them, "network,processes".
struct RefusalFields {
  std::string calls;
  std::string sets;
};

RefusalFields FieldsOf(const std::vector<RefusedCall>& calls) {
  RefusalFields fields;
  for (const RefusedCall& call : calls) {
    const std::string name = NameOf(call);
    fields.calls += fmt::format("{}{}:{}", fields.calls.empty() ? "" : ",", name, call.times);
    const auto set = SetThatAdds(name);
    if (set && ("," + fields.sets + ",").find(fmt::format(",{},", CallSetName(*set))) == std::string::npos)
      fields.sets += fmt::format("{}{}", fields.sets.empty() ? "" : ",", CallSetName(*set));
  }
  return fields;
}

std::string Times(std::uint64_t times) { return times == 1 ? "once" : fmt::format("{} times", times); }

}  // namespace

std::string DescribeRefusals(const std::vector<RefusedCall>& calls) {
  std::string text;
  bool in_a_set = false;
  for (const RefusedCall& call : calls) {
    const std::string name = NameOf(call);
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, Times(call.times));
    const auto set = SetThatAdds(name);
    if (set) text += fmt::format(" (set '{}')", CallSetName(*set));
    in_a_set = in_a_set || set.has_value();
  }
  return in_a_set ? text + "; system_calls = \"SET\" in the section of its service would allow it" : text;
}

void RefusedCallReport::Update(const WorkerId& worker, const WorkerRow& row, Time now) {
  Report(worker, watch_.Update(worker, Read(row.refused), now));
}

void RefusedCallReport::Finish(const WorkerId& worker, const WorkerRow& row) {
  Report(worker, watch_.Finish(worker, Read(row.refused)));
}

void RefusedCallReport::Report(const WorkerId& worker, const std::vector<RefusedCall>& calls) {
  if (calls.empty()) return;
  for (const RefusedCall& call : calls) Add(page_.calls_refused, call.times);
  const RefusalFields fields = FieldsOf(calls);
  log::Warning({log::kCallsRefused, worker, {{"calls", fields.calls}, {"sets", fields.sets}}},
               "worker was refused system calls: {}", DescribeRefusals(calls));
}

}  // namespace preforkd
