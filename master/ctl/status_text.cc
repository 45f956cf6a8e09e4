#include "master/ctl/status_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>
#include <vector>

#include "master/ctl/table.h"

namespace preforkd {
namespace {

using Align = Table::Align;

std::string Text(std::uint64_t number) { return fmt::format("{}", number); }

std::string Heading(const StatusView& view) {
  return fmt::format("preforkd {}  {}  generation {}  pid {}  up {}\n", view.version, view.state,
                     view.generation, view.pid, Ago(view.uptime_seconds));
}

// Empty without gates.
std::string Handshakes(const StatusView& view) {
  if (!view.HasGates()) return "";
  return fmt::format("tls          handshakes {}  resumed {}  failed {}\n", view.tls.handshakes,
                     view.tls.resumed, view.tls.failed);
}

std::string Connections(const StatusView& view) {
  const std::string evicted = view.evicted == 0 ? "" : fmt::format(" (evicted {})", view.evicted);
  return fmt::format(
             "connections  accepted {}  in progress {}  waiting {}  parked {}  finished {}{}  lost {}\n",
             view.accepted, view.in_progress, view.waiting, view.parked, view.finished, evicted, view.lost) +
         fmt::format("hand-overs   to workers {}  back {}  reclaimed {}     worker restarts {}{}\n",
                     view.travels.handed_over, view.travels.handed_back, view.travels.reclaimed,
                     view.restarts, view.gathers ? "     gathered on few workers" : "") +
         Handshakes(view);
}

std::string Listeners(const StatusView& view) {
  Table table({{"LISTENER", Align::kLeft}, {"SERVICE", Align::kLeft}, {"ACCEPTED"}, {"", Align::kLeft}});
  for (const ListenerView& listener : view.listeners) {
    table.Add({listener.address, listener.service, Text(listener.accepted), listener.paused ? "paused" : ""});
  }
  return table.Text();
}

// Empty if main is the only pool.
std::string Pools(const StatusView& view) {
  if (!view.HasPools()) return "";
  std::vector<Table::Column> columns = {
      {"POOL", Align::kLeft}, {"STATE", Align::kLeft}, {"WANTED"}, {"MAX"}, {"READY"}, {"WAITING"}};
  const bool gates = view.HasGates();
  if (gates) columns.insert(columns.begin() + 1, {"KIND", Align::kLeft});
  Table table(std::move(columns));
  for (const PoolView& pool : view.pools) {
    std::vector<std::string> cells = {
        pool.name,        pool.state,        Text(pool.workers_wanted), Text(pool.workers_max),
        Text(pool.ready), Text(pool.waiting)};
    if (gates) cells.insert(cells.begin() + 1, pool.kind);
    table.Add(std::move(cells));
  }
  return table.Text() + "\n";
}

// "1/4", and what waits for a thread: "4/4 +2". Empty without application threads.
std::string ThreadsText(const ThreadsView& threads) {
  if (threads.of == 0) return "";
  const std::string waiting = threads.waiting > 0 ? fmt::format(" +{}", threads.waiting) : "";
  return fmt::format("{}/{}{}", threads.busy, threads.of, waiting);
}

// A table of workers. The first column is the slot, because scripts look for it there. A column for the pool
// follows if there is one besides main, one for its kind if there are gates, and behind QUEUED one for
// application threads if a worker has some.
class WorkerTable {
 public:
  // `columns`: all others, with QUEUED among them.
  WorkerTable(const StatusView& view, std::vector<Table::Column> columns)
      : view_(view),
        has_pools_(view.HasPools()),
        has_gates_(view.HasGates()),
        threads_at_(view.HasThreads() ? BehindQueued(columns) : 0),
        table_(Widened<Table::Column>({"SLOT"}, std::move(columns), {"POOL", Align::kLeft},
                                      {"KIND", Align::kLeft}, {"THREADS", Align::kLeft})) {}

  // `cells`: of those columns.
  void Add(const WorkerView& worker, std::vector<std::string> cells) {
    table_.Add(Widened<std::string>(Text(worker.slot), std::move(cells), worker.pool, view_.KindOf(worker),
                                    ThreadsText(worker.threads)));
  }
  [[nodiscard]] std::string TextOf(std::size_t width) const { return table_.Text(width); }

