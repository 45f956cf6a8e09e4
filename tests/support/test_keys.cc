#include "tests/support/test_keys.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <stdexcept>

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

}  // namespace preforkd::testing
