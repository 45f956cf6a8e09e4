// Fuzz target: what a request for a file says beside its name: ranges, conditions, lists of what it accepts.
// Every answer is well-formed, a part is the part that its Content-Range names, and HEAD is answered as GET.
//
// An input: byte 0 chooses the file; the rest are lines of fields.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/log.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/strict_answers.h"
#include "tests/loopback/http/http_bed.h"
#include "tests/support/temp_directory.h"
#include "worker/services/http_service_type.h"

namespace preforkd::testing {
namespace {

constexpr std::time_t kFileTime = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT

// The files, and what is in them. One is longer than what is copied into the buffer of the answer.
const std::map<std::string, std::size_t>& Sizes() {
  static const std::map<std::string, std::size_t> sizes = {
      {"big", 40'000}, {"empty", 0}, {"one", 1}, {"thousand", 1000}, {"thousand.gz", 300}};
  return sizes;
}

std::string Content(const std::string& name) {
  std::string content;
  for (std::size_t i = 0; i < Sizes().at(name); ++i)
    content += static_cast<char>('a' + (i * 7 + i / 26 + name.size()) % 26);
  return content;
}

class Folder {
 public:
  Folder() {
    for (const auto& [name, size] : Sizes()) {
      const std::string path = folder_.Path(name);
      std::ofstream(path, std::ios::binary) << Content(name);
      const timespec times[] = {{kFileTime, 0}, {kFileTime, 0}};
      PF_CHECK(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0, "the fuzzer cannot make its files");
    }
    bed_ = std::make_unique<HttpBed>(std::map<std::string, std::string>{{"root", folder_.Path("")}},
                                     HttpServiceType());
    auto config = std::make_shared<Config>();
    config->parking.after = Duration(0);  // not parked when the machine is slow
    bed_->Env().config = std::move(config);
  }

  // The answer; nullopt: the request is not complete.
  std::optional<StrictAnswer> Ask(std::string_view method, const std::string& name,
                                  const std::string& lines) {
    const auto client = bed_->Connect();
    bed_->Exchange(*client, std::string(method) + " /" + name + " HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n");
    const bool to_head = method == "HEAD";
    const Received received = StrictAnswers(client->Received(), {to_head}, false, client->Ended());
    PF_CHECK(received.answers.size() <= 1, "more than one answer to a request");
    client->Close();
    bed_->Turn();
    PF_CHECK(bed_->Live() == 0, "a connection is left");
    if (received.answers.empty()) return std::nullopt;
    return received.answers[0];
  }

 private:
  TempDirectory folder_;
  std::unique_ptr<HttpBed> bed_;
};

bool Has(const std::string& lines, std::string_view name) {
  std::string lower;
  for (const char c : lines) lower += http::ToLower(c);
  return lower.find(std::string(name) + ":") != std::string::npos;
}

struct Part {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

std::uint64_t TakeNumber(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  PF_CHECK(error == std::errc(), "not a number in Content-Range");
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

void TakeText(std::string_view& text, std::string_view wanted, const char* why) {
  PF_CHECK(text.starts_with(wanted), why);
  text.remove_prefix(wanted.size());
}

Part ReadContentRange(std::string_view value, std::size_t size) {
  Part part;
  TakeText(value, "bytes ", "a Content-Range of no bytes");
  part.first = TakeNumber(value);
  TakeText(value, "-", "a Content-Range without an end");
  part.last = TakeNumber(value);
  TakeText(value, "/" + std::to_string(size), "a Content-Range of another size");
  PF_CHECK(value.empty() && part.first <= part.last && part.last < size, "a part outside of its file");
  return part;
}

std::string_view PartOf(std::string_view content, const Part& part) {
  return content.substr(part.first, part.last - part.first + 1);
}

// RFC 9110 section 14.6: each part with its own Content-Range.
void CheckParts(const StrictAnswer& answer, std::string_view content) {
  const std::string whole_type = answer.Field("content-type");
  std::string_view type = whole_type;
  TakeText(type, "multipart/byteranges; boundary=", "several parts without a boundary");
  const std::string line = "--" + std::string(type);
  std::string_view rest = answer.body;
  if (rest.starts_with("\r\n")) rest.remove_prefix(2);
  for (int parts = 0;; ++parts) {
    TakeText(rest, line, "a part does not end where its Content-Range says");
    if (rest.starts_with("--")) {
      PF_CHECK(parts > 0 && (rest == "--\r\n" || rest == "--"), "more behind the last part");
      return;
    }
    TakeText(rest, "\r\n", "a boundary with more in its line");
    std::optional<Part> part;
    for (;;) {
      const std::size_t end = rest.find("\r\n");
      PF_CHECK(end != std::string_view::npos, "a part without an end of its head");
      const std::string_view field = rest.substr(0, end);
      rest.remove_prefix(end + 2);
      if (field.empty()) break;
      if (field.starts_with("Content-Range: ")) part = ReadContentRange(field.substr(15), content.size());
    }
    PF_CHECK(part.has_value(), "a part without Content-Range");
    TakeText(rest, PartOf(content, *part), "a part with other bytes than its Content-Range says");
    TakeText(rest, "\r\n", "a part is longer than its Content-Range says");
  }
}

// What an answer to GET holds.
void CheckContent(const StrictAnswer& answer, const std::string& name) {
  const std::string encoding = answer.Field("content-encoding");
  PF_CHECK(encoding.empty() || encoding == "gzip", "an encoding of which there is no file");
  const std::string content = Content(encoding.empty() ? name : name + ".gz");
  if (answer.status == 200) {
    PF_CHECK(answer.body == content, "not the whole file");
  } else if (answer.status == 206 && !answer.Field("content-range").empty()) {
    const Part part = ReadContentRange(answer.Field("content-range"), content.size());
    PF_CHECK(answer.body == PartOf(content, part), "other bytes than Content-Range says");
  } else if (answer.status == 206) {
    CheckParts(answer, content);
  } else if (answer.status == 416) {
    PF_CHECK(answer.Field("content-range") == "bytes */" + std::to_string(content.size()),
             "416 without a size");
  }
}

void CheckStatus(int status, const std::string& lines) {
  switch (status) {
    case 200:
    // Of the protocol.
    case 400:
    case 413:
    case 417:
    case 431:
    case 501: break;
    case 206:
    case 416: PF_CHECK(Has(lines, "range"), "a part that nobody has asked for"); break;
    case 304:
      PF_CHECK(Has(lines, "if-none-match") || Has(lines, "if-modified-since"), "304 without a condition");
      break;
    case 412:
      PF_CHECK(Has(lines, "if-match") || Has(lines, "if-unmodified-since"), "412 without a condition");
      break;
    default: PF_CHECK(false, "a status that no request for a file has");
  }
}

void Run(Input input) {
  static Folder folder;
  constexpr std::string_view kNames[] = {"thousand", "one", "empty", "big"};
  const std::string name(kNames[input.Byte() % 4]);
  std::string lines;
  for (std::string_view rest = input.Rest(); !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (!line.empty()) lines.append(line).append("\r\n");
  }
  const std::optional<StrictAnswer> got = folder.Ask("GET", name, lines);
  if (!got) return;
  CheckStatus(got->status, lines);
  CheckContent(*got, name);
  const std::optional<StrictAnswer> head = folder.Ask("HEAD", name, lines);
  PF_CHECK(head.has_value(), "HEAD is not answered");
  if (Has(lines, "range")) return;  // it has a meaning for GET only
  StrictAnswer same = *got;
  same.body.clear();
  PF_CHECK(*head == same, "HEAD is answered in another way than GET");
}

}  // namespace
}  // namespace preforkd::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  preforkd::log::SetLevel(preforkd::log::Level::kAlert);
  preforkd::testing::Run({data, size});
  return 0;
}
