// A long computation whose progress is streamed: GET /primes?below=N counts primes and writes a line at each
// tenth. Blocking, so it may take its time. When the client leaves it stops.
#include <charconv>
#include <cstdint>
#include <preforkd/module.hpp>
#include <string>

namespace {

pfd::setting::Number most{
    "most", {.min = "10", .max = "1000000000", .fallback = "10000000", .doc = "The largest N."}};

bool is_prime(std::uint64_t number) {
  for (std::uint64_t divisor = 2; divisor * divisor <= number; ++divisor) {
    if (number % divisor == 0) return false;
  }
  return number > 1;
}

void primes(const pfd::Request& request, pfd::Stream& out) {
  const std::string below = request.query("below").value_or("");
  std::uint64_t end = 0;
  if (std::from_chars(below.data(), below.data() + below.size(), end).ec != std::errc() || end < 10 ||
      end > *most) {
    throw pfd::HttpError(400, "below: 10 to " + std::to_string(*most));
  }
  out.type("text/plain; charset=utf-8");
  std::uint64_t count = 0;
  for (std::uint64_t number = 0; number < end; ++number) {
    if (is_prime(number)) ++count;
    if (number % (end / 10) != 0 || number == 0) continue;
    if (!out.write("below " + std::to_string(number) + ": " + std::to_string(count) + "\n")) return;
  }
  out.write(std::to_string(count) + " primes\n");
}

}  // namespace

PREFORKD_MODULE("primes", most, pfd::route{"GET", "/primes", primes});
