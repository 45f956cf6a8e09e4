// Problems: collects everything that is wrong with a configuration, so that one run shows all of it.
#ifndef PREFORKD_COMMON_CONFIG_PROBLEMS_H_
#define PREFORKD_COMMON_CONFIG_PROBLEMS_H_

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/config/config_loader.h"
#include "common/config/value.h"

namespace preforkd {

class Problems {
 public:
  void Add(Origin origin, std::string text) { found_.push_back({std::move(origin), std::move(text)}); }

  [[nodiscard]] bool None() const { return found_.empty(); }

  // The file's in the order of its lines, as a person works through them, then the others as they were found.
  [[nodiscard]] std::vector<ConfigProblem> Sorted() const {
    std::vector<Problem> sorted = found_;
    std::stable_sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) {
      const bool a_elsewhere = a.origin.line == 0;
      const bool b_elsewhere = b.origin.line == 0;
      return std::tie(a_elsewhere, a.origin.line, a.origin.column) <
             std::tie(b_elsewhere, b.origin.line, b.origin.column);
    });
    std::vector<ConfigProblem> problems;
    for (const Problem& problem : sorted) problems.push_back({problem.origin.Text(), problem.text});
    return problems;
  }

 private:
  struct Problem {
    Origin origin;
    std::string text;
  };
  std::vector<Problem> found_;
};

}  // namespace preforkd

#endif
