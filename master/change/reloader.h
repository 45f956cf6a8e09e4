// Reloader: carries out Change's decisions about generations: reads the configuration, has the modules
// preload, starts a generation, and puts it into service or reports why not.
#ifndef PREFORKD_MASTER_CHANGE_RELOADER_H_
#define PREFORKD_MASTER_CHANGE_RELOADER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config_loader.h"
#include "master/change/config_applier.h"
#include "master/change/master_parts.h"
#include "master/modules/config_load.h"
#include "master/modules/preload_round.h"

namespace preforkd {

class Reloader {
 public:
  // `inputs` are read again at each reload: file and command line, and the modules that they name.
  Reloader(const MasterParts& parts, ConfigApplier& applier, ConfigInputs inputs);

  // This program has replaced one of version `version`; the workers run that version until the next
  // promotion.
  void SetPredecessor(std::string version) { predecessor_ = std::move(version); }

  void Do(const BeginReload& action);
  void Do(const DropReload& action);
  void Do(const StartGeneration& action);
  void Do(const RefuseReload& action);
  void Do(const EnterService& action);
  void Do(const StayInService& action);

  // The old workers were told to retire. Only now the reload is reported as done: they answer no request that
  // is sent after that.
  void OnRelieved();
  // A child of this process has exited. True if it was one that opens a module, checks certificates or
  // preloads, which is then handled.
  bool OnChildExit(pid_t pid) {
    return (load_ != nullptr && load_->OnChildExit(pid)) ||
           (preload_ != nullptr && preload_->OnChildExit(pid));
  }
  // The coming generation will not serve. `reason`: one line. Undoes what was prepared for it.
  void Abandon(Generation generation, const std::string& reason);

 private:
  void OnLoaded(const LoadedConfig& loaded);
  void Refuse(const std::string& why, std::vector<std::string> problems);
  void StartMissing();
  void OnPreloaded(Result<Preloads> preloads);
  // Binds and opens what `config` needs. On error everything is undone.
  Status Prepare(const Config& config);
  void Count(bool upgrade, ReloadResult reload_result, UpgradeResult upgrade_result);

  MasterParts parts_;
  ConfigApplier& applier_;
  ConfigInputs inputs_;
  std::string predecessor_;
  std::optional<EnterService> entered_;    // not yet reported
  std::unique_ptr<ConfigLoad> load_;       // while the configuration is read
  std::unique_ptr<PreloadRound> preload_;  // while its modules preload
};

}  // namespace preforkd

#endif
