// Hashes of passwords, as in the files of htpasswd(1) and mkpasswd(1): bcrypt ($2y$, $2b$), yescrypt ($y$),
// and crypt with SHA-512 or SHA-256 ($6$, $5$). libcrypt makes them; this file alone calls it.
//
// Any thread.
#ifndef PREFORKD_WORKER_HTTP_ACCESS_PASSWORD_HASH_H_
#define PREFORKD_WORKER_HTTP_ACCESS_PASSWORD_HASH_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "common/about/about.h"
#include "common/base/result.h"

namespace preforkd::http {

// Longer ones are never right (CRYPT_MAX_PASSPHRASE_SIZE, with its NUL).
inline constexpr std::size_t kMaxPassword = 511;

// Ok if it is a whole hash of one of those kinds, and takes at most about a second. The error says what is
// wrong and what to write instead; it does not quote the hash.
Status CheckPasswordHash(std::string_view hash);

// Whether `hash` is that of the password. Takes 1 to 1000 ms of CPU, and up to 130 MiB of memory for
// yescrypt; what it has used is wiped. Precondition: CheckPasswordHash() accepts `hash`.
bool IsPasswordOf(std::string_view password, const std::string& hash);

// libcrypt, which does not tell the version that is loaded.
LibraryVersion PasswordLibrary();

}  // namespace preforkd::http

#endif
