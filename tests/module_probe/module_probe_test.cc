// Modules that are opened in processes that are thrown away: what each one's error says, at once and in the
// loop.
#include "master/modules/module_child.h"

#include <dirent.h>
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "common/event/event_loop.h"
#include "common/process/loaded_objects.h"
#include "master/modules/config_load.h"
#include "master/system/trial_probe.h"
#include "tests/support/command.h"
#include "tests/support/wait_until.h"
#include "worker/module/describe_module.h"
#include "worker/module/module_settings.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string PathOf(const std::string& sample) { return RunfilePath("tests/module_probe/" + sample + ".so"); }

ModuleWanted WantedAt(const std::string& path) {
  auto config = std::make_shared<Config>();
  ServiceConfig service;
  service.name = "s";
  service.type = "module";
  service.settings = Settings(ModuleSettingTable());
  service.settings.Set("path", {0, path});
  config->services = {service};
  return {path, "s", "test", config};
}

ModuleTask TaskFor(const ModuleWanted& wanted) { return OpeningOf(wanted, MakeModuleDescriber()); }

TrialChild Started(const std::string& path) {
  Result<TrialChild> child = StartModule(TaskFor(WantedAt(path)), LogFds{});
  REQUIRE(child.Ok());
  return std::move(child).Value();
}

Result<ModuleDeclaration> Open(const std::string& path, Duration limit = seconds(20)) {
  return DeclarationIn(RunModule(TaskFor(WantedAt(path)), limit, LogFds{}));
}

std::size_t OpenDescriptors() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    count += entry.path().empty() ? 0U : 1U;
  return count;
}

bool HasChildren() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

struct Bad {
  const char* sample;
  std::string says;  // behind the path in quotes
  Duration limit = seconds(20);
};

std::vector<Bad> BadModules() {
  return {
      {"no_symbol", " has no function preforkd_module, so it is not a module"},
      {"newer", " is built for interface 2, this server has 1"},
      {"no_table", " returns NULL from preforkd_module"},
      {"crashes", " crashed with SIGSEGV while it was opened"},
      {"hangs", " did not return within 0.3 s when it was opened", milliseconds(300)},
      {"exits", " ended its process with exit status 3 while it was opened"},
      {"floods", " wrote more than 256 KiB while it was opened"},
  };
}

}  // namespace

TEST_CASE("a good module says what it declares") {
  const Result<ModuleDeclaration> module = Open(PathOf("good"));
  REQUIRE_MESSAGE(module.Ok(), module.Err().text);
  CHECK(module.Value().name == "sample");
  CHECK(module.Value().version == "1.0");
  CHECK(module.Value().kind == ModuleKind::kEvent);
  CHECK(module.Value().client_speaks_first);
  CHECK(module.Value().system_calls == CallSets{CallSet::kNetwork, CallSet::kThreads});
  CHECK(module.Value().counters == std::vector<ModuleCounter>{{"greetings", "greetings given"}});
  REQUIRE(module.Value().settings.size() == 4);
  CHECK(module.Value().settings[0] ==
        Setting{.name = "greeting", .min = "1", .max = "20", .fallback = "hello", .doc = "the first word"});
  CHECK(module.Value().settings[1].fallback == "fast");  // of a choice the first word
  CHECK(module.Value().settings[3].required);
  CHECK_FALSE(HasChildren());
}

TEST_CASE("other kinds") {
  CHECK(Open(PathOf("blocks")).Value().kind == ModuleKind::kBlocking);
  const ModuleDeclaration protocol = Open(PathOf("protocol")).Value();
  CHECK(protocol.kind == ModuleKind::kProtocol);
  CHECK_FALSE(protocol.client_speaks_first);
}

TEST_CASE("a module that cannot be used is refused with the reason that helps") {
  const std::size_t before = OpenDescriptors();
  for (const Bad& bad : BadModules()) {
    CAPTURE(std::string(bad.sample));
    const Result<ModuleDeclaration> module = Open(PathOf(bad.sample), bad.limit);
    REQUIRE_FALSE(module.Ok());
    CAPTURE(module.Err().text);
    CHECK(module.Err().text.starts_with("'"));
    CHECK(module.Err().text.find(".so'" + bad.says) != std::string::npos);
    CHECK_FALSE(HasChildren());
  }
  CHECK(OpenDescriptors() == before);
}

