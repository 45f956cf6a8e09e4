// The strict codec of messages.h. Pure: bytes in, values out, no system call.
//
// A decoder accepts exactly what its encoder makes for the same version. Too short, too long, unknown type,
// another version, a count or an enum out of range, a missing or surplus descriptor: each is an error. An
// error never aborts and never leaks: the descriptor that was passed in is closed with the failed result.
//
// Callers use a ChannelEnd, which knows the version of its channel; only that and saved connections (upgrade)
// use this file.
#ifndef PREFORKD_COMMON_WIRE_CODEC_H_
#define PREFORKD_COMMON_WIRE_CODEC_H_

#include <span>
#include <string>

#include "common/base/result.h"
#include "common/wire/messages.h"
#include "common/wire/version.h"

namespace preforkd {

// Writes the bytes of a message, without its descriptor (see FdOf). They replace the content of `out`, so
// that one buffer serves every message without allocating. The result has at most kMaxMessageBytes; a parcel
// within kMaxParcelBytes always fits. Precondition: IsSpoken(version); it is the receiver's version.
void Encode(const HandOver& message, std::string& out, WireVersion version);
void Encode(const ReopenLog& message, std::string& out, WireVersion version);
void Encode(const Nudge& message, std::string& out, WireVersion version);
void Encode(const Ready& message, std::string& out, WireVersion version);
void Encode(const ReplaceMe& message, std::string& out, WireVersion version);
void Encode(const HandBack& message, std::string& out, WireVersion version);
void Encode(const LogReopened& message, std::string& out, WireVersion version);
void Encode(const ThreadFree& message, std::string& out, WireVersion version);

// The descriptor to send with the message; borrowed. -1: none.
int FdOf(const HandOver& message);
int FdOf(const ReopenLog& message);
int FdOf(const Nudge& message);
int FdOf(const Ready& message);
int FdOf(const ReplaceMe& message);
int FdOf(const HandBack& message);
int FdOf(const LogReopened& message);
int FdOf(const ThreadFree& message);

// The second one, of a heavy connection; borrowed. -1: none.
template <typename Message>
int SecondFdOf(const Message& message) {
  if constexpr (requires { message.parcel.heavy; }) return message.parcel.heavy.Get();
  return -1;
}

// `bytes` is one packet, `fd` the descriptor that came with it (may be invalid), `version` that of the
// channel.
Result<MasterToWorker> DecodeForWorker(std::span<const char> bytes, UniqueFd fd, WireVersion version,
                                       UniqueFd second = {});
Result<WorkerToMaster> DecodeForMaster(std::span<const char> bytes, UniqueFd fd, WireVersion version,
                                       UniqueFd second = {});

// The connection in a packet whose descriptor did not arrive; nullopt: it is about none, or damaged.
std::optional<ConnId> ConnectionIn(std::span<const char> bytes);

// A message to a worker, as the master receives it back from the channel or finds it in its saved state: a
// connection stays packed.
Result<Untaken> DecodeUntaken(std::span<const char> bytes, UniqueFd fd, WireVersion version,
                              UniqueFd second = {});

}  // namespace preforkd

#endif
