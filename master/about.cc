#include "master/about.h"

#include <fmt/format.h>

#include <iterator>
#include <vector>

#include "common/about/about.h"
#include "common/config/config.h"
#include "common/config/config_loader.h"
#include "common/control/control_message.h"
#include "common/event/event_library.h"
#include "common/process/syscall_name.h"
#include "common/scoreboard/scoreboard.h"
#include "common/wire/version.h"
#include "master/options.h"
#include "master/upgrade/state/upgrade_state.h"

namespace preforkd {
namespace {

// What an upgrade in place depends on, and what a configuration cannot exceed.
std::vector<About::Fact> Facts(const Program& program) {
  std::vector<std::string> services;
  for (const ServiceDeclaration& type : program.service_types) services.push_back(type.type);
  return {
      {"wire", fmt::format("version {}, speaks {} to {}", static_cast<unsigned>(kWireVersion),
                           static_cast<unsigned>(kOldestWireVersion), static_cast<unsigned>(kWireVersion))},
      {"board", fmt::format("version {}, rows of {} bytes", WorkerRow::kVersion, WorkerRow::kBytes)},
      {"saved state", fmt::format("format {}", UpgradeState::kFormat)},
      {"limits", fmt::format("{} workers, {} slots, {} pools, {} services, {} listeners", kMaxWorkers,
                             kMaxSlots, kMaxPools, kMaxServices, kMaxListeners)},
      {"services", fmt::format("{}", fmt::join(services, ", "))},
  };
}

void Append(About more, About& about) {
  std::move(more.facts.begin(), more.facts.end(), std::back_inserter(about.facts));
  std::move(more.libraries.begin(), more.libraries.end(), std::back_inserter(about.libraries));
}

}  // namespace

std::string AboutProgram(const Program& program) {
  About about = AboutBuild();
  Append({Facts(program), {EventLibrary(), SeccompLibrary(), TomlLibrary(), JsonLibrary(), OptionsLibrary()}},
         about);
  if (program.about_worker) Append(program.about_worker(), about);
  return AboutText(fmt::format("preforkd {}", program.version), about);
}

}  // namespace preforkd
