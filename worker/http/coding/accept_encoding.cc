#include "worker/http/coding/accept_encoding.h"

#include <algorithm>
#include <utility>

#include "worker/http/syntax/syntax.h"

namespace preforkd::http {
namespace {

constexpr int kFull = 1000;

// nullopt: one that we do not have.
std::optional<Coding> CodingOf(std::string_view name) {
  if (EqualsNoCase(name, "identity")) return Coding::kIdentity;
  if (EqualsNoCase(name, "x-gzip")) return Coding::kGzip;  // RFC 9110 section 8.4.1.3
  for (const Coding coding : {Coding::kBrotli, Coding::kZstd, Coding::kGzip}) {
    if (EqualsNoCase(name, CodingName(coding))) return coding;
  }
  return std::nullopt;
}

// The weight of an element: what is behind its first ';'.
std::optional<int> WeightOf(std::string_view parameters) {
  const std::string_view weight = TrimBlanks(parameters);
  if (weight.size() < 2 || ToLower(weight[0]) != 'q' || weight[1] != '=') return std::nullopt;
  return ParseWeight(weight.substr(2));
}

}  // namespace

std::string_view CodingName(Coding coding) {
  switch (coding) {
    case Coding::kBrotli: return "br";
    case Coding::kZstd: return "zstd";
    case Coding::kGzip: return "gzip";
    case Coding::kIdentity: break;
  }
  return "identity";
}

std::optional<int> ParseWeight(std::string_view text) {
  constexpr std::size_t kMaxSize = 5;
  if (text.empty() || text.size() > kMaxSize || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  int value = text[0] == '1' ? kFull : 0;
  if (text.size() == 1) return value;
  if (text[1] != '.') return std::nullopt;
  int unit = kFull / 10;
  for (const char c : text.substr(2)) {
    if (!IsDigit(c)) return std::nullopt;
    value += (c - '0') * unit;
    unit /= 10;
  }
  return value <= kFull ? std::optional(value) : std::nullopt;
}

AcceptedCodings::AcceptedCodings(const HttpRequest& request) {
  request.ForEachLine("accept-encoding", [this](std::string_view line) {
    ForEachElement(line, [this](std::string_view element) { Read(element); });
  });
}

void AcceptedCodings::Read(std::string_view element) {
  const std::size_t semicolon = element.find(';');
  const std::string_view name = TrimBlanks(element.substr(0, semicolon));
  const std::optional<int> weight =
      semicolon == std::string_view::npos ? std::optional(kFull) : WeightOf(element.substr(semicolon + 1));
  if (!weight) return;
  if (name == "*") others_ = weight;
  if (const std::optional<Coding> coding = CodingOf(name)) Listed(*coding) = weight;
}

int AcceptedCodings::Weight(Coding coding) const {
  if (const std::optional<int> listed = listed_[static_cast<std::size_t>(coding)]) return *listed;
  if (others_) return *others_;
  // Not mentioned: identity is acceptable, but less than anything that is asked for.
  return coding == Coding::kIdentity ? 1 : 0;
}

CodingList AcceptedCodings::Best(CodingSet offered) const {
  CodingList list;
  const int least = std::max(Weight(Coding::kIdentity), 1);
  for (const Coding coding : {Coding::kBrotli, Coding::kZstd, Coding::kGzip}) {
    if (!offered.Has(coding) || Weight(coding) < least) continue;
    // Behind those that the client likes as much: std::stable_sort would take memory.
    std::size_t at = list.size++;
    for (; at > 0 && Weight(list.items[at - 1]) < Weight(coding); --at) list.items[at] = list.items[at - 1];
    list.items[at] = coding;
  }
  return list;
}

}  // namespace preforkd::http