 private:
  static std::size_t BehindQueued(const std::vector<Table::Column>& columns) {
    const auto queued = std::find_if(columns.begin(), columns.end(),
                                     [](const Table::Column& column) { return column.name == "QUEUED"; });
    return static_cast<std::size_t>(queued - columns.begin()) + 1;
  }
  template <typename Cell>
  std::vector<Cell> Widened(Cell slot, std::vector<Cell> cells, Cell pool, Cell kind, Cell threads) const {
    if (threads_at_ > 0)
      cells.insert(cells.begin() + static_cast<std::ptrdiff_t>(threads_at_), std::move(threads));
    if (has_gates_) cells.insert(cells.begin(), std::move(kind));
    if (has_pools_) cells.insert(cells.begin(), std::move(pool));
    cells.insert(cells.begin(), std::move(slot));
    return cells;
  }

  const StatusView& view_;
  bool has_pools_;
  bool has_gates_;
  std::size_t threads_at_;  // among the other columns; 0: no worker has application threads
  Table table_;
};

// Growth of a counter per second. A decrease means a new worker or a new program; its rate is 0.
double Rate(std::uint64_t before, std::uint64_t now, double seconds) {
  return now < before || seconds <= 0 ? 0 : static_cast<double>(now - before) / seconds;
}

struct TopRow {
  const WorkerView* worker = nullptr;
  double requests = 0;  // per second
  double cpu = 0;       // percent of one CPU
};

TopRow RowOf(const WorkerView& worker, const StatusView& before, double seconds) {
  TopRow row{&worker};
  const auto same =
      std::find_if(before.workers.begin(), before.workers.end(),
                   [&](const WorkerView& candidate) { return candidate.incarnation == worker.incarnation; });
  if (same == before.workers.end() || seconds <= 0) return row;
  row.requests = Rate(same->requests, worker.requests, seconds);
  row.cpu = std::max(0.0, worker.cpu_seconds - same->cpu_seconds) / seconds * 100;
  return row;
}

double WeightOf(const TopRow& row, TopOrder order) {
  switch (order) {
    case TopOrder::kRequests: return row.requests;
    case TopOrder::kCpu: return row.cpu;
    case TopOrder::kMemory: return static_cast<double>(row.worker->rss_bytes);
    case TopOrder::kConnections: return static_cast<double>(row.worker->connections);
    case TopOrder::kSlot: break;
  }
  return 0;  // no sort key: the order of the document
}

std::string FirstLines(const std::string& text, std::size_t count) {
  std::size_t end = 0;
  for (std::size_t line = 0; line < count; ++line) {
    const std::size_t next = text.find('\n', end);
    if (next == std::string::npos) return text;
    end = next + 1;
  }
  return text.substr(0, end);
}

// The first few names; a certificate may have hundreds.
std::string NamesText(const CertificateView& certificate) {
  constexpr std::size_t kShown = 3;
  if (certificate.names.empty()) return certificate.subject;
  std::string text;
  for (std::size_t i = 0; i < std::min(kShown, certificate.names.size()); ++i)
    text += (i == 0 ? "" : ", ") + certificate.names[i];
  const std::size_t more = certificate.names.size() - std::min(kShown, certificate.names.size());
  return more == 0 ? text : fmt::format("{} +{}", text, more);
}

// "2027-02-01", in UTC.
std::string DateText(std::int64_t seconds) {
  const std::chrono::sys_days day =
      std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(seconds)));
  const std::chrono::year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

// Rounded down, so that one that has expired has less than 0.
std::int64_t DaysIn(std::int64_t seconds) {
  return std::chrono::floor<std::chrono::days>(std::chrono::seconds(seconds)).count();
}

// Until when its OCSP response is sent along.
std::string StapleText(const CertificateView& certificate, std::int64_t now) {
  if (certificate.staple.empty()) return "-";
  if (certificate.staple_ends == 0) return "revoked";
  const std::string date = DateText(certificate.staple_ends);
  return certificate.staple_ends < now ? date + " (not sent)" : date;
}

}  // namespace

std::string StatusText(const StatusView& view) {
  return Heading(view) + Connections(view) + "\n" + Listeners(view) + "\n" + Pools(view) + WorkersText(view);
}

