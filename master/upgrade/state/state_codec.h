// Encodes UpgradeState as bytes (CBOR, RFC 8949, a map by names) and decodes it. Pure.
//
// The reader may be an older or a newer program than the writer. Unknown names are skipped; missing fields
// keep their defaults. A format or wire version that the reader does not know is an error, and so is a value
// of the wrong type, a number out of range, and a descriptor that is named twice.
#ifndef PREFORKD_MASTER_UPGRADE_STATE_STATE_CODEC_H_
#define PREFORKD_MASTER_UPGRADE_STATE_STATE_CODEC_H_

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "master/upgrade/state/upgrade_state.h"

namespace preforkd {

std::string EncodeState(const UpgradeState& state);
// The descriptors in the result are plain numbers; nothing is opened or closed.
Result<UpgradeState> DecodeState(std::string_view bytes);

}  // namespace preforkd

#endif
