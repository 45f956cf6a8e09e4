#include "worker/http/syntax/upgrade.h"

#include "worker/http/syntax/syntax.h"

namespace preforkd::http {
namespace {

bool Lists(const HttpRequest& request, std::string_view field, std::string_view wanted) {
  bool found = false;
  request.ForEachLine(field, [&](std::string_view line) {
    ForEachElement(line, [&](std::string_view element) { found = found || EqualsNoCase(element, wanted); });
  });
  return found;
}

}  // namespace

bool AsksForUpgrade(const HttpRequest& request, std::string_view protocol) {
  return request.minor_version >= 1 && Lists(request, "connection", "upgrade") &&
         Lists(request, "upgrade", protocol);
}

}  // namespace preforkd::http
