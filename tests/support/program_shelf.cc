#include "tests/support/program_shelf.h"

#include <filesystem>

#include "tests/support/command.h"

namespace preforkd::testing {
namespace {

namespace fs = std::filesystem;

}  // namespace

void ProgramShelf::Put(const std::string& program, const std::string& trick) {
  // First the trick, then the program: nothing runs it in between.
  WriteFile(Path() + ".trick", trick);
  const std::string fresh = folder_.Path("fresh");
  fs::copy_file(RunfilePath(program), fresh, fs::copy_options::overwrite_existing);
  fs::rename(fresh, Path());
}

void ProgramShelf::PutBytes(const std::string& bytes, bool executable) {
  const std::string fresh = folder_.Path("fresh");
  WriteFile(fresh, bytes);
  fs::permissions(fresh, executable ? fs::perms(0755) : fs::perms(0644));
  fs::rename(fresh, Path());
}

void ProgramShelf::Remove() { fs::remove(Path()); }

}  // namespace preforkd::testing
