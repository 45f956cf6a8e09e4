// A module that answers each request with what it has seen of it, in fields: X-Seen is "METHOD TARGET
// FRAMING", X-Body the body in hexadecimal digits. Over the C interface, because it takes every method and
// every target.
#include <preforkd/module.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace {

const pfd_host* g_host = nullptr;

std::string_view View(pfd_str text) { return {text.data, text.size}; }
pfd_str Str(std::string_view text) { return {text.data(), text.size()}; }

std::string_view Framing(const pfd_request* request) {
  if (g_host->field(request, Str("transfer-encoding"), 0).data != nullptr) return "chunked";
  return g_host->field(request, Str("content-length"), 0).data != nullptr ? "length" : "none";
}

std::string Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

void Handle(void*, pfd_request* request) {
  constexpr std::size_t kShown = 4096;
  std::string seen(View(g_host->method(request)));
  seen.append(" ").append(View(g_host->target(request))).append(" ").append(Framing(request));
  const std::string body = Hex(View(g_host->body(request)).substr(0, kShown));
  const std::array<pfd_field, 2> fields = {pfd_field{Str("X-Seen"), Str(seen)},
                                           pfd_field{Str("X-Body"), Str(body)}};
  (void)g_host->respond(request, 200, fields.data(), fields.size(), {nullptr, 0});
}

int Init(const pfd_host* host, pfd_service*, void**, char*, std::size_t) {
  g_host = host;
  return 0;
}

}  // namespace

extern "C" const pfd_module* preforkd_module(void) {
  static const pfd_module module = [] {
    pfd_module table{};
    table.size = sizeof(table);
    table.abi = PFD_ABI;
    table.name = "mirror";
    table.version = "1";
    table.kind = PFD_EVENT;
    table.init = &Init;
    table.handle = &Handle;
    return table;
  }();
  return &module;
}
