#include "worker/module/http/request_facts.h"

#include "worker/module/host/values.h"

namespace preforkd::module {

void RequestFacts::Set(const HttpRequest& request) {
  const std::lock_guard lock(mutex_);
  request_ = &request;
  fields_.clear();
}

void RequestFacts::Reset() {
  request_ = nullptr;
  fields_.clear();
  peer_.clear();
  fingerprint_.reset();
  read_ = 0;
}

const std::vector<pfd_field>& RequestFacts::Fields() {
  const std::lock_guard lock(mutex_);
  if (fields_.empty()) {
    for (const HttpField& field : request_->fields)
      fields_.push_back({ToStr(field.name), ToStr(field.value)});
  }
  return fields_;
}

std::string_view RequestFacts::Peer() {
  const std::lock_guard lock(mutex_);
  if (peer_.empty()) peer_ = request_->peer->Text();
  return peer_;
}

std::string_view RequestFacts::Fingerprint() {
  if (request_->tls == nullptr || request_->tls->client_fingerprint.empty()) return {};
  const std::lock_guard lock(mutex_);
  if (!fingerprint_) fingerprint_.emplace(request_->tls->client_fingerprint);
  return fingerprint_->View();
}

std::int64_t RequestFacts::Read(std::span<char> into) {
  const std::lock_guard lock(mutex_);
  const std::size_t size = request_->body.substr(read_).copy(into.data(), into.size());
  read_ += size;
  return static_cast<std::int64_t>(size);
}

}  // namespace preforkd::module
