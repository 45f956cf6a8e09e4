// --explain: which listener and service would answer a URL, and what the service says of it. It reads the
// configuration only: no server has to run.
#ifndef PREFORKD_MASTER_EXPLAIN_URL_H_
#define PREFORKD_MASTER_EXPLAIN_URL_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/exit_code.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "common/process/program.h"

namespace preforkd {

struct Url {
  std::string text;
  bool tls = false;        // https
  std::string host;        // without port, in brackets if it is an IPv6 address
  std::uint16_t port = 0;  // 0: not written
  std::string authority;   // host and port as written
  std::string target;      // path and query; begins with '/'
};

// Error: what is wrong with it, and what to write instead.
Result<Url> ParseUrl(std::string_view text);

// Those to which a client with that URL can connect. Without a port in the URL, and where none listens on 80
// or 443: those of any port, because something in front may pass connections on.
std::vector<const ListenConfig*> ListenersFor(const Config& config, const Url& url);

// Prints the explanation. kUnavailable: nothing listens for it. kUsage: no client may send that URL.
ExitCode ExplainUrl(const Config& config, const Url& url, const Program& program);

}  // namespace preforkd

#endif
