#include "worker/module/http/host_request.h"

#include <sys/stat.h>

#include <cerrno>
#include <exception>
#include <optional>

#include "common/base/unique_fd.h"
#include "worker/http/syntax/conditional.h"
#include "worker/module/host/tls_values.h"
#include "worker/module/host/values.h"
#include "worker/module/http/module_request.h"

namespace preforkd::module {
namespace {

// What the module asks for may be put together at the first question.
pfd_request& Own(const pfd_request* request) { return *const_cast<pfd_request*>(request); }

// Calls `call` for a request, which may end it: in the loop thread the module's gone() may be called, and
// drop it. An exception, which only a lack of memory causes, must not reach C code.
template <typename Call>
auto Guarded(pfd_request* request, Call call) -> decltype(call()) {
  request->Hold();
  decltype(call()) result = -ENOMEM;
  try {
    result = call();
  } catch (const std::exception&) {
  }
  request->Release();
  return result;
}

std::span<const pfd_field> FieldsOf(const pfd_field* fields, std::size_t count) {
  return fields == nullptr ? std::span<const pfd_field>() : std::span(fields, count);
}

// Sets offset and size to what the file has. False: it is not a regular file, or shorter than asked for.
bool Fits(int fd, std::uint64_t offset, std::uint64_t& size) {
  struct stat status {};
  if (::fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) return false;
  const auto all = static_cast<std::uint64_t>(status.st_size);
  if (offset > all) return false;
  if (size == UINT64_MAX) size = all - offset;
  return size <= all - offset;
}

}  // namespace

pfd_str HostMethod(const pfd_request* request) { return ToStr(Own(request).Facts().Request().method_name); }
pfd_str HostTarget(const pfd_request* request) { return ToStr(Own(request).Facts().Request().target); }
pfd_str HostPath(const pfd_request* request) { return ToStr(Own(request).Facts().Request().path); }
pfd_str HostQuery(const pfd_request* request) { return ToStr(Own(request).Facts().Request().query); }
pfd_str HostAuthority(const pfd_request* request) { return ToStr(Own(request).Facts().Request().host); }
pfd_str HostBody(const pfd_request* request) { return ToStr(Own(request).Facts().Request().body); }
std::uint64_t HostConnectionId(const pfd_request* request) {
  return Own(request).Facts().Request().connection;
}

std::size_t HostFields(const pfd_request* request, const pfd_field** fields) {
  try {
    const std::vector<pfd_field>& all = Own(request).Facts().Fields();
    *fields = all.data();
    return all.size();
  } catch (const std::exception&) {
    *fields = nullptr;
    return 0;
  }
}

pfd_str HostField(const pfd_request* request, pfd_str name, std::size_t nth) {
  for (const HttpField& field : Own(request).Facts().Request().fields) {
    if (http::EqualsNoCase(field.name, ToView(name)) && nth-- == 0) return ToStr(field.value);
  }
  return kAbsent;
}

pfd_str HostPeer(const pfd_request* request) {
  try {
    return ToStr(Own(request).Facts().Peer());
  } catch (const std::exception&) {
    return kAbsent;
  }
}

int HostPrecondition(const pfd_request* request, pfd_str etag) {
  const HttpRequest& asked = Own(request).Facts().Request();
  switch (http::CheckPreconditions(asked, {ToView(etag), std::nullopt}, 0)) {
    case http::Precondition::kProceed: break;
    case http::Precondition::kNotModified: return 304;
    case http::Precondition::kFailed: return 412;
  }
  return 0;
}

std::int64_t HostRead(pfd_request* request, void* into, std::size_t size) {
  return Guarded(request, [&] { return request->Read({static_cast<char*>(into), size}); });
}

int HostRespond(pfd_request* request, int status, const pfd_field* fields, std::size_t count, pfd_str body) {
  return Guarded(request, [&] {
    return request->Answer().Respond(
        {.status = status, .fields = FieldsOf(fields, count), .body = ToView(body)});
  });
}

int HostRespondPage(pfd_request* request, int status, const pfd_field* fields, std::size_t count) {
  return Guarded(request, [&] {
    return request->Answer().Respond({.status = status, .fields = FieldsOf(fields, count), .page = true});
  });
}

int HostRespondFile(pfd_request* request, int status, const pfd_field* fields, std::size_t count, int fd,
                    std::uint64_t offset, std::uint64_t size) {
  UniqueFd file(fd);
  return Guarded(request, [&] {
    // A status that no answer has: the client gets 500.
    if (!Fits(fd, offset, size)) return request->Answer().Respond({.status = 0});
    return request->Answer().Respond({.status = status,
                                      .fields = FieldsOf(fields, count),
                                      .file = file.Release(),
                                      .offset = offset,
                                      .size = size});
  });
}

int HostBegin(pfd_request* request, int status, const pfd_field* fields, std::size_t count) {
  return Guarded(request, [&] {
    return request->Answer().Begin({.status = status, .fields = FieldsOf(fields, count)});
  });
}

std::int64_t HostWrite(pfd_request* request, pfd_str piece) {
  return Guarded(request, [&] { return request->Answer().Write(ToView(piece)); });
}

int HostEnd(pfd_request* request) {
  return Guarded(request, [&] { return request->Answer().End(); });
}

int HostTakeOver(pfd_request* request, pfd_str protocol, const pfd_field* fields, std::size_t count,
                 pfd_str context) {
  return Guarded(
      request, [&] { return request->TakeOver(ToView(protocol), FieldsOf(fields, count), ToView(context)); });
}

void HostKeep(pfd_request* request) { request->Keep(); }
void HostDrop(pfd_request* request) { request->Drop(); }
int HostGone(const pfd_request* request) { return Own(request).Answer().Gone() ? 1 : 0; }
void HostSetData(pfd_request* request, void* data) { request->data.store(data, std::memory_order_release); }
void* HostData(const pfd_request* request) { return request->data.load(std::memory_order_acquire); }

int HostTls(const pfd_request* request, pfd_tls* facts) {
  RequestFacts& all = Own(request).Facts();
  return FillTls(all.Request().tls, all.Fingerprint(), facts);
}

}  // namespace preforkd::module
