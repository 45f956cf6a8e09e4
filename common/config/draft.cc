#include "common/config/draft.h"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>

namespace preforkd {

std::string Origin::Text() const {
  return line == 0 ? source : fmt::format("{}:{}:{}", source, line, column);
}

void Problems::AddText(const Origin& origin, std::string text) {
  std::pair problem(origin, std::move(text));
  if (Full()) {
    ++more_;
  } else if (std::find(found_.begin(), found_.end(), problem) == found_.end()) {
    found_.push_back(std::move(problem));
  }
}

std::vector<ConfigProblem> Problems::Sorted() const {
  const auto place = [](const auto& problem) {
    const Origin& origin = problem.first;
    return std::tuple(origin.line == 0, origin.line, origin.column);
  };
  auto sorted = found_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const auto& a, const auto& b) { return place(a) < place(b); });
  std::vector<ConfigProblem> problems;
  for (const auto& [origin, text] : sorted) problems.push_back({origin.Text(), text});
  if (more_ > 0) problems.push_back({found_.back().first.source, fmt::format("and {} more problems", more_)});
  return problems;
}

void DraftSection::Write(const std::string& key, Written value, const Origin& at, Strength strength) {
  entries.push_back({key, path + key, std::move(value), at, strength});
}

const Entry* DraftSection::Find(std::string_view key) const {
  const auto found =
      std::find_if(entries.rbegin(), entries.rend(), [&](const Entry& entry) { return entry.key == key; });
  return found == entries.rend() ? nullptr : &*found;
}

bool DraftSection::IsSound(std::string_view key) const {
  return std::all_of(entries.begin(), entries.end(),
                     [&](const Entry& entry) { return entry.key != key || entry.usable; });
}

const Origin& DraftSection::OriginOf(std::string_view key) const {
  const Entry* entry = Find(key);
  return entry != nullptr ? entry->origin : origin;
}

std::string DraftSection::PathOf(std::string_view key) const {
  const Entry* entry = Find(key);
  return entry != nullptr ? entry->path : fmt::format("{}{}", path, key);
}

bool DraftSection::HasTable(std::string_view table) const {
  return std::any_of(tables.begin(), tables.end(),
                     [&](const DraftSection& each) { return each.name == table; });
}

bool DraftSection::IsSound() const {
  return std::all_of(entries.begin(), entries.end(), [](const Entry& entry) { return entry.usable; }) &&
         std::all_of(tables.begin(), tables.end(), [](const DraftSection& each) { return each.IsSound(); });
}

DraftSection* NamedSections::Find(std::string_view name) {
  const auto found = std::find_if(sections.begin(), sections.end(),
                                  [&](const DraftSection& each) { return each.name == name; });
  return found == sections.end() ? nullptr : &*found;
}

DraftSection& NamedSections::Add(const std::string& name, const Origin& origin) {
  return sections.emplace_back(DraftSection{fmt::format("{}.{}.", word, name), name, origin});
}

std::vector<std::string> NamedSections::Names() const {
  std::vector<std::string> names;
  for (const DraftSection& section : sections) names.push_back(section.name);
  return names;
}

void Draft::AddListener(const std::string& address, const std::string& service, const Origin& origin) {
  DraftSection& listener = listen.emplace_back(DraftSection{"listen.", {}, origin});
  listener.Write("address", {Written::Kind::kWord, address}, origin, Strength::kDefault);
  listener.Write("service", {Written::Kind::kWord, service}, origin, Strength::kDefault);
}

const ServiceDeclaration* Draft::FindType(std::string_view type) const {
  const auto found = std::find_if(types->begin(), types->end(),
                                  [&](const ServiceDeclaration& each) { return each.type == type; });
  return found == types->end() ? nullptr : &*found;
}

}  // namespace preforkd
