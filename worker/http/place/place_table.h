// PlaceTable: finds the place of a request. Pure; a lookup allocates nothing.
//
// First the host: the exact name, else the longest *.example.org, else *, else none of the hosts. Then its
// longest location whose path is that of the request, or a part of it before a '/'. A host has the locations
// of the service too, unless it has one of the same path. A place has the settings of its location, then
// those of its host, then those of the service.
#ifndef PREFORKD_WORKER_HTTP_PLACE_PLACE_TABLE_H_
#define PREFORKD_WORKER_HTTP_PLACE_PLACE_TABLE_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/config/setting.h"
#include "worker/http/place/place.h"

namespace preforkd::http {

class PlaceTable {
 public:
  // Whether the section of a place sets any of these.
  using SetsAny = std::function<bool(const std::vector<Setting>&)>;
  // Adds to a place what is read from files, where its section sets it.
  using Complete = std::function<Status(const Settings& settings, const SetsAny& sets, Place& place)>;

  // Precondition: CheckPlaces() found nothing.
  PlaceTable(const Settings& service, const std::vector<SettingsTable>& tables, Complete complete = nullptr);
  // The first that `complete` said.
  [[nodiscard]] const Status& Problem() const { return problem_; }

  // `host`: as in HttpRequest, perhaps with a port. `path`: decoded.
  [[nodiscard]] const Place& Find(std::string_view host, std::string_view path) const;
  // The path of a request may say which place it is in.
  [[nodiscard]] bool HasLocations() const;
  // That of the service without its hosts and locations.
  [[nodiscard]] const Place& Outermost() const { return places_.front(); }

  // Before the first request, to complete them.
  [[nodiscard]] std::vector<Place>& Places() { return places_; }

 private:
  struct Location {
    std::string path;  // LocationKey
    std::size_t place;
  };
  struct Host {
    std::size_t place = 0;
    std::vector<Location> locations{};  // the longest first
  };
  using Names = std::vector<std::pair<std::string, std::size_t>>;  // sorted; a position in hosts_

  // With the locations in `own`, which are the host's, and in `shared`, which are the service's.
  void AddHost(const Settings& settings, Place place, const std::vector<SettingsTable>& own,
               const std::vector<SettingsTable>& shared);
  void AddLocations(const Settings& settings, const std::vector<SettingsTable>& tables, bool of_host);
  void AddNames(const std::vector<std::string>& names, std::size_t host);
  [[nodiscard]] const Host& FindHost(std::string_view authority) const;

  // `around` becomes the place of `settings`, which is written where `sets` says.
  Place Inside(Place around, const Settings& settings, std::size_t prefix, const SetsAny& sets);

  Complete complete_;
  Status problem_;
  std::vector<Place> places_;
  std::vector<Host> hosts_;  // the first one is for requests that name none of the others
  Names exact_;
  Names wildcards_;      // without the '*': ".example.org"
  std::size_t any_ = 0;  // the host named *
};

}  // namespace preforkd::http

#endif
