// Which media types are compressed, and the settings that say so.
#include "worker/http/coding/compress_rules.h"

#include <doctest/doctest.h>

namespace preforkd::testing {
namespace {

TEST_CASE("types that are compressed by default") {
  const CompressRules rules;
  CHECK(rules.codings.Empty());
  CHECK(rules.min_size == 1024);
  for (const char* type : {"text/html", "text/html; charset=utf-8", "Text/CSS", "application/json",
                           "application/ld+json", "application/atom+xml ;x=1", "image/svg+xml"}) {
    CAPTURE(type);
    CHECK(rules.Covers(type));
  }
  for (const char* type : {"", "text", "image/png", "application/zip", "application/jsonl2", "xtext/html",
                           "application/octet-stream", "video/mp4", "application/+jso"}) {
    CAPTURE(type);
    CHECK_FALSE(rules.Covers(type));
  }
}

TEST_CASE("patterns") {
  CompressRules rules;
  rules.types = {"a/b*b", "c/*", "d/e"};
  CHECK(rules.Covers("a/bb"));
  CHECK(rules.Covers("a/bxb"));
  CHECK_FALSE(rules.Covers("a/b"));  // the two halves may not overlap
  CHECK(rules.Covers("c/"));
  CHECK(rules.Covers("D/E"));
  CHECK_FALSE(rules.Covers("d/ee"));
}

TEST_CASE("a pattern that is none is refused") {
  for (const Setting& setting : CompressSettingTable()) {
    if (setting.name != "compress_types") continue;
    CHECK(setting.check("text/*").Ok());
    CHECK_FALSE(setting.check("text").Ok());
    CHECK_FALSE(setting.check("*/*").Ok());
  }
}

}  // namespace
}  // namespace preforkd::testing
