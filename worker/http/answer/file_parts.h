// FileParts: a body that is made of parts of one file, each behind a text of its own (multipart/byteranges),
// and a text at the end. The file itself travels beside it.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_FILE_PARTS_H_
#define PREFORKD_WORKER_HTTP_ANSWER_FILE_PARTS_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace preforkd {

class FileParts {
 public:
  struct Part {
    std::string_view text;  // valid as long as the FileParts, and no part is added
    off_t offset;
    std::uint64_t size;  // 0: only the text
  };

  void Add(std::string_view text, off_t offset, std::uint64_t size) {
    texts_.append(text);
    parts_.push_back({text.size(), offset, size});
    left_ += text.size() + size;
  }

  // Bytes of the parts that were not taken, with their texts.
  [[nodiscard]] std::uint64_t Left() const { return left_; }
  [[nodiscard]] bool Done() const { return next_ == parts_.size(); }
  // Precondition: not Done().
  [[nodiscard]] Part Take() {
    const Placed& part = parts_[next_++];
    const std::string_view text = std::string_view(texts_).substr(text_from_, part.text_size);
    text_from_ += part.text_size;
    left_ -= part.text_size + part.size;
    return {text, part.offset, part.size};
  }

 private:
  struct Placed {
    std::size_t text_size;
    off_t offset;
    std::uint64_t size;
  };

  std::string texts_;  // one behind another
  std::vector<Placed> parts_;
  std::size_t next_ = 0;
  std::size_t text_from_ = 0;
  std::uint64_t left_ = 0;
};

}  // namespace preforkd

#endif
