#include "worker/connection/client_stream.h"

namespace preforkd {

IoResult ClientStream::Receive(std::span<char> into) {
  const IoResult result = secure_ ? secure_->Receive(socket_, into) : socket_.Receive(into);
  verdict_.Note(result);
  return result;
}

IoResult ClientStream::Send(std::string_view bytes, bool more_follows) {
  const IoResult result =
      secure_ ? secure_->Send(socket_, bytes, more_follows) : socket_.Send(bytes, more_follows);
  verdict_.Note(result);
  return result;
}

IoResult ClientStream::SendFile(int file, off_t& offset, std::size_t count) {
  const IoResult result =
      secure_ ? secure_->SendFile(socket_, file, offset, count) : socket_.SendFile(file, offset, count);
  if (result.kind == IoResult::Kind::kEnd) {
    verdict_.why = "the file was truncated while it was being sent";
  } else {
    verdict_.Note(result);
  }
  return result;
}

void ClientStream::HalfClose() {
  if (secure_) secure_->SayGoodbye(socket_);
  socket_.HalfClose();
}

}  // namespace preforkd
