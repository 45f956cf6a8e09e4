// coding_setting: the codings that a setting names.
#ifndef PREFORKD_WORKER_HTTP_CODING_CODING_SETTING_H_
#define PREFORKD_WORKER_HTTP_CODING_CODING_SETTING_H_

#include <algorithm>
#include <string_view>

#include "common/config/setting.h"
#include "worker/http/coding/accept_encoding.h"

namespace preforkd::http {

// Precondition: the setting is of kind kChoices, and its words are names of codings.
inline CodingSet CodingsIn(const Settings& settings, std::string_view name) {
  CodingSet set;
  const std::vector<std::string>& words = settings.Find(name)->setting.words;
  for (const Coding coding : {Coding::kBrotli, Coding::kZstd, Coding::kGzip}) {
    const std::string_view word = CodingName(coding);
    if (std::find(words.begin(), words.end(), word) != words.end() && settings.Has(name, word))
      set.Add(coding);
  }
  return set;
}

}  // namespace preforkd::http

#endif
