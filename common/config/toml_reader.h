// TOML to a plain tree with positions. The one place that knows toml++.
#ifndef PREFORKD_COMMON_CONFIG_TOML_READER_H_
#define PREFORKD_COMMON_CONFIG_TOML_READER_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/problems.h"
#include "common/config/value.h"

namespace preforkd {

struct TomlMember;

struct TomlNode {
  Value value;                      // kind says which of the two vectors counts, if any
  Origin origin;                    // of the key; of an element of an array: its own
  std::vector<TomlMember> members;  // kTable, in the order of the file
  std::vector<TomlNode> elements;   // kArray

  [[nodiscard]] bool IsTable() const { return value.kind == Value::Kind::kTable; }
  [[nodiscard]] bool IsArray() const { return value.kind == Value::Kind::kArray; }
};

struct TomlMember {
  std::string key;
  TomlNode node;
};

// The table of the whole document; `source` is the file's name. nullopt: one problem was added, because
// after a mistake in the syntax nothing that follows can be trusted. Tables nested deeper than any of ours
// come back empty.
std::optional<TomlNode> ReadToml(std::string_view text, const std::string& source, Problems& problems);

}  // namespace preforkd

#endif