TEST_CASE("a file that is missing, or no library: the loader says so") {
  const Result<ModuleDeclaration> missing = Open("/nowhere/shop.so");
  REQUIRE_FALSE(missing.Ok());
  CHECK(missing.Err().text.find(
            "cannot be opened: /nowhere/shop.so: cannot open shared object file: No such file") !=
        std::string::npos);
  // Without a folder the libraries of the system are not searched.
  CHECK_FALSE(Open("libc.so.6").Ok());
}

TEST_CASE("an answer that is not one is an error") {
  CHECK(Open(PathOf("lies")).Err().text.find("damaged") != std::string::npos);
}

TEST_CASE("a process that cannot become the user of its pool says so") {
  if (::geteuid() != 0) return;  // only root changes its user
  ModuleWanted wanted = WantedAt(PathOf("good"));
  auto config = std::make_shared<Config>(*wanted.config);
  config->pools[0].user = "no-such-user";
  wanted.config = config;
  const Result<ModuleDeclaration> module = DeclarationIn(RunModule(TaskFor(wanted), seconds(20), LogFds{}));
  REQUIRE_FALSE(module.Ok());
  CHECK(module.Err().text.find("cannot be opened as a worker would: user 'no-such-user' does not exist") !=
        std::string::npos);
}

// ---- names for traces ----

TEST_CASE("an address in a library that was opened is named, others are not") {
  std::array<char, 200> into{};
  const auto name = [&](const void* address, bool called, std::size_t room) {
    return std::string(into.data(),
                       NameAddress(reinterpret_cast<std::uintptr_t>(address), called, into.data(), room));
  };
  void* const library = OpenLibrary(PathOf("good"), "/somewhere/shop.so");
  REQUIRE(library != nullptr);
  const auto* const function = static_cast<const char*>(::dlsym(library, "preforkd_module"));
  REQUIRE(function != nullptr);
  CHECK(name(function, false, into.size()).starts_with("preforkd_module+0x0 (shop.so+0x"));
  CHECK(name(function + 2, true, into.size()).starts_with("preforkd_module+0x2 (shop.so+0x"));
  // Behind a call that is the last thing of the function before.
  CHECK_FALSE(name(function, true, into.size()).starts_with("preforkd_module+"));
  CHECK(name(function, false, 12) == "preforkd_mod");
  CHECK(name(reinterpret_cast<const void*>(&::dlsym), false, into.size()).empty());
  CHECK(name(nullptr, true, into.size()).empty());
  CHECK(OpenLibrary("/no/such/file.so", "x") == nullptr);
}

// ---- in the loop ----

TEST_CASE("the loop goes on while a module is opened, and hears how it went") {
  Result<EventLoop> loop = EventLoop::Create();
  REQUIRE(loop.Ok());
  for (const Bad& bad : BadModules()) {
    CAPTURE(std::string(bad.sample));
    std::optional<Result<ModuleDeclaration>> answer;
    Result<std::unique_ptr<TrialProbe>> probe =
        TrialProbe::Start(loop.Value(), Started(PathOf(bad.sample)), bad.limit, [&](const TrialEnd& end) {
          answer = DeclarationIn(JudgeModule(TaskFor(WantedAt(PathOf(bad.sample))), end, bad.limit));
        });
    REQUIRE(probe.Ok());
    Timer tick(loop.Value(), EventLoop::kPriorityControl, [] {});
    REQUIRE(WaitUntil(kTimeout, [&] {
      tick.SetAfter(milliseconds(5));
      REQUIRE(loop.Value().RunOnce().Ok());
      return answer.has_value();
    }));
    REQUIRE_FALSE(answer->Ok());
    CHECK(answer->Err().text.find(bad.says) != std::string::npos);
    CHECK_FALSE(HasChildren());
  }
}

