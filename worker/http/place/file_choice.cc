#include "worker/http/place/file_choice.h"

#include <utility>

namespace preforkd::http {

bool IsHidden(std::string_view path) {
  constexpr std::string_view kWellKnown = "/.well-known/";  // RFC 8615
  if (path.starts_with(kWellKnown)) path.remove_prefix(kWellKnown.size() - 1);
  return path.find("/.") != std::string_view::npos;
}

FileChoice ChooseFile(const Place& place, std::string_view path, bool moved, FileFinder& finder,
                      std::string& url, Time now) {
  using Kind = FileChoice::Kind;
  const std::string_view below = path.substr(place.prefix);
  if (below.empty()) return {Kind::kToRoot};
  if (!place.hidden_files && IsHidden(below)) return {Kind::kHidden};
  Finding found = finder.Find(below, now);
  if (found.kind == Finding::Kind::kFile && below.ends_with('/')) {
    url.assign(path).append(place.files->index);
    return {Kind::kIndex, std::move(found)};
  }
  const bool missing = found.kind == Finding::Kind::kError && found.status == 404;
  if (!missing || moved || place.fallback.empty()) return {Kind::kFound, std::move(found)};
  url.assign(path.substr(0, place.prefix)).append("/").append(place.fallback);
  return {Kind::kFallback, std::move(found)};
}

}  // namespace preforkd::http
