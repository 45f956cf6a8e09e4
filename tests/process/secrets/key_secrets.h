// What a search of memory looks for: the secret parts of a private key, and of TLS sessions. Derived here, on
// the client's side, with OpenSSL, and not with the code that is tested.
#ifndef PREFORKD_TESTS_PROCESS_SECRETS_KEY_SECRETS_H_
#define PREFORKD_TESTS_PROCESS_SECRETS_KEY_SECRETS_H_

#include <string>

#include "tests/process/secrets/memory_search.h"
#include "tests/support/tls_client.h"

namespace preforkd::testing {

// Of a key file in PEM (PKCS 8): the number of an EC key, all numbers but the public ones of an RSA key; each
// as it lies in a file and as it lies in memory; and that part of the text of the file.
Secrets PrivateKeySecrets(const std::string& path);

// Of a connection. TLS 1.3: the traffic secrets, those of the handshake too, and keys and IVs of the first
// ones. TLS 1.2: the master secret and both keys.
Secrets TrafficSecrets(const TlsClient& client, const std::string& name);
// TLS 1.3: secrets, keys and IVs behind so many key updates each way.
Secrets UpdatedSecrets(const TlsClient& client, const std::string& name, int updates);

}  // namespace preforkd::testing

#endif
