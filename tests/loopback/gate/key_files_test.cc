// KeyFiles: what is opened, what is refused when it is read, and that a generation keeps what it opened.
#include "common/gate/key_files.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

std::string Text(const SecretBytes& bytes) { return {bytes.begin(), bytes.end()}; }

struct Files {
  Files() {
    for (const char* name : {"chain", "key", "ocsp", "ca"})
      WriteFile(folder.Path(name), std::string("the ") + name);
    config.certificates.push_back({folder.Path("chain"), folder.Path("key"), folder.Path("ocsp")});
    config.client_ca = folder.Path("ca");
  }
  // The error of a configuration whose key is `name`.
  [[nodiscard]] std::string ErrorWithKey(const std::string& name) const {
    TlsConfig other = config;
    other.certificates[0].key = folder.Path(name);
    const Result<KeyMaterial> read = KeyFiles(other).Read();
    return read.Ok() ? "" : read.Err().text;
  }

  TempDirectory folder;
  TlsConfig config;
};

}  // namespace

TEST_CASE("all files are read, as often as wanted, in the order of the configuration") {
  Files files;
  WriteFile(files.folder.Path("chain2"), "");
  files.config.certificates.push_back({files.folder.Path("chain2"), files.folder.Path("key"), ""});
  const KeyFiles opened(files.config);
  CHECK(opened.Count() == 6);
  for (int i = 0; i < 2; ++i) {
    const Result<KeyMaterial> read = opened.Read();
    REQUIRE(read.Ok());
    REQUIRE(read.Value().certificates.size() == 2);
    CHECK(Text(read.Value().certificates[0].chain) == "the chain");
    CHECK(Text(read.Value().certificates[0].key) == "the key");
    CHECK(Text(read.Value().certificates[0].ocsp) == "the ocsp");
    CHECK(read.Value().certificates[1].chain.empty());
    CHECK(read.Value().certificates[1].ocsp.empty());
    CHECK(Text(read.Value().client_ca) == "the ca");
  }
}

TEST_CASE("what is no file is refused by name, and a FIFO stops nobody") {
  const Files files;
  const std::string& folder = files.folder.Path();
  CHECK(files.ErrorWithKey("none").find(folder + "/none") != std::string::npos);
  CHECK(files.ErrorWithKey("none").find("No such file") != std::string::npos);
  REQUIRE(::mkdir(files.folder.Path("folder").c_str(), 0700) == 0);
  CHECK(files.ErrorWithKey("folder") == folder + "/folder: not a file");
  REQUIRE(::mkfifo(files.folder.Path("fifo").c_str(), 0600) == 0);
  CHECK(files.ErrorWithKey("fifo") == folder + "/fifo: not a file");
  WriteFile(files.folder.Path("large"), "");
  REQUIRE(::truncate(files.folder.Path("large").c_str(), (4 << 20) + 1) == 0);
  CHECK(files.ErrorWithKey("large") == folder + "/large: larger than 4 MiB");
  REQUIRE(::truncate(files.folder.Path("large").c_str(), 4 << 20) == 0);
  CHECK(files.ErrorWithKey("large").empty());
}

TEST_CASE("a file that is replaced after it was opened is read as it was") {
  const Files files;
  const KeyFiles opened(files.config);
  WriteFile(files.folder.Path("key"), "another");  // renames
  REQUIRE(::unlink(files.folder.Path("chain").c_str()) == 0);
  const Result<KeyMaterial> read = opened.Read();
  REQUIRE(read.Ok());
  CHECK(Text(read.Value().certificates[0].key) == "the key");
  CHECK(Text(read.Value().certificates[0].chain) == "the chain");
}

}  // namespace preforkd::testing
