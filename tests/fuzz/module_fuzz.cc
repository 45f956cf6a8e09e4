// Fuzz target: what an event module does with its requests, through the interface of modules. Whatever it
// answers, and in whatever order it calls the server, the client gets one well-formed answer for each
// request: the module's, if HTTP can carry it, else the server's.
//
// An input: byte 0 is the number of pipelined requests, then one byte for each of them chooses which; the
// rest are the steps of the module (Step below).
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <deque>
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
#include "tests/loopback/module/http_module_bed.h"
#include "worker/module/http/host_request.h"

namespace preforkd::testing {
namespace {

constexpr std::array<std::string_view, 8> kRequests = {
    "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD /b HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "GET /d HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "GET /e HTTP/1.0\r\n\r\n",
    "GET /f HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "GET /g HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: fuzz\r\n\r\n",
    "POST /h HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
};

constexpr std::size_t kFileSize = 300;

// What the module has been told about one request, and so what its client must get.
struct Told {
  enum class Phase { kOpen, kStreaming, kDone };
  Phase phase = Phase::kOpen;
  bool to_head = false;
  bool kept = false;
  bool cut_short = false;        // a streamed answer that was not ended
  int status = 500;              // if nothing is said
  std::optional<Fields> fields;  // of the module; nullopt: the answer is the server's
  std::optional<std::string> body;
  std::string type;
  std::string context;
};

std::string FileText() {
  std::string text;
  for (std::size_t i = 0; i < kFileSize; ++i) text += static_cast<char>('a' + i % 23);
  return text;
}

int OpenFile() {
  const int fd = ::memfd_create("file", MFD_CLOEXEC);
  const std::string text = FileText();
  PF_CHECK(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()), "memfd");
  return fd;
}

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

class Script {
 public:
  explicit Script(Input input) : input_(input) {}

  // The server may call handle() for the next request inside a call for the one before: references stay.
  std::deque<Told> told;

  std::string Requests() {
    std::string bytes;
    const std::size_t count = 1 + input_.Byte() % 4;
    for (std::size_t i = 0; i < count; ++i) bytes += kRequests[input_.Byte() % kRequests.size()];
    return bytes;
  }

  // The module's handle().
  void Handle(pfd_request* request) {
    Told& now = told.emplace_back();
    now.to_head = Text(module::HostMethod(request)) == "HEAD";
    if (!Steps(request, now)) Leave(now);
  }

  // What the module does later for the request that it has kept. False: there is none.
  bool Later() {
    if (!kept_) return false;
    const auto [request, now] = *std::exchange(kept_, std::nullopt);
    (void)Steps(request, *now);
    if (now->phase == Told::Phase::kStreaming && input_.Byte() % 8 != 0) {
      now->phase = Told::Phase::kDone;
      PF_CHECK(End(request) == 0, "an answer that cannot be ended");
    }
    Leave(*now);
    Drop(request);
    return true;
  }

 private:
  enum Step { kRespond, kPage, kFile, kBegin, kWrite, kEnd, kTakeOver, kKeep, kReturn, kSteps };

  // True: the request is kept.
  bool Steps(pfd_request* request, Told& now) {
    for (int i = 0; i < 8; ++i) {
      const auto step = static_cast<Step>(input_.Byte() % kSteps);
      if (step == kReturn) return false;
      if (step == kKeep) {
        if (std::exchange(now.kept, true)) return false;
        Keep(request);
        kept_.emplace(request, &now);
        return true;
      }
      Take(request, now, step);
    }
    return false;
  }

  // Nobody answers any more.
  static void Leave(Told& last) {
    if (last.phase == Told::Phase::kStreaming) last.cut_short = true;
    last.phase = Told::Phase::kDone;
  }

  int Status() {
    constexpr std::array<int, 16> kUsual = {200, 200, 200, 204, 205, 206, 301, 304,
                                            404, 500, 503, 100, 101, 199, 600, -1};
    const std::uint8_t byte = input_.Byte();
    return byte < 240 ? kUsual[byte % 16] : byte * 256 + input_.Byte();
  }

