// ProgramShelf: a place at which a program lies that can be exchanged for another one while it runs, as a
// package manager does it: by rename.
#ifndef PREFORKD_TESTS_SUPPORT_PROGRAM_SHELF_H_
#define PREFORKD_TESTS_SUPPORT_PROGRAM_SHELF_H_

#include <string>

#include "tests/support/temp_directory.h"

namespace preforkd::testing {

inline constexpr const char* kPreforkdNext = "tests/upgrade/preforkd_next";

class ProgramShelf {
 public:
  // Throws std::runtime_error. `program` is as a test names it in `data`, `trick` as tests/upgrade/main.cc
  // lists them.
  explicit ProgramShelf(const std::string& program, const std::string& trick = {}) { Put(program, trick); }

  [[nodiscard]] std::string Path() const { return folder_.Path("preforkd"); }
  // From now on this lies there.
  void Put(const std::string& program, const std::string& trick = {});
  // Something that is no program of ours.
  void PutBytes(const std::string& bytes, bool executable);
  void Remove();

 private:
  TempDirectory folder_;
};

}  // namespace preforkd::testing

#endif
