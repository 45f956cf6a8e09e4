// The strict codec of messages.h. Pure: bytes in, values out, no system call.
//
// A decoder accepts exactly what its encoder makes for the same version: short, long, unknown, another version, a
// count or an enum out of range, a missing or surplus descriptor are all errors. An error never aborts and never leaks: a
// descriptor that was passed in is closed with the failed result.
#ifndef PREFORKD_COMMON_WIRE_CODEC_H_
#define PREFORKD_COMMON_WIRE_CODEC_H_

#include <span>
#include <string>

#include "common/base/result.h"
#include "common/wire/messages.h"

namespace preforkd {

// The bytes of a message, without its descriptor (see FdOf). Appends to `out`, which is cleared first, so that
// one buffer serves every message without allocating. The result is at most kMaxMessageBytes; a parcel within
// kMaxParcelBytes always fits. `version` is the receiver's: kOldestWireVersion to kWireVersion.
void Encode(const HandOver& message, std::string& out, std::uint8_t version = kWireVersion);
// As a HandOver of it.
void Encode(const Parcel& parcel, std::string& out, std::uint8_t version = kWireVersion);
void Encode(const ReopenLog& message, std::string& out, std::uint8_t version = kWireVersion);
void Encode(const Nudge& message, std::string& out, std::uint8_t version = kWireVersion);
void Encode(const Ready& message, std::string& out, std::uint8_t version = kWireVersion);
void Encode(const ReplaceMe& message, std::string& out, std::uint8_t version = kWireVersion);
void Encode(const HandBack& message, std::string& out, std::uint8_t version = kWireVersion);
void Encode(const LogReopened& message, std::string& out, std::uint8_t version = kWireVersion);

// The descriptor that must ride along, borrowed; -1 for none.
int FdOf(const HandOver& message);
int FdOf(const ReopenLog& message);
int FdOf(const Nudge& message);
int FdOf(const Ready& message);
int FdOf(const ReplaceMe& message);
int FdOf(const HandBack& message);
int FdOf(const LogReopened& message);

// `fd` is what came with the packet; invalid when none did. `version` is the one that this channel speaks.
Result<MasterToWorker> DecodeForWorker(std::span<const char> bytes, UniqueFd fd, std::uint8_t version = kWireVersion);
Result<WorkerToMaster> DecodeForMaster(std::span<const char> bytes, UniqueFd fd, std::uint8_t version = kWireVersion);

}  // namespace preforkd

#endif
