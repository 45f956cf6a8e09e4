#include "worker/http/syntax/chunked_decoder.h"

#include <algorithm>

#include "worker/http/syntax/syntax.h"

namespace preforkd::http {
namespace {

constexpr std::size_t kMaxTrailer = 8 * 1024;  // bytes of all trailer fields together
// Overhead bytes allowed for free, and per byte of data. A client that sends chunks of a few bytes stays
// below; a million one-byte chunks (six bytes of overhead each) do not.
constexpr std::uint64_t kFreeOverhead = 64 * 1024;
constexpr std::uint64_t kOverheadPerByte = 4;

}  // namespace

ChunkedDecoder::State ChunkedDecoder::Feed(std::string_view input, std::string& body, std::size_t& used) {
  used = 0;
  while (used < input.size() && Outcome() == State::kMore) {
    if (step_ == Step::kData) {
      const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - used));
      body.append(input.substr(used, size));
      used += size;
      left_ -= size;
      if (left_ == 0) step_ = Step::kDataCr;
      continue;
    }
    step_ = Next(input[used++]);
    if (++overhead_ > kFreeOverhead + received_ * kOverheadPerByte) step_ = Step::kTooLarge;
  }
  return Outcome();
}

ChunkedDecoder::State ChunkedDecoder::Outcome() const {
  if (step_ == Step::kDone) return State::kDone;
  if (step_ == Step::kMalformed) return State::kMalformed;
  return step_ == Step::kTooLarge ? State::kTooLarge : State::kMore;
}

ChunkedDecoder::Step ChunkedDecoder::Next(char c) {
  const auto expect = [c](char wanted, Step next) { return c == wanted ? next : Step::kMalformed; };
  switch (step_) {
    case Step::kSizeStart:
      left_ = 0;
      line_ = 0;
      return HexValue(c) >= 0 ? OnSize(c) : Step::kMalformed;
    case Step::kSize: return OnSize(c);
    case Step::kExtension: return OnExtension(c);
    case Step::kSizeLf: line_ = 0; return expect('\n', left_ == 0 ? Step::kTrailerStart : Step::kData);
    case Step::kDataCr: return expect('\r', Step::kDataLf);
    case Step::kDataLf: return expect('\n', Step::kSizeStart);
    case Step::kTrailerStart:
      if (c == '\r') return Step::kEndLf;
      return kTokenBytes[static_cast<unsigned char>(c)] ? OnTrailer(c) : Step::kMalformed;
    case Step::kTrailerName:
    case Step::kTrailerValue: return OnTrailer(c);
    case Step::kTrailerLf: return expect('\n', Step::kTrailerStart);
    case Step::kEndLf: return expect('\n', Step::kDone);
    case Step::kData:
    case Step::kDone:
    case Step::kMalformed:
    case Step::kTooLarge: break;  // final
  }
  return step_;
}

ChunkedDecoder::Step ChunkedDecoder::OnSize(char c) {
  const int digit = HexValue(c);
  if (digit >= 0) {
    // Sixteen digits fill 64 bits. A seventeenth is refused, even after leading zeros.
    if (++line_ > 16) return Step::kMalformed;
    left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
    return Step::kSize;
  }
  if (c != '\r' && !ChunkExtension::Begins(c)) return Step::kMalformed;
  if (left_ > max_body_ - received_) return Step::kTooLarge;
  received_ += left_;
  if (c == '\r') return Step::kSizeLf;
  extension_ = {};
  return OnExtension(c);
}

ChunkedDecoder::Step ChunkedDecoder::OnExtension(char c) {
  switch (extension_.Feed(c)) {
    case ChunkExtension::State::kMore: return Step::kExtension;
    case ChunkExtension::State::kEnd: return Step::kSizeLf;
    case ChunkExtension::State::kMalformed: break;
  }
  return Step::kMalformed;
}

ChunkedDecoder::Step ChunkedDecoder::OnTrailer(char c) {
  if (++line_ > kMaxTrailer) return Step::kTooLarge;
  if (step_ == Step::kTrailerValue) {
    if (c == '\r') return Step::kTrailerLf;
    return kFieldValueBytes[static_cast<unsigned char>(c)] ? Step::kTrailerValue : Step::kMalformed;
  }
  if (c == ':') return Step::kTrailerValue;
  return kTokenBytes[static_cast<unsigned char>(c)] ? Step::kTrailerName : Step::kMalformed;
}

}  // namespace preforkd::http
