// ProgramShelf: the path of a program file that can be replaced by rename while the program runs, as a
// package manager does it.
#ifndef PREFORKD_TESTS_SUPPORT_PROGRAM_SHELF_H_
#define PREFORKD_TESTS_SUPPORT_PROGRAM_SHELF_H_

#include <string>

#include "tests/support/temp_directory.h"

namespace preforkd::testing {

inline constexpr const char* kPreforkdNext = "tests/upgrade/preforkd_next";

class ProgramShelf {
 public:
  // Throws std::runtime_error. `program` as a test names it in `data`, `trick` one of those that
  // tests/upgrade/main.cc lists.
  explicit ProgramShelf(const std::string& program, const std::string& trick = {}) { Put(program, trick); }

  [[nodiscard]] std::string Path() const { return folder_.Path("preforkd"); }
  // Replaces the file by this program.
  void Put(const std::string& program, const std::string& trick = {});
  // Replaces it by a file that is not a preforkd.
  void PutBytes(const std::string& bytes, bool executable);
  void Remove();

 private:
  TempDirectory folder_;
};

}  // namespace preforkd::testing

#endif
