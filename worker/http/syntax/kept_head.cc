#include "worker/http/syntax/kept_head.h"

#include <cstddef>

namespace preforkd::http {

KeptHead::KeptHead(std::string_view bytes, const HttpRequest& request)
    : size_(bytes.size()), request_(request) {
  text_.reserve(bytes.size() + request.path.size());
  text_.append(bytes).append(request.path);
  const std::string_view text = text_;
  const auto moved = [&](std::string_view part) {
    return part.empty() ? part
                        : text.substr(static_cast<std::size_t>(part.data() - bytes.data()), part.size());
  };
  fields_.reserve(request.fields.size());
  for (const HttpField& field : request.fields) fields_.push_back({moved(field.name), moved(field.value)});
  request_.fields = fields_;
  request_.method_name = moved(request.method_name);
  request_.target = moved(request.target);
  request_.query = moved(request.query);
  request_.host = moved(request.host);
  request_.path = text.substr(size_);
}

}  // namespace preforkd::http
