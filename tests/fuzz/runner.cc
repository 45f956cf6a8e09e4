// Runs a fuzz target without a fuzzer: the corpus unchanged, then seeded mutations of it. Runs are identical
// to the byte: the seed and the round are printed before a failure.
//
// Arguments: --rounds=N mutations, and the files of the corpus. FUZZ_SECONDS: run for this time instead.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kSeed = 20260101;

void RunOne(const std::string& input) {
  (void)LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

class Mutator {
 public:
  explicit Mutator(const std::vector<std::string>& corpus) : corpus_(corpus), random_(kSeed) {}

  std::string Next() {
    std::string input = Sample();
    for (std::uint32_t i = 0, changes = 1 + Pick(4); i < changes; ++i) Change(input);
    return input;
  }

 private:
  std::uint32_t Pick(std::size_t below) { return static_cast<std::uint32_t>(random_() % below); }
  const std::string& Sample() { return corpus_[Pick(corpus_.size())]; }

  static void Splice(std::string& input, std::size_t place, const std::string& other) {
    input.resize(place);
    if (place < other.size()) input += other.substr(place);
  }

  void Change(std::string& input) {
    if (input.empty()) input.push_back('\0');
    const std::size_t place = Pick(input.size());
    switch (Pick(7)) {
      case 0: input[place] = static_cast<char>(input[place] ^ (1 << Pick(8))); break;
      case 1: input[place] = static_cast<char>(Pick(256)); break;
      case 2: input.resize(place); break;
      case 3: input.insert(place, Pick(64), static_cast<char>(Pick(256))); break;
      case 4: input.erase(place, Pick(16)); break;
      case 5: Splice(input, place, Sample()); break;
      default:  // a wrong length
        for (std::size_t i = place; i < std::min(place + 4, input.size()); ++i)
          input[i] = Pick(2) == 0 ? '\xff' : '\0';
    }
  }

  const std::vector<std::string>& corpus_;
  std::mt19937 random_;
};

}  // namespace

int main(int argc, char** argv) {
  constexpr std::string_view kOption = "--rounds=";
  std::uint64_t rounds = 0;
  std::vector<std::string> corpus;
  for (int i = 1; i < argc; ++i) {
    if (const std::string_view argument = argv[i]; argument.starts_with(kOption)) {
      rounds = std::stoul(std::string(argument.substr(kOption.size())));
      continue;
    }
    std::ifstream file(argv[i], std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    RunOne(corpus.back());
  }
  if (corpus.empty()) {
    fmt::print(stderr, "no corpus\n");
    return 1;
  }
  const char* seconds = std::getenv("FUZZ_SECONDS");
  const auto end = Clock::now() + std::chrono::seconds(seconds != nullptr ? std::atoi(seconds) : 0);
  Mutator mutator(corpus);
  std::uint64_t round = 0;
  while (seconds != nullptr ? Clock::now() < end : round < rounds) {
    if (round % 10'000 == 0) fmt::print(stderr, "seed {}, from round {} on\n", kSeed, round);
    RunOne(mutator.Next());
    ++round;
  }
  fmt::print("{} files, {} mutations\n", corpus.size(), round);
  return 0;
}
