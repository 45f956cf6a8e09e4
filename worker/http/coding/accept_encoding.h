// accept_encoding: which content codings a client takes (RFC 9110 section 12.5.3). Pure.
#ifndef PREFORKD_WORKER_HTTP_CODING_ACCEPT_ENCODING_H_
#define PREFORKD_WORKER_HTTP_CODING_ACCEPT_ENCODING_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "worker/http/syntax/request.h"

namespace preforkd::http {

// In the order in which a server offers them to a client that takes all alike: the smallest result first.
enum class Coding : std::uint8_t { kBrotli, kZstd, kGzip, kIdentity };
inline constexpr std::size_t kCodings = 3;  // without identity

// As in Content-Encoding.
std::string_view CodingName(Coding coding);

// Some of them, without identity.
class CodingSet {
 public:
  constexpr void Add(Coding coding) { bits_ |= Bit(coding); }
  [[nodiscard]] constexpr bool Has(Coding coding) const { return (bits_ & Bit(coding)) != 0; }
  [[nodiscard]] constexpr bool Empty() const { return bits_ == 0; }

 private:
  static constexpr unsigned Bit(Coding coding) { return 1U << static_cast<unsigned>(coding); }
  unsigned bits_ = 0;
};

// An ordered list of codings, in a few bytes.
struct CodingList {
  std::array<Coding, kCodings> items{};
  std::size_t size = 0;
  [[nodiscard]] const Coding* begin() const { return items.data(); }       // NOLINT: for range-based for
  [[nodiscard]] const Coding* end() const { return items.data() + size; }  // NOLINT: the same
};

class AcceptedCodings {
 public:
  // Of all Accept-Encoding lines together: they are one list. Without one, or with an empty one, the client
  // gets no coding. An element with an invalid weight is skipped.
  explicit AcceptedCodings(const HttpRequest& request);

  // Those of `offered` that the client takes at least as gladly as no coding, the best first.
  [[nodiscard]] CodingList Best(CodingSet offered) const;
  // It takes nothing that is not coded ("identity;q=0", or "*;q=0").
  [[nodiscard]] bool RefusesIdentity() const { return Weight(Coding::kIdentity) == 0; }
  // 0: refused. Up to 1000.
  [[nodiscard]] int Weight(Coding coding) const;

 private:
  void Read(std::string_view element);
  [[nodiscard]] std::optional<int>& Listed(Coding coding) {
    return listed_[static_cast<std::size_t>(coding)];
  }

  std::array<std::optional<int>, kCodings + 1> listed_{};
  std::optional<int> others_{};  // "*"
};

// "0", "0.5", "1.000": in thousandths. nullopt: not a weight.
std::optional<int> ParseWeight(std::string_view text);

}  // namespace preforkd::http

#endif
