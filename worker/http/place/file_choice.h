// ChooseFile: what a path means in a place with files. The server sends what it says (PlaceFiles), and
// `preforkd --explain` prints it.
#ifndef PREFORKD_WORKER_HTTP_PLACE_FILE_CHOICE_H_
#define PREFORKD_WORKER_HTTP_PLACE_FILE_CHOICE_H_

#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "worker/http/files/file_finder.h"
#include "worker/http/place/place.h"

namespace preforkd::http {

struct FileChoice {
  enum class Kind {
    kToRoot,    // the location itself, whose path lacks the '/' at its end
    kHidden,    // a name in the path begins with a dot
    kFound,     // `found`
    kIndex,     // the same: the index of a folder
    kFallback,  // the file of the place, because there is none; `found` says why
  };
  Kind kind = Kind::kFound;
  Finding found{};
};

// Of kIndex and kFallback `url` becomes the path by which a client may ask for that file. Another place may
// be for it: then that one decides (Places). `moved`: that has happened, and `path` is that path, which has
// no '/' at its end: it means the file, or nothing.
FileChoice ChooseFile(const Place& place, std::string_view path, bool moved, FileFinder& finder,
                      std::string& url, Time now);

// A name in the path begins with a dot. `path`: decoded, below the root.
bool IsHidden(std::string_view path);

}  // namespace preforkd::http

#endif
