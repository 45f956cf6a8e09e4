// A service whose protocol a module speaks (pfd_protocol): the Service that opens a session of the module for
// each connection. protocol_session.h has the session.
#ifndef PREFORKD_WORKER_MODULE_PROTOCOL_PROTOCOL_SERVICE_H_
#define PREFORKD_WORKER_MODULE_PROTOCOL_PROTOCOL_SERVICE_H_

#include <memory>
#include <string_view>

#include "common/base/result.h"
#include "worker/api/module.h"
#include "worker/connection/service.h"

namespace preforkd::module {

// What all sessions of the service share.
struct ProtocolShared {
  pfd_protocol table;     // members that the module's header does not know are NULL
  void* state;            // of the module; never used here
  pfd_service& service;   // whose name is in the log
  std::string_view mark;  // before what a session packs
};

// `state`: what init() of the module returned. `service` and what `protocol` points to must outlive the
// service. `mark`: a literal that what travels with a session begins with; Open gets it without. Error: the
// table lacks a function that no protocol can be without.
Result<std::unique_ptr<Service>> MakeProtocolService(const pfd_protocol& protocol, void* state,
                                                     pfd_service& service, std::string_view mark = {});

}  // namespace preforkd::module

#endif
