// ChunkExtension: the extensions after a chunk size, up to the CR of the line (RFC 9112 section 7.1.1).
//
//   chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
//
// A name is a token, a value a token or a quoted string. BWS is accepted only in these places; in particular
// not before the CR. Checked byte by byte, with a size limit, and discarded: no extension has a meaning here.
// Pure.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_CHUNK_EXTENSION_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_CHUNK_EXTENSION_H_

#include <cstddef>

namespace preforkd::http {

class ChunkExtension {
 public:
  enum class State { kMore, kEnd, kMalformed };

  // True if extensions can begin with this byte, directly after the size.
  static constexpr bool Begins(char c) { return c == ';' || c == ' ' || c == '\t'; }

  // The first byte must satisfy Begins(). kEnd: `c` was the CR.
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
