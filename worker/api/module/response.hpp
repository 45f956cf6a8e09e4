// Response: an answer as a value, helpers that make one, and HttpError, which is thrown instead of one.
#ifndef PREFORKD_MODULE_RESPONSE_HPP
#define PREFORKD_MODULE_RESPONSE_HPP

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "instance.hpp"

namespace pfd::inline v1 {

// Throw it in a handler: the client gets this status and the text. Not logged.
class HttpError : public std::runtime_error {
 public:
  explicit HttpError(int status, const std::string& text = {}) : std::runtime_error(text), status_(status) {}
  [[nodiscard]] int status() const { return status_; }

 private:
  int status_;
};

// The server adds Content-Length, Date, Server and Connection. Moves, and does not copy: it may own a file.
class Response {
 public:
  explicit Response(int status = 200) : status_(status) {}
  // `type`: a literal.
  Response(int status, const char* type, std::string body)
      : status_(status), literal_type_(type), body_(std::move(body)) {}
  // A body that stays as long as the program, such as a literal: it is not copied. `type`: likewise.
  static Response constant(std::string_view type, std::string_view body) {
    Response response;
    response.literal_type_ = type;
    response.literal_body_ = body;
    return response;
  }
  // The server's own page for that status, as for the errors that it finds itself. A server that is older
  // than such pages sends no body.
  static Response page(int status) {
    Response response(status);
    response.page_ = true;
    return response;
  }
  Response(Response&& other) noexcept { swap(other); }
  Response& operator=(Response&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Response() {
    if (file_ >= 0) ::close(file_);
  }

  // pfd::json(text).status(201).field("location", "/notes/7")
  Response&& status(int status) && { return status_ = status, std::move(*this); }
  Response&& type(std::string type) && { return type_ = std::move(type), std::move(*this); }
  Response&& field(std::string name, std::string value) && {
    fields_.emplace_back(std::move(name), std::move(value));
    return std::move(*this);
  }
  // Fields that stay as long as the program, in front of the others. They cost no allocation.
  Response&& constants(std::span<const Field> fields) && { return constants_ = fields, std::move(*this); }
  Response& constants(std::span<const Field> fields) & { return constants_ = fields, *this; }
  Response& status(int status) & { return status_ = status, *this; }
  Response& type(std::string type) & { return type_ = std::move(type), *this; }
  Response& field(std::string name, std::string value) & {
    fields_.emplace_back(std::move(name), std::move(value));
    return *this;
  }
  // `size` bytes from `offset` of a regular file, which this owns from now on, in place of a body. Without
  // numbers: all of it.
  Response& file(int fd, std::uint64_t offset = 0,
                 std::uint64_t size = std::numeric_limits<std::uint64_t>::max()) & {
    if (file_ >= 0) ::close(file_);
    file_ = fd;
    offset_ = offset;
    size_ = size;
    return *this;
  }

  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] std::string_view type() const { return type_.empty() ? literal_type_ : type_; }
  [[nodiscard]] std::string& body() { return body_; }
  [[nodiscard]] const std::string& body() const { return body_; }

  // See pfd::upgrade(), below.
  Response& switch_to(std::string protocol, std::string luggage) & {
    status_ = 101;
    upgrade_ = std::move(protocol);
    body_ = std::move(luggage);
    return *this;
  }

  // Sends it; 0 or a negative errno, see module.h. For the other parts of this wrapper.
  int send(const pfd_host& host, pfd_request* request) {
    return with_fields([&](const pfd_field* fields, std::size_t count) {
      if (!upgrade_.empty()) {
        // A server from before take_over().
        if (!PFD_HAS(&host, take_over)) return host.respond(request, 501, nullptr, 0, detail::str(""));
        return host.take_over(request, detail::str(upgrade_), fields, count, detail::str(body_));
      }
      if (page_ && PFD_HAS(&host, respond_page)) return host.respond_page(request, status_, fields, count);
      if (file_ < 0) return host.respond(request, status_, fields, count, detail::str(body_view()));
      return host.respond_file(request, status_, fields, count, std::exchange(file_, -1), offset_, size_);
    });
  }
  // Only the head of it: the body follows in pieces.
  int begin(const pfd_host& host, pfd_request* request) {
    return with_fields([&](const pfd_field* fields, std::size_t count) {
      return host.begin(request, status_, fields, count);
    });
  }

 private:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  [[nodiscard]] std::string_view body_view() const { return body_.empty() ? literal_body_ : body_; }

