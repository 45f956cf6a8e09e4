// TestKeys: certificates and keys that a test makes with certtool (gnutls-bin), in a folder of its own. No
// private key is in the tree.
#ifndef PREFORKD_TESTS_SUPPORT_TEST_KEYS_H_
#define PREFORKD_TESTS_SUPPORT_TEST_KEYS_H_

#include <string>
#include <vector>

#include "tests/support/temp_directory.h"

namespace preforkd::testing {

struct KeyOrder {
  std::vector<std::string> names = {"a.example"};
  // As certtool takes them; both empty: valid since a while, and for a year.
  std::string begins{};  // "2020-01-01 00:00:00"
  std::string ends{};
  int days = 365;    // from now, without those
  std::string by{};  // the name of an authority that was made before; empty: signed by itself
  bool authority = false;
  std::string ocsp_uri{};  // where a client can ask whether it was revoked
};

class TestKeys {
 public:
  TestKeys();

  // Writes NAME.pem, the certificate (with its issuer's behind it if there is one), and NAME.key. Throws
  // std::runtime_error.
  void Make(const std::string& name, const KeyOrder& order = {}) const;
  // Writes ENCRYPTED.key: the key of `name` with a passphrase.
  void Encrypt(const std::string& name, const std::string& encrypted) const;

  [[nodiscard]] std::string Path(const std::string& file) const { return folder_.Path(file); }

 private:
  TempDirectory folder_;
};

}  // namespace preforkd::testing

#endif
