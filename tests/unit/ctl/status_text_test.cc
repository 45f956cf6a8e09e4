#include "master/ctl/status_text.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include "master/ctl/table.h"

namespace preforkd::testing {
namespace {

WorkerView Worker(std::uint64_t slot, std::uint64_t requests, double cpu, std::uint64_t memory) {
  WorkerView worker;
  worker.slot = slot;
  worker.incarnation = slot + 1;
  worker.pid = 100 + slot;
  worker.state = "ready";
  worker.requests = requests;
  worker.cpu_seconds = cpu;
  worker.rss_bytes = memory;
  worker.doing = "nothing";
  return worker;
}

StatusView View(std::vector<WorkerView> workers) {
  StatusView view;
  view.version = "1.2.3";
  view.state = "serving";
  view.pid = 99;
  view.generation = 2;
  view.uptime_seconds = 125;
  view.accepted = 1000;
  view.listeners = {{"127.0.0.1:80", "web", 1000, false}, {"unix:/s", "admin", 0, true}};
  view.workers = std::move(workers);
  return view;
}

// The first word of each line behind the heading of the workers' table.
std::string Slots(const std::string& text) {
  std::string slots;
  std::size_t line = text.find("SLOT");
  while ((line = text.find('\n', line)) != std::string::npos && ++line < text.size()) {
    slots += text[text.find_first_not_of(' ', line)];
  }
  return slots;
}

}  // namespace

TEST_CASE("the status as text") {
  CHECK(StatusText(View({Worker(0, 10, 1.25, 3 << 20), Worker(12, 123456, 0, 512)})) ==
        "preforkd 1.2.3  serving  generation 2  pid 99  up 2 min 5 s\n"
        "connections  accepted 1000  in progress 0  waiting 0  parked 0  finished 0  lost 0\n"
        "hand-overs   to workers 0  back 0  reclaimed 0     worker restarts 0\n"
        "\n"
        "LISTENER      SERVICE  ACCEPTED\n"
        "127.0.0.1:80  web          1000\n"
        "unix:/s       admin           0  paused\n"
        "\n"
        "SLOT  INC  GEN  PID  STATE  CONNS  QUEUED  REQUESTS    CPU   MEMORY  UPTIME  DOING\n"
        "   0    1    0  100  ready      0       0        10  1.2 s  3.0 MiB     0 s  nothing\n"
        "  12   13    0  112  ready      0       0    123456  0.0 s    512 B     0 s  nothing\n");
}

TEST_CASE("with several pools there is a table of them, and the workers are grouped") {
  StatusView view =
      View({Worker(0, 10, 0, 512), Worker(1, 20, 0, 512), Worker(2, 30, 0, 512), Worker(3, 40, 0, 512)});
  view.pools = {{"main", "services", "serving", 1, 4, 1, 0}, {"app", "services", "degraded", 2, 8, 0, 7}};
  view.workers[0].pool = "app";
  view.workers[1].pool = "gone";  // of an earlier configuration: it drains
  view.workers[2].pool = "main";
  view.workers[3].pool = "app";
  const std::string text = StatusText(view);
  CHECK(text.find("unix:/s       admin           0  paused\n"
                  "\n"
                  "POOL  STATE     WANTED  MAX  READY  WAITING\n"
                  "main  serving        1    4      1        0\n"
                  "app   degraded       2    8      0        7\n"
                  "\n"
                  "SLOT  POOL  INC  GEN  PID  STATE") != std::string::npos);
  CHECK(Slots(text) == "2031");
  CHECK(WorkersText(view).find("\n   2  main    3") != std::string::npos);
  CHECK(Slots(TopText(view, view, 1, TopOrder::kSlot, 0, 0)) == "2031");
  CHECK(TopText(view, view, 1, TopOrder::kSlot, 0, 0).find("SLOT  POOL  INC  PID") != std::string::npos);
}

TEST_CASE("with gates: their handshakes, and the kind of each pool and worker") {
  StatusView view = View({Worker(0, 10, 0, 512), Worker(1, 0, 0, 512), Worker(2, 0, 0, 512)});
  view.pools = {{"main", "services", "serving", 1, 4, 1, 0}, {"edge", "services", "serving", 2, 8, 0, 7}};
  view.workers[0].pool = "main";
  view.workers[1].pool = "edge";
  view.workers[2].pool = "gone";
  view.tls = {100, 2, 30};
  CHECK(StatusText(view).find("handshakes") == std::string::npos);
  CHECK(StatusText(view).find("KIND") == std::string::npos);
  view.pools[1].kind = "tls";
  const std::string text = StatusText(view);
  CHECK(text.find("\ntls          handshakes 100  resumed 30  failed 2\n") != std::string::npos);
  CHECK(text.find("POOL  KIND      STATE    WANTED  MAX  READY  WAITING\n"
                  "main  services  serving       1    4      1        0\n"
                  "edge  tls       serving       2    8      0        7\n") != std::string::npos);
  CHECK(text.find("SLOT  POOL  KIND      INC") != std::string::npos);
  CHECK(text.find("\n   1  edge  tls  ") != std::string::npos);
  StatusView later = view;
  later.tls.handshakes = 140;
  const std::string top = TopText(view, later, 2, TopOrder::kSlot, 0, 0);
  CHECK(top.find("  20 TLS handshakes/s\n") != std::string::npos);
  CHECK(top.find("SLOT  POOL  KIND") != std::string::npos);
}

TEST_CASE("a column for application threads if a worker has some: busy ones, all, and what waits for one") {
  StatusView view = View({Worker(0, 10, 0, 512), Worker(1, 20, 0, 512), Worker(2, 30, 0, 512)});
  CHECK(StatusText(view).find("THREADS") == std::string::npos);
  CHECK(TopText(view, view, 1, TopOrder::kSlot, 0, 0).find("THREADS") == std::string::npos);
  view.workers[0].threads = {1, 4, 0};
  view.workers[1].threads = {4, 4, 12};
  CHECK(WorkersText(view) ==
        "SLOT  INC  GEN  PID  STATE  CONNS  QUEUED  THREADS  REQUESTS    CPU  MEMORY  UPTIME  DOING\n"
        "   0    1    0  100  ready      0       0  1/4            10  0.0 s   512 B     0 s  nothing\n"
        "   1    2    0  101  ready      0       0  4/4 +12        20  0.0 s   512 B     0 s  nothing\n"
        "   2    3    0  102  ready      0       0                 30  0.0 s   512 B     0 s  nothing\n");
  CHECK(TopText(view, view, 1, TopOrder::kSlot, 0, 0).find("QUEUED  THREADS  REQ/S") != std::string::npos);
  view.workers[0].pool = "app";
  CHECK(StatusText(view).find("SLOT  POOL  INC  GEN  PID  STATE  CONNS  QUEUED  THREADS  REQUESTS") !=
        std::string::npos);
}

TEST_CASE("certificates: names, ends, days left, key, OCSP response and file") {
  CHECK(CertificatesText({}, 0) == "no certificates: no listener has tls = true\n");
  constexpr std::int64_t kDay = 86400;
  const std::vector<CertificateView> certificates = {
      {"/etc/a.pem", {"a.example", "b", "c", "d", "e"}, "CN=a", "EC 256", 20000 * kDay, 1, "", 0},
      {"/etc/b.pem", {}, "CN=b", "RSA 2048", 19000 * kDay, 2, "/etc/b.ocsp", 19991 * kDay},
      {"/etc/c.pem", {"c"}, "CN=c", "EC 256", 20000 * kDay, 1, "/etc/c.ocsp", 19989 * kDay},
      {"/etc/d.pem", {"d"}, "CN=d", "EC 256", 20000 * kDay, 1, "/etc/d.ocsp", 0}};
  CHECK(CertificatesText(certificates, 19990 * kDay + 1) ==
        "NAMES               ENDS        DAYS  KEY       STAPLE                 FILE\n"
        "a.example, b, c +2  2024-10-04     9  EC 256    -                      /etc/a.pem\n"
        "CN=b                2022-01-08  -991  RSA 2048  2024-09-25             /etc/b.pem (its certificate "
        "2)\n"
        "c                   2024-10-04     9  EC 256    2024-09-23 (not sent)  /etc/c.pem\n"
        "d                   2024-10-04     9  EC 256    revoked                /etc/d.pem\n");
}

TEST_CASE("if main is the only pool, pools are not shown") {
  StatusView view = View({Worker(0, 10, 0, 512)});
  view.pools = {{"main", "services", "serving", 1, 4, 1, 0}};
  view.workers[0].pool = "main";
  CHECK(StatusText(view).find("POOL") == std::string::npos);
  CHECK(StatusText(view).find("main") == std::string::npos);
  CHECK(TopText(view, view, 1, TopOrder::kSlot, 0, 0).find("POOL") == std::string::npos);
  view.pools[0].name = "app";
  CHECK(StatusText(view).find("POOL") != std::string::npos);
}

TEST_CASE("a document becomes a view; missing fields and those of another type are ignored") {
  const Result<StatusView> view = ParseStatus(
      R"({"pid":7,"state":"serving","lost":"many","listeners":[{"address":":1","paused":true},5],
          "pools":[{"name":"app\u001b","ready":2,"state":"serving"}],
          "workers":[{"slot":3,"pool":"app","cpu_seconds":2,
                      "threads":{"busy":1,"of":2,"waiting":"x"},"doing":"GET /\u001b[2J\u0085\u00e4"}]})");
  REQUIRE(view.Ok());
  CHECK(view.Value().pid == 7);
  CHECK(view.Value().lost == 0);
  REQUIRE(view.Value().listeners.size() == 1);
  CHECK(view.Value().listeners[0].paused);
  REQUIRE(view.Value().workers.size() == 1);
  CHECK(view.Value().workers[0].cpu_seconds == 2);
  CHECK(view.Value().workers[0].pool == "app");
  CHECK(view.Value().workers[0].threads.busy == 1);
  CHECK(view.Value().workers[0].threads.of == 2);
  CHECK(view.Value().workers[0].threads.waiting == 0);
  REQUIRE(view.Value().pools.size() == 1);
  CHECK(view.Value().pools[0].name == "app?");
  CHECK(view.Value().pools[0].ready == 2);
  CHECK(view.Value().workers[0].doing == "GET /?[2J?\xC3\xA4");  // no client controls the operator's terminal
  CHECK_FALSE(ParseStatus("[]").Ok());
  CHECK_FALSE(ParseStatus("{").Ok());
  CHECK(ListJson(R"({"workers":[{"slot":0}]})", "workers") == R"([{"slot":0}])");
  CHECK(ListJson("nonsense", "workers") == "[]");
  const auto certificates =
      ParseCertificates(R"({"certificates":[{"chain":"/a\u001b","names":["x",7],"not_after":-5},3]})");
  REQUIRE(certificates.Ok());
  REQUIRE(certificates.Value().size() == 1);
  CHECK(certificates.Value()[0].chain == "/a?");
  CHECK(certificates.Value()[0].names == std::vector<std::string>{"x"});
  CHECK(certificates.Value()[0].not_after == -5);
  CHECK_FALSE(ParseCertificates("7").Ok());
}

