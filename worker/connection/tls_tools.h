// TlsTools: what the TLS sessions of one worker share: the ciphers, and scratch memory that is valid within
// one call only, so that an idle session holds no buffer. See SecureStream::Prepare. Owned by WorkerEnv.
#ifndef PREFORKD_WORKER_CONNECTION_TLS_TOOLS_H_
#define PREFORKD_WORKER_CONNECTION_TLS_TOOLS_H_

#include <array>
#include <cstddef>

#include "worker/connection/tls/record_crypto.h"
#include "worker/connection/tls/record_writer.h"

namespace preforkd {

struct TlsTools {
  // Records that are sealed at once for a large answer.
  static constexpr std::size_t kRecordsAtOnce = 4;

  tls::RecordCrypto crypto;
  std::array<char, 2 * tls::kMaxRecordBytes> in{};  // received; then, in place, what the client said
  std::array<std::byte, tls::kMinSealBuffer + (kRecordsAtOnce - 1) * (tls::kMaxFragment + tls::kMaxOverhead)>
      out{};                                                    // sealed
  std::array<char, kRecordsAtOnce * tls::kMaxFragment> file{};  // read from a file, to be sealed
};

}  // namespace preforkd

#endif