std::string WorkersText(const StatusView& view) {
  WorkerTable table(view, {{"INC"},
                           {"GEN"},
                           {"PID"},
                           {"STATE", Align::kLeft},
                           {"CONNS"},
                           {"QUEUED"},
                           {"REQUESTS"},
                           {"CPU"},
                           {"MEMORY"},
                           {"UPTIME"},
                           {"DOING", Align::kLeft}});
  for (const WorkerView* each : view.ByPool()) {
    const WorkerView& worker = *each;
    table.Add(worker,
              {Text(worker.incarnation), Text(worker.generation), Text(worker.pid), worker.state,
               Text(worker.connections), Text(worker.queued), Text(worker.requests),
               fmt::format("{:.1f} s", worker.cpu_seconds), Bytes(static_cast<double>(worker.rss_bytes)),
               Ago(worker.uptime_seconds), worker.doing});
  }
  return table.TextOf(0);
}

std::string CertificatesText(const std::vector<CertificateView>& certificates, std::int64_t now) {
  if (certificates.empty()) return "no certificates: no listener has tls = true\n";
  Table table({{"NAMES", Align::kLeft},
               {"ENDS", Align::kLeft},
               {"DAYS"},
               {"KEY", Align::kLeft},
               {"STAPLE", Align::kLeft},
               {"FILE", Align::kLeft}});
  for (const CertificateView& each : certificates) {
    const std::int64_t left = each.not_after - now;
    const std::string position =
        each.ends_first > 1 ? fmt::format(" (its certificate {})", each.ends_first) : "";
    table.Add({NamesText(each), DateText(each.not_after), fmt::format("{}", DaysIn(left)), each.key,
               StapleText(each, now), each.chain + position});
  }
  return table.Text();
}

std::optional<TopOrder> TopOrderOf(char key) {
  switch (key) {
    case 's': return TopOrder::kSlot;
    case 'r': return TopOrder::kRequests;
    case 'p': return TopOrder::kCpu;
    case 'm': return TopOrder::kMemory;
    case 'c': return TopOrder::kConnections;
    default: return std::nullopt;
  }
}

std::string TopText(const StatusView& before, const StatusView& now, double seconds, TopOrder order,
                    std::size_t width, std::size_t height) {
  std::vector<TopRow> rows;
  TopRow sum;
  for (const WorkerView* worker : now.ByPool()) {
    rows.push_back(RowOf(*worker, before, seconds));
    sum.requests += rows.back().requests;
    sum.cpu += rows.back().cpu;
  }
  std::stable_sort(rows.begin(), rows.end(), [order](const TopRow& a, const TopRow& b) {
    return WeightOf(a, order) > WeightOf(b, order);
  });
  WorkerTable table(now, {{"INC"},
                          {"PID"},
                          {"STATE", Align::kLeft},
                          {"CONNS"},
                          {"QUEUED"},
                          {"REQ/S"},
                          {"CPU%"},
                          {"MEMORY"},
                          {"DOING", Align::kLeft}});
  for (const TopRow& row : rows) {
    const WorkerView& worker = *row.worker;
    table.Add(worker,
              {Text(worker.incarnation), Text(worker.pid), worker.state, Text(worker.connections),
               Text(worker.queued), fmt::format("{:.0f}", row.requests), fmt::format("{:.1f}", row.cpu),
               Bytes(static_cast<double>(worker.rss_bytes)), worker.doing});
  }
  const std::string handshakes =
      now.HasGates()
          ? fmt::format("  {:.0f} TLS handshakes/s", Rate(before.tls.handshakes, now.tls.handshakes, seconds))
          : "";
  const std::string rates = fmt::format(
      "now          {:.0f} requests/s  {:.0f} accepted/s  {:.1f} % CPU in {} workers{}\n", sum.requests,
      Rate(before.accepted, now.accepted, seconds), sum.cpu, now.workers.size(), handshakes);
  std::string head;
  for (std::string rest = Heading(now) + Connections(now) + rates + "\n"; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    head += (width == 0 ? rest.substr(0, end) : CutToWidth(rest.substr(0, end), width)) + "\n";
    rest.erase(0, end + 1);
  }
  const std::string text = head + table.TextOf(width);
  return height == 0 ? text : FirstLines(text, height);
}

}  // namespace preforkd
