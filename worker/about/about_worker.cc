#include "worker/about/about_worker.h"

#include <fmt/core.h>

#include "worker/api/module.h"
#include "worker/connection/tls/aead.h"
#include "worker/gate/certificate_report.h"
#include "worker/http/access/password_hash.h"
#include "worker/http/coding/compressor.h"

namespace preforkd {

About AboutWorker() {
  About about;
  about.facts = {
      {"modules", fmt::format("interface {}, table of {} bytes", PFD_ABI, sizeof(pfd_host))},
      {"protocols", "HTTP/1.1, TLS 1.2 and 1.3, PROXY 1 and 2"},
      {"codings", "gzip, br; files also zstd"},
  };
  about.libraries = http::CompressorLibraries();
  about.libraries.push_back(tls::CryptoLibrary());
  about.libraries.push_back(HandshakeLibrary());
  about.libraries.push_back(http::PasswordLibrary());
  return about;
}

}  // namespace preforkd
