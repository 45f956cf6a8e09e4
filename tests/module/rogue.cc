// A module that does wrong on purpose. With -DROGUE_ABI=2 its interface is too new; with -DROGUE_ESCAPE an
// exception leaves handle(); with -DROGUE_NO_SYMBOL it is no module at all. The setting `start` says what its
// init does.
#ifdef ROGUE_NO_SYMBOL

extern "C" int not_a_module() { return 0; }

#else

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <preforkd/module.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// Named in the backtrace of a worker that it ends.
extern "C" [[gnu::noinline]] void rogue_aborts() { std::abort(); }

namespace {

using namespace std::chrono_literals;

pfd::setting::Choice start{
    "start", {.fallback = "well", .words = "well,throws,crashes,hangs", .doc = "What init does."}};

class Rogue {
 public:
  Rogue() {
    if (*start == "throws") throw std::runtime_error("no database");
    if (*start == "crashes") std::abort();
    while (*start == "hangs") std::this_thread::sleep_for(1h);
  }

  pfd::Response throws(const pfd::Request&) { throw std::runtime_error("no such luck"); }
  pfd::Response throws_number(const pfd::Request&) { throw 7; }
  void twice(const pfd::Request&, pfd::Later later) {
    later.respond(pfd::text("first"));
    if (!later.respond(pfd::text("second"))) pfd::log::warning("the second answer was refused");
  }
  pfd::Response line_break(const pfd::Request&) {
    return pfd::text("x").field("x-name", "value\r\nset-cookie: stolen=1");
  }
  pfd::Response bad_status(const pfd::Request&) { return pfd::status(99); }
  pfd::Response own_length(const pfd::Request&) { return pfd::text("x").field("content-length", "5"); }
  void nothing(const pfd::Request&, pfd::Later) {}
  void never(const pfd::Request&, pfd::Later later) { kept_.push_back(later); }
  // Answers those that never() has kept, whatever has become of them.
  pfd::Response too_late(const pfd::Request&) {
    int sent = 0;
    for (const pfd::Later& each : kept_) sent += each.respond(pfd::text("at last")) ? 1 : 0;
    kept_.clear();
    return pfd::text(std::to_string(sent) + " sent");
  }
  pfd::Response hangs(const pfd::Request&) {
    for (;;) std::this_thread::sleep_for(1h);
  }
  pfd::Response crashes(const pfd::Request&) {
    rogue_aborts();
    return pfd::status(500);
  }
  // Writes over all memory from a small block on, until there is no more.
  pfd::Response overwrites(const pfd::Request&) {
    auto* at = static_cast<volatile char*>(std::malloc(16));
    for (;; ++at) *at = 'x';
  }
  // Writes over the request, which is the server's.
  pfd::Response overwrites_server(const pfd::Request& request) {
    std::memset(reinterpret_cast<void*>(request.raw()), 'x', 256);
    return pfd::text("written");
  }

 private:
  std::vector<pfd::Later> kept_;
};

}  // namespace

#if defined(ROGUE_ABI) || defined(ROGUE_ESCAPE)
#define preforkd_module well_behaved_table
#endif

PREFORKD_MODULE("rogue", start, pfd::state<Rogue>, pfd::route{"GET", "/throws", &Rogue::throws},
                pfd::route{"GET", "/throws-number", &Rogue::throws_number},
                pfd::route{"GET", "/twice", &Rogue::twice},
                pfd::route{"GET", "/line-break", &Rogue::line_break},
                pfd::route{"GET", "/bad-status", &Rogue::bad_status},
                pfd::route{"GET", "/own-length", &Rogue::own_length},
                pfd::route{"GET", "/nothing", &Rogue::nothing}, pfd::route{"GET", "/never", &Rogue::never},
                pfd::route{"GET", "/too-late", &Rogue::too_late}, pfd::route{"GET", "/hangs", &Rogue::hangs},
                pfd::route{"GET", "/crashes", &Rogue::crashes},
                pfd::route{"GET", "/overwrites", &Rogue::overwrites},
                pfd::route{"GET", "/overwrites-server", &Rogue::overwrites_server});

#if defined(ROGUE_ABI) || defined(ROGUE_ESCAPE)
#undef preforkd_module
extern "C" const pfd_module* preforkd_module(void) {
  static pfd_module table = preforkd_definition().table;
#ifdef ROGUE_ABI
  table.abi = ROGUE_ABI;
#else
  table.handle = [](void*, pfd_request*) { throw std::runtime_error("out of the module"); };
#endif
  return &table;
}
#endif
#endif
