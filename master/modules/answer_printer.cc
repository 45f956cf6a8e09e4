#include "master/modules/answer_printer.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

namespace preforkd {
namespace {

bool SameName(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

// False: the text does not begin with a number in this base.
template <typename Number>
bool ReadNumber(std::string_view text, int base, Number& number) {
  const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
  return std::from_chars(text.data() + begin, text.data() + text.size(), number, base).ec == std::errc();
}

}  // namespace

void AnswerPrinter::Take(std::string_view bytes) {
  rest_ += bytes;
  while (Step()) {
  }
}

bool AnswerPrinter::End() const { return state_ == State::kDone || (state_ == State::kBody && !sized_); }

bool AnswerPrinter::Step() {
  std::string line;
  switch (state_) {
    case State::kHead: return TakeHead();
    case State::kBody:
    case State::kChunk: return TakeBody();
    case State::kChunkSize: return TakeChunkSize();
    case State::kChunkEnd:
      if (!TakeLine(line)) return false;
      state_ = State::kChunkSize;
      return true;
    case State::kTrailer:
      if (!TakeLine(line)) return false;
      if (line.empty()) state_ = State::kDone;
      return true;
    case State::kDone:
    case State::kNonsense: return false;
  }
  return false;
}

bool AnswerPrinter::TakeLine(std::string& line) {
  const std::size_t end = rest_.find('\n');
  if (end == std::string::npos) return false;
  line = rest_.substr(0, end);
  rest_.erase(0, end + 1);
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

bool AnswerPrinter::TakeHead() {
  std::string line;
  if (!TakeLine(line)) return false;
  head_(line + '\n');
  if (line.empty()) {
    BeginBody();
  } else if (status_ != 0) {
    ReadField(line);
  } else if (!line.starts_with("HTTP/1.") ||
             !ReadNumber(line.substr(std::min<std::size_t>(9, line.size())), 10, status_)) {
    state_ = State::kNonsense;
  }
  return true;
}

void AnswerPrinter::ReadField(std::string_view line) {
  const std::size_t colon = std::min(line.find(':'), line.size());
  const std::string_view value = line.substr(std::min(colon + 1, line.size()));
  if (SameName(line.substr(0, colon), "Content-Length")) sized_ = ReadNumber(value, 10, left_);
  if (SameName(line.substr(0, colon), "Transfer-Encoding"))
    chunked_ = true;  // our server sends no other coding
}

void AnswerPrinter::BeginBody() {
  constexpr int kContinue = 100;
  constexpr int kOk = 200;
  if (status_ >= kContinue && status_ < kOk) {  // an interim response: the head of the next one follows
    status_ = 0;
    return;
  }
  state_ = chunked_ ? State::kChunkSize : State::kBody;
  if (!chunked_ && sized_ && left_ == 0) state_ = State::kDone;
}

bool AnswerPrinter::TakeBody() {
  const bool all = state_ == State::kBody && !sized_;
  const std::size_t size =
      all ? rest_.size() : static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest_.size()));
  if (size == 0) return false;
  body_(std::string_view(rest_).substr(0, size));
  rest_.erase(0, size);
  if (all) return true;
  left_ -= size;
  if (left_ == 0) state_ = state_ == State::kBody ? State::kDone : State::kChunkEnd;
  return true;
}

bool AnswerPrinter::TakeChunkSize() {
  std::string line;
  if (!TakeLine(line)) return false;
  if (!ReadNumber(line, 16, left_)) {
    state_ = State::kNonsense;
  } else {
    state_ = left_ == 0 ? State::kTrailer : State::kChunk;
  }
  return true;
}

}  // namespace preforkd
