#include "worker/http/files/file_rules.h"

#include "worker/http/coding/coding_setting.h"

namespace preforkd {
namespace {

std::vector<Setting> MakeTable() {
  return {
      {.name = "root",
       .kind = SettingKind::kFolder,
       .doc = "a folder, such as /srv/www; empty: the welcome page, or a module's handler",
       .more = "Its path is looked up again every second: a switched symlink or a new folder at that path "
               "needs no reload."},
      {.name = "index",
       .min = "1",
       .max = "4095",
       .fallback = "index.html",
       .doc = "file served for a folder"},
      {.name = "precompressed",
       .kind = SettingKind::kChoices,
       .doc = "codings for which a file may have a compressed sibling: page.html.br, .zst, .gz",
       .more =
           "A client that takes the coding (Accept-Encoding) gets the sibling in place of the file, with "
           "the type of the file, a tag of its own and Vary. A sibling that is older than its file is not "
           "used. One that is missing is not looked for again within a second.",
       .words = {"br", "zstd", "gzip"}},
      {.name = "types",
       .kind = SettingKind::kTexts,
       .doc = "media types of files by extension, such as [\"m3u8 application/vnd.apple.mpegurl\"]",
       .more = "They are added to the table of Debian's package media-types, which is built in, and win over "
               "it. A line may have several extensions, and a type with parameters.",
       .check = &http::CheckTypeLine},
      {.name = "charset",
       .min = "0",
       .max = "100",
       .fallback = "utf-8",
       .doc = "that text files are said to have; empty: it is not said",
       .more = "Of the types that begin with text/, unless 'types' has parameters for one.",
       .check = &http::CheckCharset},
      {.name = "listing",
       .kind = SettingKind::kFlag,
       .fallback = "false",
       .doc = "show what is in a folder that has no index file",
       .more = "Without hidden files, links that lead out of the root, and what is behind the first 2,000 "
               "entries."},
  };
}

}  // namespace

const std::vector<Setting>& FileSettingTable() {
  static const std::vector<Setting> table = MakeTable();
  return table;
}

FileRules::FileRules() : FileRules(Settings(FileSettingTable())) {}

FileRules::FileRules(const Settings& settings)
    : root(settings.Text("root")),
      index(settings.Text("index")),
      precompressed(http::CodingsIn(settings, "precompressed")),
      types(settings.Texts("types"), settings.Text("charset")),
      listing(settings.Flag("listing")) {}

}  // namespace preforkd
