// UpgradeState as bytes (CBOR, RFC 8949, a map by names) and back. Pure.
//
// The reader may be an older or a newer program than the writer: names that it does not know are skipped,
// those that are missing keep their defaults, and what it cannot be sure to understand (format, wire version)
// is an error. Strict about everything else: a value of another type, a number out of range or a descriptor
// that is named twice is refused.
#ifndef PREFORKD_MASTER_UPGRADE_STATE_STATE_CODEC_H_
#define PREFORKD_MASTER_UPGRADE_STATE_STATE_CODEC_H_

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "master/upgrade/state/upgrade_state.h"

namespace preforkd {

std::string EncodeState(const UpgradeState& state);
Result<UpgradeState> DecodeState(std::string_view bytes);

}  // namespace preforkd

#endif