TEST_CASE("top: rates between two readings, and the requested order") {
  StatusView before = View({Worker(0, 100, 1, 30), Worker(1, 100, 1, 20), Worker(2, 900, 1, 10)});
  StatusView now = View({Worker(0, 110, 1.5, 30), Worker(1, 300, 1.1, 20), Worker(2, 0, 0, 10)});
  now.workers[2].incarnation = 77;  // a new one in the slot: its counters restarted at 0
  now.workers[1].connections = 5;
  now.accepted = 1200;
  const std::string text = TopText(before, now, 2, TopOrder::kSlot, 0, 0);
  CHECK(text.find("105 requests/s  100 accepted/s  30.0 % CPU in 3 workers") != std::string::npos);
  CHECK(Slots(text) == "012");
  CHECK(Slots(TopText(before, now, 2, TopOrder::kRequests, 0, 0)) == "102");
  CHECK(Slots(TopText(before, now, 2, TopOrder::kCpu, 0, 0)) == "012");
  CHECK(Slots(TopText(before, now, 2, TopOrder::kMemory, 0, 0)) == "012");
  CHECK(Slots(TopText(before, now, 2, TopOrder::kConnections, 0, 0)) == "102");
  CHECK(TopOrderOf('m') == TopOrder::kMemory);
  CHECK_FALSE(TopOrderOf('x'));
}

