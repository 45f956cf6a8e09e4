#include "worker/http/access/password_hash.h"

#include <crypt.h>
#include <string.h>  // explicit_bzero

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>

namespace preforkd::http {
namespace {

constexpr const char* kAdvice = "write a line made by htpasswd -B or mkpasswd -m yescrypt";

// Of one hash, about a second: each further step doubles it.
constexpr int kMaxBcryptCost = 14;
constexpr int kMaxRounds = 2'000'000;
// Of yescrypt: "j9T" needs 16 MiB, each further step twice as much.
constexpr std::string_view kYescryptSteps = "56789ABC";

Error Wrong(const std::string& why) { return Error{why + "; " + kAdvice}; }

// The characters that all of these kinds write their salts and hashes with.
bool IsCryptText(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '/';
  });
}

std::optional<int> NumberIn(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "CC$", then 22 characters of salt and 31 of the hash.
Status CheckBcrypt(std::string_view rest) {
  constexpr std::size_t kSize = 53;
  if (rest.size() != 3 + kSize || rest[2] != '$' || !IsCryptText(rest.substr(3)))
    return Wrong("the bcrypt hash is not whole");
  const std::optional<int> cost = NumberIn(rest.substr(0, 2));
  if (!cost || *cost < 4) return Wrong("the bcrypt hash is not whole");
  if (*cost > kMaxBcryptCost)
    return Wrong("the bcrypt hash has a cost above 14, and each check would take seconds");
  return {};
}

// "PARAMS$SALT$HASH".
Status CheckYescrypt(std::string_view rest) {
  constexpr std::size_t kParams = 3;
  constexpr std::size_t kHash = 43;
  const std::size_t salt_end = rest.rfind('$');
  if (salt_end == std::string_view::npos || salt_end < kParams + 1 || rest[kParams] != '$' ||
      rest.size() - salt_end - 1 != kHash || !IsCryptText(rest.substr(salt_end + 1)) ||
      !IsCryptText(rest.substr(kParams + 1, salt_end - kParams - 1))) {
    return Wrong("the yescrypt hash is not whole");
  }
  const bool known =
      rest[0] == 'j' && (rest[2] == 'T' || rest[2] == '5') && rest[1] >= '5' && rest[1] <= 'Z';
  if (!known) return Wrong("the yescrypt hash has parameters that mkpasswd does not make");
  if (kYescryptSteps.find(rest[1]) == std::string_view::npos)
    return Wrong("the yescrypt hash needs more than 128 MiB for each check");
  return {};
}

// "[rounds=N$]SALT$HASH".
Status CheckSha(std::string_view rest, std::size_t size) {
  constexpr std::string_view kRounds = "rounds=";
  if (rest.starts_with(kRounds)) {
    const std::size_t end = rest.find('$');
    const std::optional<int> rounds = NumberIn(rest.substr(kRounds.size(), end - kRounds.size()));
    if (end == std::string_view::npos || !rounds || *rounds < 1000) return Wrong("the SHA hash is not whole");
    if (*rounds > kMaxRounds)
      return Wrong("the SHA hash has above 2000000 rounds, and each check would take seconds");
    rest.remove_prefix(end + 1);
  }
  const std::size_t salt_end = rest.rfind('$');
  if (salt_end == std::string_view::npos || rest.size() - salt_end - 1 != size ||
      !IsCryptText(rest.substr(salt_end + 1)) ||
      rest.substr(0, salt_end).find('$') != std::string_view::npos) {
    return Wrong("the SHA hash is not whole");
  }
  return {};
}

Status CheckShape(std::string_view hash) {
  const std::string_view kind = hash.substr(0, 4);
  if (kind == "$2y$" || kind == "$2b$") return CheckBcrypt(hash.substr(4));
  if (hash.starts_with("$y$")) return CheckYescrypt(hash.substr(3));
  if (hash.starts_with("$6$")) return CheckSha(hash.substr(3), 86);
  if (hash.starts_with("$5$")) return CheckSha(hash.substr(3), 43);
  if (hash.starts_with("$apr1$") || hash.starts_with("$1$"))
    return Wrong("it is an MD5 hash, which is too weak");
  if (hash.starts_with("{SHA}")) return Wrong("it is a SHA-1 hash, which is too weak");
  return Wrong("it is not a hash of bcrypt, yescrypt or crypt with SHA-512 or SHA-256");
}

// Takes as long for every position of the first difference.
bool SameBytes(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned>(static_cast<unsigned char>(a[i])) ^ static_cast<unsigned char>(b[i]);
  return difference == 0;
}

}  // namespace

Status CheckPasswordHash(std::string_view hash) {
  if (Status status = CheckShape(hash); !status.Ok()) return status;
  // SHA-256 is "legacy" for libxcrypt.
  const int known = ::crypt_checksalt(std::string(hash).c_str());
  if (known == CRYPT_SALT_OK || known == CRYPT_SALT_METHOD_LEGACY) return {};
  return Wrong("libcrypt does not know this kind of hash");
}

bool IsPasswordOf(std::string_view password, const std::string& hash) {
  if (password.size() > kMaxPassword || password.find('\0') != std::string_view::npos) return false;
  const auto data = std::make_unique<crypt_data>();
  std::array<char, kMaxPassword + 1> phrase{};
  password.copy(phrase.data(), password.size());
  const char* const made = ::crypt_rn(phrase.data(), hash.c_str(), data.get(), sizeof(crypt_data));
  const bool same = made != nullptr && SameBytes(made, hash);
  ::explicit_bzero(phrase.data(), phrase.size());
  ::explicit_bzero(data.get(), sizeof(crypt_data));
  return same;
}

LibraryVersion PasswordLibrary() {
  return {"libcrypt", LibraryVersion::Linked::kDynamic, XCRYPT_VERSION_STR, ""};
}

}  // namespace preforkd::http