  Fields SomeFields() {
    Fields fields(input_.Byte() % 4);
    for (auto& [name, value] : fields) {
      name = input_.Bytes(input_.Byte() % 32);
      value = input_.Bytes(input_.Byte() % 64);
    }
    return fields;
  }

  std::string Body() { return std::string(input_.Bytes(input_.Byte())); }

  void Take(pfd_request* request, Told& now, Step step) {
    switch (step) {
      case kRespond: {
        const int status = Status();
        const Fields fields = SomeFields();
        const std::string body = Body();
        return Answered(now, Respond(request, body, status, fields), status, fields, body);
      }
      case kPage: {
        const int status = Status();
        const Fields fields = SomeFields();
        const std::vector<pfd_field> all = Plain(fields);
        return Answered(now, module::HostRespondPage(request, status, all.data(), all.size()), status, fields,
                        {});
      }
      case kFile: return TakeFile(request, now);
      case kBegin: {
        const int status = Status();
        const Fields fields = SomeFields();
        const bool open = now.phase == Told::Phase::kOpen;
        const int result = Begin(request, status, fields);
        Answered(now, result, status, fields, "");
        if (open && result == 0) now.phase = Told::Phase::kStreaming;
        return;
      }
      case kWrite: {
        const std::string piece = Body();
        const bool streaming = now.phase == Told::Phase::kStreaming;
        const std::int64_t result = Write(request, piece);
        PF_CHECK((result >= 0) == streaming, "a piece that does not fit the state of its answer");
        if (streaming) *now.body += piece;
        return;
      }
      case kEnd: {
        const bool streaming = now.phase == Told::Phase::kStreaming;
        PF_CHECK((End(request) == 0) == streaming, "an end that does not fit the state of its answer");
        if (streaming) now.phase = Told::Phase::kDone;
        return;
      }
      case kTakeOver: {
        const std::string protocol = input_.Byte() % 4 == 0 ? Body() : "fuzz";
        const std::string context = Body();
        const Fields fields = SomeFields();
        if (now.phase == Told::Phase::kOpen) now.context = context;
        const int result = TakeOver(request, protocol, context, fields);
        if (result != -EPROTO || now.phase != Told::Phase::kOpen)
          return Answered(now, result, 101, fields, "");
        now.status = 426;
        now.phase = Told::Phase::kDone;
        return;
      }
      case kKeep:
      case kReturn:
      case kSteps: return;
    }
  }

  void TakeFile(pfd_request* request, Told& now) {
    const int status = Status();
    const Fields fields = SomeFields();
    const std::vector<pfd_field> all = Plain(fields);
    const std::uint64_t offset = input_.Byte() * std::uint64_t{2};
    const std::uint8_t wish = input_.Byte();
    const std::uint64_t size = wish < 200 ? wish : wish < 250 ? UINT64_MAX : UINT64_MAX - wish;
    const int fd = wish == 0 ? -1 : OpenFile();
    std::optional<std::string> body;
    if (offset <= kFileSize) body = FileText().substr(offset, size);
    const bool open = now.phase == Told::Phase::kOpen;
    const int result = module::HostRespondFile(request, status, all.data(), all.size(), fd, offset, size);
    const bool fits = offset <= kFileSize && (size == UINT64_MAX || size <= kFileSize - offset) && fd >= 0;
    if (open) PF_CHECK(fits || result == -EINVAL, "a part of a file that is not there");
    Answered(now, result, status, fields, body);
  }

  static std::vector<pfd_field> Plain(const Fields& fields) {
    std::vector<pfd_field> plain;
    for (const auto& [name, value] : fields) plain.push_back({Str(name), Str(value)});
    return plain;
  }

