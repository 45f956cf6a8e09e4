#include "master/ctl/top.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "master/ctl/ctl_client.h"
#include "master/ctl/status_text.h"
#include "master/ctl/status_view.h"
#include "master/ctl/terminal.h"

namespace preforkd {
namespace {

constexpr Duration kInterval = std::chrono::seconds(1);
constexpr Duration kTimeout = std::chrono::seconds(5);

struct Sample {
  StatusView view;
  Time taken_at{};
};

// Reads the server's status, over one connection that is opened again after an error.
class Sampler {
 public:
  explicit Sampler(std::string path) : path_(std::move(path)) {}

  Result<Sample> Take() {
    Result<Sample> sample = TryTake();
    if (!sample.Ok()) client_.reset();
    return sample;
  }

 private:
  Result<Sample> TryTake() {
    if (!client_) {
      Result<CtlClient> client = CtlClient::Connect(path_);
      if (!client.Ok()) return client.Err();
      client_.emplace(std::move(client).Value());
    }
    const Result<ControlReply> reply = client_->Ask({}, kTimeout);
    if (!reply.Ok()) return reply.Err();
    if (!reply.Value().ok) return Error{reply.Value().message, EACCES};
    Result<StatusView> view = ParseStatus(reply.Value().result);
    if (!view.Ok()) return view.Err();
    return Sample{std::move(view).Value(), Now()};
  }

  std::string path_;
  std::optional<CtlClient> client_;
};

std::string TextBetween(const Sample& before, const Sample& now, TopOrder order, Terminal::Size size) {
  return TopText(before.view, now.view, Seconds(now.taken_at - before.taken_at), order, size.columns,
                 size.rows);
}

ExitCode Fail(const Error& error) {
  fmt::print(stderr, "preforkctl: {}\n", error.text);
  return error.errnum == EACCES || error.errnum == EPERM ? ExitCode::kNoPermission : ExitCode::kUnavailable;
}

// Prints tables one below the other, for a file or a pipe.
ExitCode PrintTables(Sampler& sampler, Sample before, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    (void)::poll(nullptr, 0,
                 static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(kInterval).count()));
    Result<Sample> now = sampler.Take();
    if (!now.Ok()) return Fail(now.Err());
    if (i > 0) fmt::print("\n");
    fmt::print("{}", TextBetween(before, now.Value(), TopOrder::kSlot, {0, 0}));
    if (std::fflush(stdout) != 0) return ExitCode::kStopped;  // the reader has closed the pipe
    before = std::move(now).Value();
  }
  return ExitCode::kStopped;
}

ExitCode ShowLive(Sampler& sampler, Sample before, std::uint32_t count) {
  Terminal terminal;
  TopOrder order = TopOrder::kSlot;
  Sample shown_from = before;
  Sample now = std::move(before);
  std::string trouble;
  std::uint32_t frames = 0;
  for (Time next = Now() + kInterval;;) {
    const Terminal::Size size = terminal.CurrentSize();
    terminal.Show(trouble.empty() ? TextBetween(shown_from, now, order, size) : trouble);
    if (count != 0 && frames >= count) return ExitCode::kStopped;
    char key = 0;
    switch (terminal.Await(std::max(next - Now(), Duration(0)), key)) {
      case Terminal::Event::kEnd: return ExitCode::kStopped;
      case Terminal::Event::kRedraw: continue;
      case Terminal::Event::kKey:
        if (key == 'q') return ExitCode::kStopped;
        order = TopOrderOf(key).value_or(order);
        continue;
      case Terminal::Event::kTimeout: break;
    }
    next = Now() + kInterval;
    ++frames;
    Result<Sample> sample = sampler.Take();
    trouble = sample.Ok() ? "" : fmt::format("{}\ntrying again every second; q quits\n", sample.Err().text);
    if (sample.Ok()) shown_from = std::exchange(now, std::move(sample).Value());
  }
}

}  // namespace

ExitCode RunTop(const CtlOptions& options) {
  Sampler sampler(options.control);
  Result<Sample> first = sampler.Take();
  if (!first.Ok()) return Fail(first.Err());
  if (Terminal::Present()) return ShowLive(sampler, std::move(first).Value(), options.count);
  return PrintTables(sampler, std::move(first).Value(), std::max(options.count, 1U));
}

}  // namespace preforkd
