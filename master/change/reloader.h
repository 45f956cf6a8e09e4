// Reloader: carries out Change's decisions about generations: reads the configuration, starts a generation,
// and puts it into service or reports why not.
#ifndef PREFORKD_MASTER_CHANGE_RELOADER_H_
#define PREFORKD_MASTER_CHANGE_RELOADER_H_

#include <string>

#include "common/config/config_loader.h"
#include "master/change/config_applier.h"
#include "master/change/master_parts.h"

namespace preforkd {

class Reloader {
 public:
  // `inputs` are read again at each reload: file and command line.
  Reloader(const MasterParts& parts, ConfigApplier& applier, ConfigInputs inputs);

  // This program has replaced one of version `version`; the workers run that version until the next
  // promotion.
  void SetPredecessor(std::string version) { predecessor_ = std::move(version); }

  void Do(const BeginReload& action);
  void Do(const StartGeneration& action);
  void Do(const RefuseReload& action);
  void Do(const EnterService& action);
  void Do(const StayInService& action);

 private:
  // Binds and opens what `config` needs. On error everything is undone.
  Status Prepare(const Config& config);
  void Count(bool upgrade, ReloadResult reload_result, UpgradeResult upgrade_result);

  MasterParts parts_;
  ConfigApplier& applier_;
  ConfigInputs inputs_;
  std::string predecessor_;
};

}  // namespace preforkd

#endif
