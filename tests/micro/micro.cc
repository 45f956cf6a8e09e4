// Micro-benchmarks: the cost of single steps in the life of a connection. tests/micro/table runs them and
// adds the system calls; by hand: bazel run --config=opt //tests/micro -- --benchmark_filter=park
//
// --rounds=N: exactly N rounds of each, so that two runs differ only in the number of rounds.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tests/micro/operations.h"

namespace preforkd::testing {
namespace {

// `per_round`: operations in one round; time is per operation.
template <typename Operation, typename... Args>
void Register(std::int64_t rounds, std::int64_t per_round, const std::string& name, Args... args) {
  auto* const registered = ::benchmark::RegisterBenchmark(name.c_str(), [=](::benchmark::State& state) {
    Operation operation(args...);
    for (auto _ : state) operation.Round();
    state.SetItemsProcessed(state.iterations() * per_round);
  });
  if (rounds > 0) registered->Iterations(rounds);
}

// About as deep as the slots are loaded, so that the first ones have a part of the load and the rest the
// other.
constexpr Gathering kGathering{.slots = 2, .depth = 11};

void RegisterAll(std::int64_t rounds) {
  for (const int in_flight : {1, 8, 64}) {
    Register<HandOverAndTake>(rounds, in_flight,
                              "hand over and take, " + std::to_string(in_flight) + " in flight",
                              static_cast<std::size_t>(in_flight));
  }
  Register<ParkAndWake>(rounds, 1, "park and wake");
  Register<ParseHead>(rounds, 1, "parse a request head");
  for (const std::uint32_t slots : {2U, 16U, 64U, 256U}) {
    const std::string among = ", " + std::to_string(slots) + " slots";
    Register<Choice>(rounds, 1, "choice, least-connections" + among, DispatchPolicy::kLeastConnections,
                     slots);
    Register<Choice>(rounds, 1, "choice, gathering" + among, DispatchPolicy::kLeastConnections, slots,
                     kGathering);
    Register<Choice>(rounds, 1, "choice, round-robin" + among, DispatchPolicy::kRoundRobin, slots);
    Register<Choice>(rounds, 1, "choice, client-hash" + among, DispatchPolicy::kClientHash, slots);
    Register<Dispatch>(rounds, 1, "accepted to finished" + among, slots);
  }
}

// Removes --rounds=N from the arguments; 0 if it is not there.
std::int64_t TakeRounds(std::vector<char*>& arguments) {
  constexpr std::string_view kFlag = "--rounds=";
  std::int64_t rounds = 0;
  std::erase_if(arguments, [&](const char* argument) {
    if (!std::string_view(argument).starts_with(kFlag)) return false;
    rounds = std::strtoll(argument + kFlag.size(), nullptr, 10);
    return true;
  });
  return rounds;
}

}  // namespace
}  // namespace preforkd::testing

int main(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  preforkd::testing::RegisterAll(preforkd::testing::TakeRounds(arguments));
  int count = static_cast<int>(arguments.size());
  ::benchmark::Initialize(&count, arguments.data());
  if (::benchmark::ReportUnrecognizedArguments(count, arguments.data())) return EXIT_FAILURE;
  ::benchmark::RunSpecifiedBenchmarks();
  return EXIT_SUCCESS;
}
