// A protocol of lines that tells a client what its TLS session is.
#include <optional>
#include <preforkd/module.hpp>
#include <string>

namespace {

class WhoAmI final : public pfd::LineSession {
 public:
  void on_line(std::string_view) override {
    const std::optional<pfd::Tls> tls = this->tls();
    if (!tls) {
      send_line("plain");
      return;
    }
    std::string text(tls->version);
    text.append(" ").append(tls->cipher).append(" ").append(tls->client_subject.value_or("nobody"));
    send_line(text.append(" ").append(tls->client_fingerprint.value_or("-")));
  }
  bool pack(pfd::Luggage& luggage) const override { return luggage.write("1"); }
};

}  // namespace

PREFORKD_MODULE("whoami", pfd::protocol<WhoAmI>);
