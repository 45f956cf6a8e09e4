// What the server offers for a request (pfd_host, "a request" and "its answer"). module.h says what each
// does. Any thread; none throws.
#ifndef PREFORKD_WORKER_MODULE_HTTP_HOST_REQUEST_H_
#define PREFORKD_WORKER_MODULE_HTTP_HOST_REQUEST_H_

#include <cstddef>
#include <cstdint>

#include "worker/api/module.h"

namespace preforkd::module {

pfd_str HostMethod(const pfd_request* request);
pfd_str HostTarget(const pfd_request* request);
pfd_str HostPath(const pfd_request* request);
pfd_str HostQuery(const pfd_request* request);
pfd_str HostAuthority(const pfd_request* request);
std::size_t HostFields(const pfd_request* request, const pfd_field** fields);
pfd_str HostField(const pfd_request* request, pfd_str name, std::size_t nth);
pfd_str HostPeer(const pfd_request* request);
std::uint64_t HostConnectionId(const pfd_request* request);
pfd_str HostBody(const pfd_request* request);
std::int64_t HostRead(pfd_request* request, void* into, std::size_t size);
int HostPrecondition(const pfd_request* request, pfd_str etag);

int HostRespond(pfd_request* request, int status, const pfd_field* fields, std::size_t count, pfd_str body);
int HostRespondFile(pfd_request* request, int status, const pfd_field* fields, std::size_t count, int fd,
                    std::uint64_t offset, std::uint64_t size);
int HostRespondPage(pfd_request* request, int status, const pfd_field* fields, std::size_t count);
int HostBegin(pfd_request* request, int status, const pfd_field* fields, std::size_t count);
std::int64_t HostWrite(pfd_request* request, pfd_str piece);
int HostEnd(pfd_request* request);
int HostTakeOver(pfd_request* request, pfd_str protocol, const pfd_field* fields, std::size_t count,
                 pfd_str context);
void HostKeep(pfd_request* request);
void HostDrop(pfd_request* request);
int HostGone(const pfd_request* request);
void HostSetData(pfd_request* request, void* data);
void* HostData(const pfd_request* request);
int HostTls(const pfd_request* request, pfd_tls* facts);

}  // namespace preforkd::module

#endif