  // A whole answer, or the head of one.
  static void Answered(Told& now, int result, int status, const Fields& fields,
                       const std::optional<std::string>& body) {
    if (now.phase != Told::Phase::kOpen) {
      PF_CHECK(result == -EALREADY, "a second answer was taken");
      return;
    }
    PF_CHECK(result == 0 || result == -EINVAL, "an answer that is neither taken nor refused");
    now.phase = Told::Phase::kDone;
    if (result != 0) return;
    now.status = status;
    now.body = body;
    now.fields.emplace();
    for (const auto& [name, value] : fields) {
      const std::string lower = Lower(name);
      if (lower == "content-type") {
        now.type = value;
      } else {
        now.fields->emplace_back(lower, value);
      }
    }
  }

  Input input_;
  std::optional<std::pair<pfd_request*, Told*>> kept_;
};

void CheckFields(const StrictAnswer& answer, const Told& told) {
  constexpr std::array<std::string_view, 6> kOfTheServer = {
      "server", "content-length", "transfer-encoding", "connection", "upgrade", "content-type"};
  Fields others;
  for (const auto& field : answer.fields) {
    if (std::find(kOfTheServer.begin(), kOfTheServer.end(), field.first) == kOfTheServer.end())
      others.push_back(field);
  }
  PF_CHECK(others == *told.fields, "other fields than the module's");
}

void CheckAnswer(const StrictAnswer& answer, const Told& told) {
  PF_CHECK(answer.status == told.status, "another status than the module's");
  if (!told.fields) return;
  CheckFields(answer, told);
  const bool bodiless = told.to_head || answer.status == 101 || answer.status == 204 || answer.status == 304;
  if (told.body && !bodiless) PF_CHECK(answer.body == *told.body, "another body than the module's");
  if (!told.type.empty() && answer.status != 101 && answer.status != 204 && answer.status != 304)
    PF_CHECK(answer.Field("content-type") == told.type, "another type than the module's");
}

Script* g_script = nullptr;

class World {
 public:
  World() {
    protocol_.open = [](FakeSession&, pfd_str context) {
      const std::string text = context.data == nullptr ? "" : Text(context);
      PF_CHECK(text == g_script->told.back().context, "a session with another context");
      return true;
    };
    protocol_.bytes = [](FakeSession&, std::string_view bytes) { return bytes.size(); };
    bed_ = std::make_unique<HttpModuleBed>(HttpModuleOptions{.sessions = &protocol_},
                                           [](pfd_request* request) { g_script->Handle(request); });
    auto config = std::make_shared<Config>();
    config->parking.after = Duration(0);  // not parked when the machine is slow
    bed_->http->Env().config = std::move(config);
  }

  void Run(Script& script) {
    g_script = &script;
    HttpBed& http = *bed_->http;
    const auto client = http.Connect();
    http.Exchange(*client, script.Requests());
    while (script.Later()) http.Turn();
    http.Turn();
    client->Read();
    Check(script, *client);
    client->Close();
    http.Turn();
    PF_CHECK(http.Live() == 0, "a connection is left");
    PF_CHECK(protocol_.opened == protocol_.closed, "a session is left");
  }

 private:
  static void Check(const Script& script, const Client& client) {
    std::vector<bool> to_head;
    for (const Told& told : script.told) to_head.push_back(told.to_head);
    if (!script.told.empty() && script.told.back().cut_short) {
      PF_CHECK(client.Ended(), "an answer that was cut short, and the connection goes on");
      return;
    }
    const Received received = StrictAnswers(client.Received(), to_head, false, client.Ended());
    PF_CHECK(received.answers.size() == script.told.size(), "not one answer for each request");
    for (std::size_t i = 0; i < script.told.size(); ++i) CheckAnswer(received.answers[i], script.told[i]);
    PF_CHECK(received.switched.empty(), "bytes that nobody has sent");
  }

  FakeModule protocol_;
  std::unique_ptr<HttpModuleBed> bed_;
};

}  // namespace
}  // namespace preforkd::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace preforkd::testing;
  preforkd::log::SetLevel(preforkd::log::Level::kAlert);
  static World world;
  Script script({data, size});
  world.Run(script);
  return 0;
}
