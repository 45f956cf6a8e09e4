// Configuration files for tests: written into TEST_TMPDIR, removed when the test is done with them.
#ifndef PREFORKD_TESTS_UNIT_CONFIG_FILES_H_
#define PREFORKD_TESTS_UNIT_CONFIG_FILES_H_

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/config_loader.h"

namespace preforkd::testing {

// Where this test may write.
inline std::string TestFolder() {
  const char* folder = std::getenv("TEST_TMPDIR");
  return folder != nullptr ? folder : std::filesystem::temp_directory_path().string();
}

class TempFile {
 public:
  explicit TempFile(std::string_view text, const std::string& name = "preforkd.toml")
      : path_(TestFolder() + "/" + name) {
    std::ofstream out(path_, std::ios::binary | std::ios::trunc);
    out << text;
    out.close();
    REQUIRE(out.good());
  }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  ~TempFile() { std::filesystem::remove(path_); }

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Types such as a program has, with settings of every kind.
inline std::vector<ServiceDeclaration> TestTypes() {
  using Kind = SettingKind;
  return {
      {"http",
       {{.name = "root", .kind = Kind::kFolder, .doc = "a folder"},
        {.name = "index", .min = "1", .max = "4095", .fallback = "index.html", .doc = "a file"},
        {.name = "header_timeout",
         .kind = Kind::kDuration,
         .min = "10ms",
         .max = "1h",
         .fallback = "10s",
         .doc = "a time"},
        {.name = "max_header",
         .kind = Kind::kSize,
         .min = "128",
         .max = "1MiB",
         .fallback = "16KiB",
         .doc = "a size"},
        {.name = "max_body",
         .kind = Kind::kSize,
         .min = "0",
         .max = "16TiB",
         .fallback = "1MiB",
         .doc = "a size"},
        {.name = "max_headers",
         .kind = Kind::kNumber,
         .min = "1",
         .max = "10000",
         .fallback = "100",
         .doc = "a number"}},
       true},
      {"echo",
       {{.name = "idle_timeout",
         .kind = Kind::kDuration,
         .min = "0",
         .max = "24h",
         .fallback = "10m",
         .doc = "a time"}}},
      {"status"},
      {"shop",
       {{.name = "path",
         .kind = Kind::kPath,
         .min = "1",
         .max = "4095",
         .doc = "of a library",
         .required = true},
        {.name = "motto", .doc = "a text"},
        {.name = "speed",
         .kind = Kind::kNumber,
         .min = "1",
         .max = "9",
         .fallback = "auto",
         .doc = "a number",
         .or_auto = true},
        {.name = "open", .kind = Kind::kFlag, .fallback = "true", .doc = "a flag"},
        {.name = "mode",
         .kind = Kind::kChoice,
         .fallback = "fast",
         .doc = "a choice",
         .words = {"fast", "cheap", "good"}},
        {.name = "wants", .kind = Kind::kChoices, .doc = "choices", .words = {"red", "green", "blue"}},
        {.name = "names",
         .kind = Kind::kTexts,
         .min = "2",
         .max = "9",
         .fallback = "one, two\\, too",
         .doc = "texts"}}},
  };
}

inline ConfigInputs InputsFor(const std::string& file) {
  ConfigInputs inputs;
  inputs.file = file;
  inputs.service_types = TestTypes();
  inputs.default_type = "http";
  return inputs;
}

inline ConfigOutcome LoadText(std::string_view text) {
  const TempFile file(text);
  return LoadConfig(InputsFor(file.path()));
}

// All problems, one a line.
inline std::string ProblemText(const ConfigOutcome& outcome) {
  std::string text;
  for (const ConfigProblem& problem : outcome.problems) text += problem.Text() + "\n";
  return text;
}

// The configuration, which must be there.
inline Config Loaded(const ConfigOutcome& outcome) {
  REQUIRE_MESSAGE(outcome.config != nullptr, ProblemText(outcome));
  REQUIRE(outcome.problems.empty());
  return *outcome.config;
}

// Exactly one problem, at `where`, that contains `text`.
inline void CheckOnlyProblem(const ConfigOutcome& outcome, const std::string& where,
                             const std::string& text) {
  CAPTURE(ProblemText(outcome));
  CHECK(outcome.config == nullptr);
  REQUIRE(outcome.problems.size() == 1);
  CHECK(outcome.problems[0].where == where);
  CHECK(outcome.problems[0].text.find(text) != std::string::npos);
}

// The minimum of a complete file.
inline constexpr const char* kMinimal =
    "[[listen]]\naddress = \"127.0.0.1:0\"\nservice = \"s\"\n[service.s]\ntype = \"http\"\n";

}  // namespace preforkd::testing

#endif
