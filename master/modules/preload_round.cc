#include "master/modules/preload_round.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/config/module_codec.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

// In the opposite order: they are taken from the end.
std::vector<const ServiceConfig*> ServicesDue(const Config& config) {
  std::vector<const ServiceConfig*> due;
  for (const ServiceConfig& service : config.services) {
    if (service.module && service.module->preload) due.push_back(&service);
  }
  std::reverse(due.begin(), due.end());
  return due;
}

Error Named(const ServiceConfig& service, const std::string& what) {
  return Error{fmt::format("service {}: {}", service.name, what)};
}

// The whole configuration with no other service.
std::shared_ptr<const Config> PartFor(const Config& config, const ServiceConfig& service) {
  auto part = std::make_shared<Config>(config);
  part->pools = {config.PoolOf(service)};
  part->services = {service};
  part->listen.clear();
  return part;
}

Result<std::shared_ptr<PreloadArea>> MakeArea(const ServiceConfig& service) {
  Result<std::unique_ptr<PreloadArea>> area = PreloadArea::Create(service.settings.Size(kPreloadMax));
  if (!area.Ok()) return Named(service, area.Err().text);
  return std::shared_ptr<PreloadArea>(std::move(area).Value());
}

ModuleTask PreloadOf(const Config& config, const ServiceConfig& service, const Program& program,
                     const std::shared_ptr<PreloadArea>& area) {
  ModuleTask task;
  task.entry = program.preload_module;
  task.path = service.settings.Text(kModulePath);
  task.config = PartFor(config, service);
  task.preloads = {{service.name, area}};
  task.doing = "it preloaded";
  task.if_late = "; preload_timeout gives it more";
  return task;
}

Duration TimeFor(const ServiceConfig& service) { return service.settings.Time(kPreloadTimeout); }

// The process has ended.
Status SealArea(const ServiceConfig& service, const Result<std::string>& answer, PreloadArea& area) {
  if (!answer.Ok()) return Named(service, answer.Err().text);
  Result<PreloadReport> report = DecodePreload(answer.Value());
  if (!report.Ok()) return Named(service, Escaped(report.Err().text));
  const Status status = area.Seal(std::move(report).Value());
  return status.Ok() ? status : Named(service, "the module's preload " + status.Err().text);
}

void LogLoaded(const ServiceConfig& service, const PreloadArea& area, Time begun) {
  log::Info({log::kModulePreloaded,
             {{"service", service.name}, {"bytes", area.Size()}, {"ms", Seconds(Now() - begun) * 1e3}}},
            "preloaded {} KiB", area.Size() / 1024);
}

Result<std::shared_ptr<PreloadArea>> LoadOne(const Config& config, const ServiceConfig& service,
                                             const Program& program, const LogFds& logs) {
  Result<std::shared_ptr<PreloadArea>> area = MakeArea(service);
  if (!area.Ok()) return area;
  const ModuleTask task = PreloadOf(config, service, program, area.Value());
  const Result<std::string> answer = RunModule(task, TimeFor(service), logs);
  const Status status = SealArea(service, answer, *area.Value());
  return status.Ok() ? std::move(area) : status.Err();
}

Error At(const std::map<std::string, std::string>& places, const ServiceConfig& service, const Error& error) {
  const auto place = places.find(service.name);
  return place == places.end() ? error
                               : Error{fmt::format("{}: {}", place->second, error.text), error.errnum};
}

}  // namespace

Duration TimeToPreload(const Config& config) {
  Duration sum{0};
  for (const ServiceConfig* service : ServicesDue(config)) sum += TimeFor(*service);
  return sum;
}

Result<Preloads> PreloadNow(const std::shared_ptr<const Config>& config, const Program& program,
                            const LogFds& logs, bool report,
                            const std::map<std::string, std::string>& places) {
  Preloads loaded;
  for (auto due = ServicesDue(*config); !due.empty(); due.pop_back()) {
    const ServiceConfig& service = *due.back();
    const Time begun = Now();
    const Result<std::shared_ptr<PreloadArea>> area = LoadOne(*config, service, program, logs);
    if (!area.Ok()) return At(places, service, area.Err());
    if (report) LogLoaded(service, *area.Value(), begun);
    loaded[service.name] = area.Value();
  }
  return loaded;
}

PreloadRound::PreloadRound(EventLoop& loop, const Program& program, const LogFds& logs,
                           std::shared_ptr<const Config> config, Done done)
    : loop_(loop),
      program_(program),
      logs_(logs),
      config_(std::move(config)),
      done_(std::move(done)),
      due_(ServicesDue(*config_)) {}

void PreloadRound::Run() {
  if (due_.empty()) return Finish(std::move(loaded_));  // may destroy this
  const Status status = StartOne();
  if (!status.Ok()) Finish(status.Err());  // may destroy this
}

Status PreloadRound::StartOne() {
  const ServiceConfig& service = *due_.back();
  begun_ = Now();
  Result<std::shared_ptr<PreloadArea>> area = MakeArea(service);
  if (!area.Ok()) return area.Err();
  area_ = std::move(area).Value();
  ModuleTask task = PreloadOf(*config_, service, program_, area_);
  Result<TrialChild> child = StartModule(task, logs_);
  if (!child.Ok()) return Named(service, child.Err().text);
  const Duration limit = TimeFor(service);
  Result<std::unique_ptr<TrialProbe>> probe = TrialProbe::Start(
      loop_, std::move(child).Value(), limit,
      [this, limit, task = std::move(task)](const TrialEnd& end) { OnEnd(JudgeModule(task, end, limit)); });
  if (!probe.Ok()) return Named(service, probe.Err().text);
  probe_ = std::move(probe).Value();
  return {};
}

void PreloadRound::OnEnd(const Result<std::string>& answer) {
  const ServiceConfig& service = *due_.back();
  const Status status = SealArea(service, answer, *area_);
  probe_.reset();
  if (!status.Ok()) return Finish(status.Err());  // may destroy this
  LogLoaded(service, *area_, begun_);
  loaded_[service.name] = std::move(area_);
  due_.pop_back();
  Run();
}

void PreloadRound::Finish(Result<Preloads> outcome) {
  const Done done = std::exchange(done_, nullptr);
  done(std::move(outcome));  // may destroy this: last statement
}

}  // namespace preforkd
