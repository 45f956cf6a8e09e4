// Randomly damaged files: LoadConfig never crashes, and returns a configuration or a problem.
#include <doctest/doctest.h>

#include <array>
#include <random>
#include <string>

#include "common/config/config_loader.h"
#include "tests/unit/config_files.h"

namespace preforkd::testing {
namespace {

constexpr int kRounds = 2000;
constexpr int kMaxEdits = 8;
constexpr std::uint32_t kSeed = 20240601;

// Characters that change the meaning of TOML, used more often than others.
constexpr std::string_view kTelling = "[]{}\"'=.,#\n\r\t -+_0123456789\\\x00\x7f\xff\xc3";

std::size_t Below(std::mt19937& random, std::size_t bound) { return random() % bound; }

char AnyByte(std::mt19937& random) {
  if (Below(random, 2) == 0) return kTelling[Below(random, kTelling.size())];
  return static_cast<char>(Below(random, 256));
}

// One replacement, insertion, removal or repetition.
void Edit(std::string& text, std::mt19937& random) {
  const std::size_t at = Below(random, text.size());
  const std::size_t length = 1 + Below(random, std::min<std::size_t>(text.size() - at, 40));
  switch (Below(random, 4)) {
    case 0: text[at] = AnyByte(random); break;
    case 1: text.insert(at, 1, AnyByte(random)); break;
    case 2: text.erase(at, length); break;
    default: text.insert(Below(random, text.size()), text.substr(at, length)); break;
  }
  if (text.empty()) text = "=";
}

TEST_CASE("two thousand damaged files") {
  const std::string original = PrintConfig(Loaded(LoadConfig(InputsFor("")))) +
                               "[pool.app]\nworkers = 2\n[service.shop]\ntype = \"shop\"\npool = "
                               "\"app\"\npath = \"/x\"\nwants = \"red\"\nnames = [\"aa\", \"b, b\"]\n";
  std::mt19937 random(kSeed);
  int accepted = 0;
  int refused = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::string text = original;
    const std::size_t edits = 1 + Below(random, kMaxEdits);
    for (std::size_t i = 0; i < edits; ++i) Edit(text, random);
    const ConfigOutcome outcome = LoadText(text);
    CAPTURE(round);
    CAPTURE(text);
    REQUIRE((outcome.config == nullptr) != outcome.problems.empty());
    for (const ConfigProblem& problem : outcome.problems) {
      REQUIRE_FALSE(problem.where.empty());
      REQUIRE_FALSE(problem.text.empty());
      REQUIRE(problem.Text().find('\n') == std::string::npos);
    }
    if (outcome.config != nullptr) REQUIRE(Loaded(LoadText(PrintConfig(*outcome.config))) == *outcome.config);
    ++(outcome.config != nullptr ? accepted : refused);
  }
  // Otherwise the damage was too small or too large to test anything.
  CHECK(accepted > kRounds / 20);
  CHECK(refused > kRounds / 20);
}

}  // namespace
}  // namespace preforkd::testing
