// ChunkExtension: what stands behind the size of a chunk, up to the CR of its line (RFC 9112 section 7.1.1).
//
//   chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
//
// A name is a token, a value a token or a quoted string. BWS is taken in these places and nowhere else; in
// particular not in front of the CR. Byte by byte, bounded, and forgotten: no extension means anything to us.
// Pure.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_CHUNK_EXTENSION_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_CHUNK_EXTENSION_H_

#include <cstddef>

namespace preforkd::http {

class ChunkExtension {
 public:
  enum class State { kMore, kEnd, kMalformed };

  // Whether extensions may begin with this byte, directly behind the size.
  static constexpr bool Begins(char c) { return c == ';' || c == ' ' || c == '\t'; }

  // The first byte is one that Begins() takes. kEnd: it was the CR.
  State Feed(char c);

 private:
  enum class Step {
    kBeforeSemicolon,
    kBeforeName,
    kName,
    kBehindName,
    kBeforeValue,
    kToken,
    kQuoted,
    kEscaped,
    kBehindQuoted,
    kEnd,
    kMalformed,
  };

  [[nodiscard]] Step Next(char c) const;
  [[nodiscard]] static Step BehindName(char c);
  [[nodiscard]] static Step BehindValue(char c);
  [[nodiscard]] static Step InQuoted(char c);

  Step step_ = Step::kBeforeSemicolon;
  std::size_t size_ = 0;
};

}  // namespace preforkd::http

#endif
