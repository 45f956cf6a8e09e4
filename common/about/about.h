// About: what a program says of itself (--version --verbose): how it was built, the formats that it speaks,
// and the libraries in it. The file that uses a library describes it; the same libraries are in the bill of
// materials (tools/package/sbom.py), which a test compares.
//
// Not in it: the commit. It would change every program, and so run every test, with each commit. The build id
// names the build as exactly: the same sources and tools give the same one.
#ifndef PREFORKD_COMMON_ABOUT_ABOUT_H_
#define PREFORKD_COMMON_ABOUT_ABOUT_H_

#include <string>
#include <string_view>
#include <vector>

namespace preforkd {

struct LibraryVersion {
  enum class Linked { kHeaders, kStatic, kDynamic };

  std::string name;
  Linked linked = Linked::kHeaders;
  std::string built;   // that of its headers, when the program was built; empty: they have none
  std::string loaded;  // what the library says now; empty: it says nothing, or consists of headers only
};

struct About {
  struct Fact {
    std::string name;
    std::string value;
  };

  std::vector<Fact> facts;
  std::vector<LibraryVersion> libraries;
};

// Of every program of the tree: compiler and options, build id; fmt and the run time of C++ and C.
About AboutBuild();

// Lines of a name and a value. `title`: the first line.
std::string AboutText(std::string_view title, const About& about);

// Of the program file that runs: lower-case hexadecimal digits, as readelf -n prints it; empty if the linker
// gave it none.
std::string BuildId();

}  // namespace preforkd

#endif
