#include "worker/http/files/file_rules.h"

namespace preforkd {
namespace {

std::vector<Setting> MakeTable() {
  return {
      {.name = "root",
       .kind = SettingKind::kFolder,
       .doc = "a folder, such as /srv/www; empty: a welcome page that shows the workers",
       .more = "Its path is looked up again every second: a switched symlink or a new folder at that path "
               "needs no reload."},
      {.name = "index",
       .min = "1",
       .max = "4095",
       .fallback = "index.html",
       .doc = "file served for a folder"},
  };
}

}  // namespace

const std::vector<Setting>& FileSettingTable() {
  static const std::vector<Setting> table = MakeTable();
  return table;
}

FileRules::FileRules() : FileRules(Settings(FileSettingTable())) {}

FileRules::FileRules(const Settings& settings) : root(settings.Text("root")), index(settings.Text("index")) {}

}  // namespace preforkd