TEST_CASE("a probe that is dropped leaves no process and no descriptor") {
  const std::size_t before = OpenDescriptors();
  {
    Result<EventLoop> loop = EventLoop::Create();
    REQUIRE(loop.Ok());
    Result<std::unique_ptr<TrialProbe>> probe = TrialProbe::Start(
        loop.Value(), Started(PathOf("hangs")), seconds(20), [](const TrialEnd&) { FAIL("it was dropped"); });
    REQUIRE(probe.Ok());
  }
  CHECK_FALSE(HasChildren());
  CHECK(OpenDescriptors() == before);
}

// ---- whole configurations ----

namespace {

ConfigInputs InputsOf(const std::string& file, const std::string& more) {
  ConfigInputs inputs;
  inputs.file = "c.toml";
  inputs.text = fmt::format(
      "[[listen]]\naddress = \"127.0.0.1:0\"\nservice = \"s\"\n[service.s]\ntype = \"module\"\npath = "
      "\"{}\"\n{}",
      file, more);
  inputs.service_types = {{"module", ModuleSettingTable(), true}};
  return inputs;
}

Program Describing() {
  Program program;
  program.describe_module = MakeModuleDescriber();
  return program;
}

}  // namespace

TEST_CASE("a configuration is read with what its modules declare") {
  const Program program = Describing();
  const ConfigOutcome good = LoadConfigWithModules(InputsOf(PathOf("good"), "token = \"x\"\n"), program);
  REQUIRE(good.config != nullptr);
  CHECK(good.config->services[0].settings.Text("greeting") == "hello");
  CHECK(good.config->services[0].module->name == "sample");
  const auto problem = [&](const char* sample, const char* more) {
    const ConfigOutcome outcome =
        LoadConfigWithModules(InputsOf(PathOf(sample), more), program, milliseconds(300));
    CHECK(outcome.config == nullptr);
    CHECK(outcome.modules_wanted.empty());
    REQUIRE(outcome.problems.size() == 1);
    return outcome.problems[0].Text();
  };
  CHECK(problem("good", "tokn = \"x\"\ntoken = \"x\"\n") ==
        "c.toml:7:1: unknown key 'service.s.tokn'; did you mean 'service.s.token'?");
  CHECK(problem("hangs", "").starts_with("c.toml:6:1: service.s.path: '"));
  CHECK(problem("takes_a_name", "")
            .find("declares a setting 'threads' that cannot be used: the name is taken") !=
        std::string::npos);
  CHECK(problem("bad_setting", "").find("declares a setting 'size' that cannot be used: the default: ") !=
        std::string::npos);
}

TEST_CASE("the same in the loop") {
  Result<EventLoop> loop = EventLoop::Create();
  REQUIRE(loop.Ok());
  const Program program = Describing();
  std::optional<ConfigOutcome> outcome;
  std::unique_ptr<ConfigLoad> load;
  const auto run = [&](const ConfigInputs& inputs) {
    outcome.reset();
    load = std::make_unique<ConfigLoad>(loop.Value(), program, LogFds{}, inputs, [&](ConfigOutcome read) {
      outcome = std::move(read);
      load.reset();
    });
    load->Run();
  };
  run(InputsOf(PathOf("good"), "token = \"x\"\n"));
  CHECK_FALSE(outcome.has_value());
  REQUIRE(WaitUntil(kTimeout, [&] { return loop.Value().RunOnce().Ok() && outcome.has_value(); }));
  CHECK(outcome->config != nullptr);
  // Without a module there is nothing to wait for.
  ConfigInputs plain;
  plain.file = "c.toml";
  plain.text = "[[listen]]\naddress = \":0\"\nservice = \"s\"\n[service.s]\ntype = \"echo\"\n";
  plain.service_types = {{"echo", {}, false}};
  run(plain);
  REQUIRE(outcome.has_value());
  CHECK(outcome->config != nullptr);
  run(InputsOf(PathOf("hangs"), ""));
  load.reset();
  CHECK_FALSE(outcome.has_value());
  CHECK_FALSE(HasChildren());
}

}  // namespace preforkd::testing
