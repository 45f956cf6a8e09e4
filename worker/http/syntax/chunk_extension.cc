#include "worker/http/syntax/chunk_extension.h"

#include "worker/http/syntax/syntax.h"

namespace preforkd::http {
namespace {

constexpr std::size_t kMaxSize = 1 + 1024;  // maximum bytes of one chunk's extensions, including the first

bool IsBlank(char c) { return c == ' ' || c == '\t'; }
bool IsTokenByte(char c) { return kTokenBytes[static_cast<unsigned char>(c)]; }

}  // namespace

ChunkExtension::State ChunkExtension::Feed(char c) {
  step_ = Next(c);
  if (step_ == Step::kEnd) return State::kEnd;
  if (++size_ > kMaxSize) step_ = Step::kMalformed;
  return step_ == Step::kMalformed ? State::kMalformed : State::kMore;
}

ChunkExtension::Step ChunkExtension::Next(char c) const {
  switch (step_) {
    case Step::kBeforeSemicolon:
      if (c == ';') return Step::kBeforeName;
      return IsBlank(c) ? step_ : Step::kMalformed;
    case Step::kBeforeName:
      if (IsTokenByte(c)) return Step::kName;
      return IsBlank(c) ? step_ : Step::kMalformed;
    case Step::kName:
      if (IsTokenByte(c)) return step_;
      return IsBlank(c) ? Step::kBehindName : BehindName(c);
    case Step::kBehindName:
      if (IsBlank(c)) return step_;
      return c == '\r' ? Step::kMalformed : BehindName(c);
    case Step::kBeforeValue:
      if (IsTokenByte(c)) return Step::kToken;
      if (c == '"') return Step::kQuoted;
      return IsBlank(c) ? step_ : Step::kMalformed;
    case Step::kToken: return IsTokenByte(c) ? step_ : BehindValue(c);
    case Step::kQuoted: return InQuoted(c);
    case Step::kEscaped:
      return kFieldValueBytes[static_cast<unsigned char>(c)] ? Step::kQuoted : Step::kMalformed;
    case Step::kBehindQuoted: return BehindValue(c);
    case Step::kEnd:
    case Step::kMalformed: break;
  }
  return Step::kMalformed;  // nothing may follow the end
}

ChunkExtension::Step ChunkExtension::BehindName(char c) {
  return c == '=' ? Step::kBeforeValue : BehindValue(c);
}

ChunkExtension::Step ChunkExtension::BehindValue(char c) {
  if (c == '\r') return Step::kEnd;
  if (c == ';') return Step::kBeforeName;
  return IsBlank(c) ? Step::kBeforeSemicolon : Step::kMalformed;
}

ChunkExtension::Step ChunkExtension::InQuoted(char c) {
  if (c == '"') return Step::kBehindQuoted;
  if (c == '\\') return Step::kEscaped;
  return kFieldValueBytes[static_cast<unsigned char>(c)] ? Step::kQuoted : Step::kMalformed;
}

}  // namespace preforkd::http
