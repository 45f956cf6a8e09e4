// AnswerPrinter: one HTTP/1.1 response, as it comes, for a person: the status line and the fields to one
// stream, the body to another. For --try, where the connection ends with the response. Pure, except for the
// streams.
#ifndef PREFORKD_MASTER_MODULES_ANSWER_PRINTER_H_
#define PREFORKD_MASTER_MODULES_ANSWER_PRINTER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace preforkd {

class AnswerPrinter {
 public:
  using Print = std::function<void(std::string_view)>;

  // `head` gets whole lines with '\n' at their ends. `body` gets what was transferred, without its chunks.
  AnswerPrinter(Print head, Print body) : head_(std::move(head)), body_(std::move(body)) {}

  // The next bytes of the server.
  void Take(std::string_view bytes);
  // The server has closed. False: the response is not whole.
  [[nodiscard]] bool End() const;
  // 0 until its head was read.
  [[nodiscard]] int StatusCode() const { return status_; }

 private:
  enum class State { kHead, kBody, kChunkSize, kChunk, kChunkEnd, kTrailer, kDone, kNonsense };

  // Each takes from the front of rest_. False: more bytes are needed, or nothing follows.
  bool Step();
  bool TakeLine(std::string& line);
  bool TakeHead();
  bool TakeBody();
  bool TakeChunkSize();
  void ReadField(std::string_view line);
  void BeginBody();

  Print head_;
  Print body_;
  State state_ = State::kHead;
  std::string rest_;
  int status_ = 0;
  bool chunked_ = false;
  bool sized_ = false;
  std::uint64_t left_ = 0;  // of the body, if it is sized; of the chunk
};

}  // namespace preforkd

#endif