  // Few fields are laid out on the stack: the common answer costs no allocation here.
  template <class Call>
  int with_fields(Call call) {
    std::array<pfd_field, 12> few;
    std::vector<pfd_field> many;
    const std::size_t all = constants_.size() + fields_.size() + 1;
    if (all > few.size()) many.resize(all);
    pfd_field* const fields = many.empty() ? few.data() : many.data();
    std::size_t count = 0;
    if (!type().empty()) fields[count++] = {detail::str("content-type"), detail::str(type())};
    for (const Field& each : constants_) fields[count++] = {detail::str(each.name), detail::str(each.value)};
    for (const auto& [name, value] : fields_) fields[count++] = {detail::str(name), detail::str(value)};
    return call(fields, count);
  }

  void swap(Response& other) noexcept {
    std::swap(status_, other.status_);
    std::swap(literal_type_, other.literal_type_);
    type_.swap(other.type_);
    std::swap(literal_body_, other.literal_body_);
    std::swap(constants_, other.constants_);
    std::swap(page_, other.page_);
    fields_.swap(other.fields_);
    body_.swap(other.body_);
    upgrade_.swap(other.upgrade_);
    std::swap(file_, other.file_);
    std::swap(offset_, other.offset_);
    std::swap(size_, other.size_);
  }

  int status_ = 200;
  bool page_ = false;
  std::string_view literal_type_;
  std::string_view literal_body_;
  std::span<const Field> constants_;
  std::string type_;
  Fields fields_;
  std::string body_;     // with upgrade_: the luggage
  std::string upgrade_;  // the protocol that the connection is switched to
  int file_ = -1;
  std::uint64_t offset_ = 0;
  std::uint64_t size_ = 0;
};

inline Response text(std::string body) { return Response(200, "text/plain; charset=utf-8", std::move(body)); }
inline Response html(std::string body) { return Response(200, "text/html; charset=utf-8", std::move(body)); }
inline Response json(std::string text) { return Response(200, "application/json", std::move(text)); }
inline Response json(const char* text) { return json(std::string(text)); }
// A value of a JSON library that has dump(), such as nlohmann::json.
template <class Value>
requires requires(const Value& value) {
  { value.dump() } -> std::convertible_to<std::string>;
}
Response json(const Value& value) { return json(std::string(value.dump())); }
// A status and a line of text; without text an empty body.
inline Response status(int status, std::string body = {}) {
  if (body.empty()) return Response(status);
  return text(std::move(body) + "\n").status(status);
}
inline Response redirect(std::string location, int code = 302) {
  return Response(code).field("location", std::move(location));
}
// 101: the connection leaves HTTP and speaks `protocol` ("websocket"), by a session of the class that
// pfd::upgrades_to<> names. It begins with unpack(luggage), as if it had come from another worker; with
// opened() if `luggage` is empty. A client that does not ask for that protocol gets 426.
inline Response upgrade(std::string protocol, std::string luggage = {}) {
  Response response(101);
  response.switch_to(std::move(protocol), std::move(luggage));
  return response;
}

namespace detail {

// By the end of the name. The few that a browser insists on.
inline const char* type_of_file(std::string_view path) {
  struct Type {
    std::string_view ending;
    const char* type;
  };
  static constexpr Type kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".css", "text/css"},
      {".js", "text/javascript"},
      {".json", "application/json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".webp", "image/webp"},
      {".ico", "image/x-icon"},
      {".txt", "text/plain; charset=utf-8"},
      {".pdf", "application/pdf"},
      {".wasm", "application/wasm"},
  };
  for (const Type& each : kTypes) {
    if (path.ends_with(each.ending)) return each.type;
  }
  return "application/octet-stream";
}

}  // namespace detail

// A regular file, which the server sends. Throws HttpError: 404 if there is none, 403 if it may not be read,
// 500 for anything else. A path that a client chose must be checked before: this opens whatever it names.
inline Response file(const std::string& path, std::string type = {}) {
  // A FIFO must not block the worker: it is opened without waiting, and refused.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const bool missing = errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG;
    throw HttpError(missing ? 404 : errno == EACCES ? 403 : 500, missing ? "not found" : "cannot be read");
  }
  Response response;
  response.file(fd);
  struct stat facts {};
  if (::fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) throw HttpError(404, "not found");
  response.type(type.empty() ? detail::type_of_file(path) : std::move(type));
  return response;
}

}  // namespace pfd::inline v1

#endif
