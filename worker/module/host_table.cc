#include "worker/module/host_table.h"

#include "common/about/version.h"
#include "worker/module/host/host_loop.h"
#include "worker/module/host/host_report.h"
#include "worker/module/host/host_service.h"
#include "worker/module/host/preload.h"
#include "worker/module/host/values.h"
#include "worker/module/http/host_request.h"
#include "worker/module/protocol/host_connection.h"

namespace preforkd::module {

const pfd_host& HostTable() {
  static const pfd_host table = {
      .size = sizeof(pfd_host),
      .abi = PFD_ABI,
      .version = ToStr(kVersion),

      .log = &HostLog,
      .text = &HostText,
      .number = &HostNumber,
      .place = &HostPlace,
      .count = &HostCount,

      .post = &HostPost,
      .after = &HostAfter,
      .cancel = &HostCancel,
      .watch = &HostWatch,
      .unwatch = &HostUnwatch,

      .method = &HostMethod,
      .target = &HostTarget,
      .path = &HostPath,
      .query = &HostQuery,
      .authority = &HostAuthority,
      .fields = &HostFields,
      .field = &HostField,
      .peer = &HostPeer,
      .connection_id = &HostConnectionId,
      .body = &HostBody,
      .read = &HostRead,

      .respond = &HostRespond,
      .respond_file = &HostRespondFile,
      .begin = &HostBegin,
      .write = &HostWrite,
      .end = &HostEnd,
      .keep = &HostKeep,
      .drop = &HostDrop,
      .gone = &HostGone,
      .set_data = &HostSetData,
      .data = &HostData,

      .client = &HostClient,
      .client_id = &HostClientId,
      .send = &HostSend,
      .finish = &HostFinish,
      .idle_timeout = &HostIdleTimeout,
      .deadline = &HostDeadline,
      .count_request = &HostCountRequest,
      .doing = &HostDoing,

      .take_over = &HostTakeOver,
      .report = &HostReport,
      .precondition = &HostPrecondition,
      .respond_page = &HostRespondPage,
      .allocate = &HostAllocate,
      .preloaded = &HostPreloaded,
      .tls = &HostTls,
      .client_tls = &HostClientTls,
  };
  return table;
}

}  // namespace preforkd::module
