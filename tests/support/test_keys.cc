#include "tests/support/test_keys.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "tests/support/command.h"

namespace preforkd::testing {
namespace {

void Certtool(std::vector<std::string> words) {
  words.insert(words.begin(), "/usr/bin/certtool");
  const CommandResult result = RunCommand(words);
  if (result.code != 0) throw std::runtime_error("certtool: " + result.err);
}

std::string Template(const KeyOrder& order) {
  std::string text =
      fmt::format("cn = \"{}\"\nsigning_key\n", order.names.empty() ? "nobody" : order.names.front());
  for (const std::string& name : order.names) text += fmt::format("dns_name = \"{}\"\n", name);
  if (!order.ocsp_uri.empty()) text += fmt::format("ocsp_uri = \"{}\"\n", order.ocsp_uri);
  if (order.authority) text += "ca\ncert_signing_key\n";
  if (order.begins.empty() && order.ends.empty())
    return text + fmt::format("expiration_days = {}\n", order.days);
  if (!order.begins.empty()) text += fmt::format("activation_date = \"{}\"\n", order.begins);
  if (!order.ends.empty()) text += fmt::format("expiration_date = \"{}\"\n", order.ends);
  return text;
}

// Six bits of a letter of base 64; -1: it is none.
int SixBits(char letter) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t at = kLetters.find(letter);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

std::string Decoded(std::string_view base64) {
  std::string bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char letter : base64) {
    const int six = SixBits(letter);
    if (six < 0) continue;
    bits = bits << 6 | static_cast<unsigned>(six);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count & 0xFF));
  }
  return bytes;
}

}  // namespace

// Not only for root: a test may run a server as another user.
TestKeys::TestKeys() { ::chmod(folder_.Path().c_str(), 0755); }

void TestKeys::Make(const std::string& name, const KeyOrder& order) const {
  const std::string key = Path(name + ".key");
  const std::string chain = Path(name + ".pem");
  const std::string form = Path(name + ".template");
  WriteFile(form, Template(order));
  Certtool(
      {"--generate-privkey", "--key-type", "ecdsa", "--curve", "secp256r1", "--no-text", "--outfile", key});
  if (order.by.empty()) {
    return Certtool({"--generate-self-signed", "--load-privkey", key, "--template", form, "--no-text",
                     "--outfile", chain});
  }
  Certtool({"--generate-certificate", "--load-privkey", key, "--load-ca-certificate", Path(order.by + ".pem"),
            "--load-ca-privkey", Path(order.by + ".key"), "--template", form, "--no-text", "--outfile",
            chain});
  WriteFile(chain, ReadFile(chain) + ReadFile(Path(order.by + ".pem")));
}

void TestKeys::Encrypt(const std::string& name, const std::string& encrypted) const {
  Certtool({"--to-p8", "--load-privkey", Path(name + ".key"), "--password", "x", "--outfile",
            Path(encrypted + ".key")});
}

std::string TestKeys::KeyBody(const std::string& name) const {
  const std::string pem = ReadFile(Path(name + ".key"));
  const std::size_t begin = pem.find("KEY-----\n");
  const std::size_t end = pem.find("-----END", begin);
  if (begin == std::string::npos || end == std::string::npos) throw std::runtime_error("not a key: " + pem);
  return pem.substr(begin + 9, end - begin - 9);
}

std::string TestKeys::Scalar(const std::string& name) const {
  constexpr std::string_view kBefore("\x02\x01\x01\x04", 4);  // RFC 5915: version 1, then the bytes
  constexpr std::size_t kBytes = 32;
  const std::string der = Decoded(KeyBody(name));
  const std::size_t at = der.find(kBefore);
  if (at == std::string::npos || at + kBefore.size() + 1 > der.size())
    throw std::runtime_error("not an EC key");
  const auto size = static_cast<unsigned char>(der[at + kBefore.size()]);
  std::string scalar = der.substr(at + kBefore.size() + 1, size);
  // GnuTLS writes a number: with a zero in front if its highest bit is set, without those that it does not
  // need.
  scalar.erase(0, std::min(scalar.find_first_not_of('\0'), scalar.size()));
  if (scalar.size() > kBytes || scalar.size() < kBytes / 2)
    throw std::runtime_error("not an EC key on P-256");
  return scalar;
}

}  // namespace preforkd::testing