TEST_CASE("top fits the terminal, whatever a client has sent") {
  StatusView view = View({Worker(0, 0, 0, 0), Worker(1, 0, 0, 0)});
  for (int i = 0; i < 300; ++i) view.workers[0].doing += "\xC3\xA4";
  for (const std::size_t width : {20U, 40U, 80U}) {
    const std::string text = TopText(view, view, 1, TopOrder::kSlot, width, 6);
    std::size_t lines = 0;
    for (std::size_t start = 0; start < text.size(); ++lines) {
      const std::size_t end = text.find('\n', start);
      CHECK(DisplayWidth(text.substr(start, end - start)) <= width);
      start = end + 1;
    }
    CHECK(lines == 6);
  }
}

TEST_CASE("lengths of time, sizes, and cutting between characters") {
  CHECK(Ago(0.9) == "0 s");
  CHECK(Ago(3599) == "59 min 59 s");
  CHECK(Ago(3600 * 25) == "1 d 1 h");
  CHECK(Ago(-5) == "0 s");
  CHECK(Bytes(1023) == "1023 B");
  CHECK(Bytes(6.1 * 1024 * 1024) == "6.1 MiB");
  CHECK(CutToWidth("a\xC3\xA4"
                   "b",
                   2) == "a\xC3\xA4");
  CHECK(CutToWidth("ab", 5) == "ab");
}

}  // namespace preforkd::testing
