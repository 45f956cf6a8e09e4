#include "worker/http/access/password_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "common/files/small_file.h"
#include "common/text/escape.h"
#include "common/text/quote.h"
#include "common/text/utf8.h"
#include "worker/http/access/password_hash.h"

namespace preforkd::http {
namespace {

Result<PasswordEntry> ParseLine(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos)
    return Error{"write a user, a colon and the hash of a password"};
  PasswordEntry entry{std::string(line.substr(0, colon)), {}};
  if (!IsUtf8(entry.user) || std::any_of(entry.user.begin(), entry.user.end(), IsControl))
    return Error{"the user is not a name in UTF-8 without control characters"};
  line.remove_prefix(colon + 1);
  entry.hash = line.substr(0, line.find(':'));
  if (Status status = CheckPasswordHash(entry.hash); !status.Ok())
    return Error{fmt::format("user {}: {}", Quoted(entry.user), status.Err().text)};
  return entry;
}

}  // namespace

Result<PasswordFile> PasswordFile::Parse(std::string_view text, const std::string& name) {
  PasswordFile file;
  for (int number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    Result<PasswordEntry> entry = ParseLine(line);
    if (entry.Ok() && file.Find(entry.Value().user) != nullptr)
      entry = Error{fmt::format("user {} is there twice; remove one line", Quoted(entry.Value().user))};
    if (!entry.Ok()) return Error{fmt::format("{}:{}: {}", Quoted(name), number, entry.Err().text)};
    if (file.entries_.empty()) file.decoy_ = entry.Value().hash;
    std::string user = entry.Value().user;
    file.entries_.emplace(std::move(user), std::move(entry).Value());
  }
  if (!file.entries_.empty()) return file;
  return Error{fmt::format("{} has no user; write a line made by htpasswd -B", Quoted(name))};
}

Result<PasswordFile> PasswordFile::Read(const std::string& path) {
  const Result<std::string> text = ReadSmallFile(path, kMaxBytes);
  if (!text.Ok()) return Error{fmt::format("{}: {}", Quoted(path), text.Err().text), text.Err().errnum};
  return Parse(text.Value(), path);
}

const PasswordEntry* PasswordFile::Find(std::string_view user) const {
  const auto found = entries_.find(user);
  return found == entries_.end() ? nullptr : &found->second;
}

Status CheckPasswordFile(const std::string& path) {
  const Result<PasswordFile> file = PasswordFile::Read(path);
  return file.Ok() ? Status() : file.Err();
}

}  // namespace preforkd::http
