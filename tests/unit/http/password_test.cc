// Hashes of passwords, and files of them.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/unit/config_files.h"
#include "worker/http/access/password_file.h"
#include "worker/http/access/password_hash.h"

namespace preforkd::http::testing {
namespace {

using preforkd::testing::TempFile;
using preforkd::testing::TestFolder;

// Of "secret", made by libxcrypt.
constexpr const char* kBcrypt = "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
const std::vector<std::string> kHashes = {
    kBcrypt,
    "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
    "$y$j75$abcdefghijklmnop$vZlXu1XtxOBWRxjOpQqONp1WYfMO0dN.H4xeSMU2ZvC",
    "$y$j9T$abcdefghijklmnop$3dL1LkYnZM.OVXuVdnnaKVDlLYT92dRwOzDZ5XiVCe.",
    "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.",
    "$6$rounds=1000$abcdefgh$nhYjN017qxiYztzyUpZtPnUQcnLy62KsunSLHNeLahp2EHPlAKmFFlrjEwSXGo2kgY5hR2."
    "peKEg2VGUqIJJu1",
    "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.",
};
// Of "gr\u00fc\u00df" in UTF-8.
constexpr const char* kUmlauts = "$2y$04$abcdefghijklmnopqrstuumRc74gqYFUERjvXKmveuw.9JxTA5CKu";

TEST_CASE("every kind is accepted, and only the right password fits") {
  for (const std::string& hash : kHashes) {
    CAPTURE(hash);
    REQUIRE(CheckPasswordHash(hash).Ok());
    CHECK(IsPasswordOf("secret", hash));
    for (const std::string& wrong :
         {std::string("secreT"), std::string(), std::string("secret "), std::string("secre"),
          std::string("secret\0x", 8), std::string(512, 's'), std::string(511, 's')}) {
      CHECK_FALSE(IsPasswordOf(wrong, hash));
    }
  }
  CHECK(IsPasswordOf("gr\xc3\xbc\xc3\x9f", kUmlauts));
  CHECK_FALSE(IsPasswordOf("gr\xfc\xdf", kUmlauts));
}

TEST_CASE("a damaged hash is not accepted, whatever is missing") {
  for (const std::string& hash : kHashes) {
    for (std::size_t size = 0; size < hash.size(); ++size) {
      CAPTURE(hash.substr(0, size));
      CHECK_FALSE(CheckPasswordHash(hash.substr(0, size)).Ok());
    }
    for (const char* more : {"x", "$", " ", ":", "\n"}) {
      CAPTURE(hash + more);
      CHECK_FALSE(CheckPasswordHash(hash + more).Ok());
    }
  }
}

TEST_CASE("what is too weak, or would take too long, is named as that") {
  struct Row {
    std::string hash;
    const char* says;
  };
  const std::string bcrypt = kBcrypt;
  for (const Row& row : std::vector<Row>{
           {"$apr1$abcdefgh$UPFwP/.YFGdYHlZQ1hbR20",
            "it is an MD5 hash, which is too weak; write a line made by "},
           {"$1$abcdefgh$irWbblnpmw.5z7wgBnprh0", "it is an MD5 hash"},
           {"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "it is a SHA-1 hash"},
           {"secret", "it is not a hash of bcrypt, yescrypt or crypt with SHA-512 or SHA-256"},
           {"", "it is not a hash"},
           {"abJnggxhB/yWI", "it is not a hash"},
           {"$2a$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", "it is not a hash"},
           {"$2y$03" + bcrypt.substr(6), "not whole"},
           {"$2y$15" + bcrypt.substr(6), "has a cost above 14"},
           {"$2y$31" + bcrypt.substr(6), "has a cost above 14"},
           {"$2y$0x" + bcrypt.substr(6), "not whole"},
           {"$y$jDT" + kHashes[3].substr(6), "needs more than 128 MiB"},
           {"$y$kDT" + kHashes[3].substr(6), "parameters that mkpasswd does not make"},
           {"$6$rounds=2000001" + kHashes[5].substr(14), "has above 2000000 rounds"},
           {"$6$rounds=999" + kHashes[5].substr(14), "not whole"},
           {"$6$rounds=" + kHashes[5].substr(14), "not whole"},
       }) {
    CAPTURE(row.hash);
    const Status status = CheckPasswordHash(row.hash);
    REQUIRE_FALSE(status.Ok());
    CAPTURE(status.Err().text);
    CHECK(status.Err().text.find(row.says) != std::string::npos);
    // A hash is a secret.
    if (row.hash.size() > 6) CHECK(status.Err().text.find(row.hash.substr(6)) == std::string::npos);
  }
}

std::string ProblemOf(const std::string& text) {
  const Result<PasswordFile> file = PasswordFile::Parse(text, "users");
  return file.Ok() ? "" : file.Err().text;
}

TEST_CASE("a file has users, comments and empty lines") {
  const Result<PasswordFile> file = PasswordFile::Parse(
      "# users\r\n\r\n\nann:" + kHashes[0] + ":her comment\r\nb o b:" + kHashes[6], "users");
  REQUIRE(file.Ok());
  REQUIRE(file.Value().Find("ann") != nullptr);
  CHECK(file.Value().Find("ann")->hash == kHashes[0]);
  CHECK(file.Value().Find("ann")->user == "ann");
  REQUIRE(file.Value().Find("b o b") != nullptr);
  CHECK(file.Value().Find("b o b")->hash == kHashes[6]);
  CHECK(file.Value().Find("Ann") == nullptr);
  CHECK(file.Value().Find("") == nullptr);
  CHECK(file.Value().Decoy() == kHashes[0]);
}

TEST_CASE("a wrong line is an error with the name of the file and the line") {
  const std::string good = "ann:" + kHashes[0] + "\n";
  CHECK(
      ProblemOf(good + "bob:$apr1$abcdefgh$UPFwP/.YFGdYHlZQ1hbR20\n")
          .starts_with("'users':2: user 'bob': it is an MD5 hash, which is too weak; write a line made by "));
  CHECK(ProblemOf(good + "# x\nbob\n") == "'users':3: write a user, a colon and the hash of a password");
  CHECK(ProblemOf(":" + kHashes[0]) == "'users':1: write a user, a colon and the hash of a password");
  CHECK(ProblemOf(good + good) == "'users':2: user 'ann' is there twice; remove one line");
  CHECK(ProblemOf("a\tb:" + kHashes[0]).find("without control characters") != std::string::npos);
  CHECK(ProblemOf("a\xff:" + kHashes[0]).find("in UTF-8") != std::string::npos);
  CHECK(ProblemOf("bob:secret").find("secret'") == std::string::npos);
  CHECK(ProblemOf("") == "'users' has no user; write a line made by htpasswd -B");
  CHECK(ProblemOf("# nobody\n") == "'users' has no user; write a line made by htpasswd -B");
}

TEST_CASE("a file on disk: too large, missing, or none") {
  const TempFile good("ann:" + kHashes[0] + "\n", "users");
  CHECK(CheckPasswordFile(good.path()).Ok());
  const TempFile large(std::string(PasswordFile::kMaxBytes + 1, '#'), "large");
  CHECK(CheckPasswordFile(large.path()).Err().text.find("is larger than 1048576 bytes") != std::string::npos);
  const TempFile full(std::string(PasswordFile::kMaxBytes, '#'), "full");
  CHECK(CheckPasswordFile(full.path()).Err().text.find("has no user") != std::string::npos);
  CHECK(CheckPasswordFile(TestFolder() + "/none").Err().text.find("No such file") != std::string::npos);
  CHECK(CheckPasswordFile(TestFolder()).Err().text.find("is not a regular file") != std::string::npos);
  CHECK(CheckPasswordFile("/dev/zero").Err().text.find("is not a regular file") != std::string::npos);
}

}  // namespace
}  // namespace preforkd::http::testing
