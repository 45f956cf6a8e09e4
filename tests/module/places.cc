// A lookup table that all workers share: it is read once for each generation, not once for each worker.
#include <fstream>
#include <memory_resource>
#include <preforkd/module.hpp>
#include <string>
#include <unordered_map>

namespace {

pfd::setting::Path table{"table",
                         {.min = "1", .doc = "A file of lines like 'BER Berlin'.", .required = true}};

struct Places {
  std::pmr::unordered_map<std::pmr::string, std::pmr::string> by_code;

  Places() {
    const std::string path(*table);
    std::ifstream file(path);
    std::pmr::string code;
    std::pmr::string name;
    while (file >> code && std::getline(file >> std::ws, name)) by_code[code] = name;
    if (!file.eof() || by_code.empty()) throw std::runtime_error("cannot read " + path);
    pfd::log::info(by_code.size(), " places");
  }
};

pfd::Response place(const pfd::Request& request) {
  const auto& known = pfd::preloaded<Places>().by_code;
  const auto found = known.find(std::pmr::string(request.query("code").value_or("")));
  if (found == known.end()) throw pfd::HttpError(404, "no such place");
  return pfd::text(std::string(found->second) + "\n");
}

}  // namespace

PREFORKD_EVENT_MODULE("places", table, pfd::preload<Places>, pfd::route{"GET", "/place", place});
