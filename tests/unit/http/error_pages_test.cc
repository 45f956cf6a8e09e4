// The pages of a site for errors: which file is for which status, and which answers get them.
#include "worker/http/answer/error_pages.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "common/config/setting_value.h"
#include "tests/unit/config_files.h"
#include "worker/http/answer/error_page.h"

namespace preforkd::http::testing {
namespace {

using Files = std::vector<std::pair<std::string, std::string>>;

// A folder with files, removed at the end.
class Folder {
 public:
  explicit Folder(const Files& files) {
    std::filesystem::create_directory(path_);
    for (const auto& [name, text] : files) std::ofstream(path_ + "/" + name, std::ios::binary) << text;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& Path() const { return path_; }

 private:
  std::string path_ = preforkd::testing::TestFolder() + "/errors";
};

Result<ErrorPages> Made(const std::string& folder, const std::string& whose = "server") {
  Settings settings(ErrorPageSettingTable());
  settings.Set("error_pages", {0, folder});
  settings.Set("error_pages_for",
               ReadValue(settings.Find("error_pages_for")->setting, {Written::Kind::kWord, whose}).Value());
  return ErrorPages::Make(settings);
}

std::string BodyFor(const ErrorPages& pages, int status) {
  const ErrorPages::Page* page = pages.Find(status);
  return page == nullptr ? "none" : page->body;
}

TEST_CASE("the declaration can be used, and says none by default") {
  CHECK(CheckSettings(ErrorPageSettingTable(), {}).Ok());
  CHECK(ErrorPages::Make(Settings(ErrorPageSettingTable())).Value() == ErrorPages());
  CHECK(ErrorPages().Empty());
  CHECK(ErrorPages().Find(404) == nullptr);
}

TEST_CASE("a page of the status, then one of its class; other files are of no matter") {
  const Folder folder(Files{{"404.html", "not found"},
                            {"4xx.txt", "client"},
                            {"503.json", "{}"},
                            {"logo.png", "x"},
                            {"README", "x"},
                            {".404.html.swp", "x"}});
  const ErrorPages pages = Made(folder.Path()).Value();
  CHECK_FALSE(pages.Empty());
  CHECK(BodyFor(pages, 404) == "not found");
  CHECK(BodyFor(pages, 403) == "client");
  CHECK(BodyFor(pages, 503) == "{}");
  for (const int status : {200, 204, 301, 304, 500}) CHECK(BodyFor(pages, status) == "none");
  CHECK(pages.Find(404)->type == "text/html; charset=utf-8");
  CHECK(pages.Find(400)->type == "text/plain; charset=utf-8");
  CHECK(pages.Find(503)->type == "application/json");
}

TEST_CASE("a folder that cannot be used") {
  struct Row {
    Files files;
    const char* says;
  };
  for (const Row& row : std::vector<Row>{
           {{}, " has no error page; write one such as 404.html or 5xx.html"},
           {{{"a.html", "x"}}, "has no error page"},
           {{{"404", "x"}}, "'404' is not the name of an error page; write a status or a class"},
           {{{"404.php", "x"}}, "is not the name of an error page"},
           {{{"404.html.bak", "x"}}, "is not the name of an error page"},
           {{{"40x.html", "x"}}, "is not the name of an error page"},
           {{{"200.html", "x"}}, "is not the name of an error page"},
           {{{"600.html", "x"}}, "is not the name of an error page"},
           {{{"4040.html", "x"}}, "is not the name of an error page"},
           {{{"404.html", ""}}, "'404.html' is empty"},
           {{{"404.html", "x"}, {"404.txt", "x"}}, "'404.txt' is a second page for that status"},
           {{{"404.html", std::string(ErrorPages::kMaxPage + 1, 'x')}},
            "'404.html' is larger than 65536 bytes"},
       }) {
    const Folder folder(row.files);
    const Result<ErrorPages> pages = Made(folder.Path());
    REQUIRE_FALSE(pages.Ok());
    CAPTURE(pages.Err().text);
    CHECK(pages.Err().text.starts_with("error_pages: "));
    CHECK(pages.Err().text.find(row.says) != std::string::npos);
  }
  const Folder full(Files{{"404.html", std::string(ErrorPages::kMaxPage, 'x')}});
  CHECK(Made(full.Path()).Ok());
  CHECK(Made(full.Path() + "/none").Err().text.find("No such file or directory") != std::string::npos);
}

// What is sent for an answer of each kind.
std::string Sent(const ErrorPages& pages, int status, const std::string& body,
                 const std::string& encoding = {}) {
  HttpResponse response;
  response.SetStatus(status);
  response.SetContentType("text/x");
  if (!encoding.empty()) response.AddHeader("Content-Encoding", encoding);
  response.Body() = body;
  pages.Use(response);
  return response.Body();
}

TEST_CASE("whose errors get them") {
  const Folder folder(Files{{"404.html", "page"}});
  for (const char* whose : {"server", "empty", "all"}) {
    const ErrorPages pages = Made(folder.Path(), whose).Value();
    const std::string word = whose;
    HttpResponse own;
    AnswerStatus(own, 404);
    own.AddHeader("X", "y");
    CHECK(own.Body() != "page");
    pages.Use(own);
    CHECK(own.Body() == "page");
    CHECK(own.ContentType() == "text/html; charset=utf-8");
    CHECK(own.FieldLines() == "X: y\r\n");
    CHECK(own.Status() == 404);
    HttpResponse other;
    AnswerStatus(other, 403);
    const std::string before = other.Body();
    pages.Use(other);
    CHECK(other.Body() == before);
    CHECK(Sent(pages, 404, "") == (word == "server" ? "" : "page"));
    CHECK(Sent(pages, 404, "theirs") == (word == "all" ? "page" : "theirs"));
    CHECK(Sent(pages, 404, "theirs", "gzip") == "theirs");
    CHECK(Sent(pages, 200, "") == "");
  }
}

TEST_CASE("a response that is used again has forgotten whose page it had") {
  HttpResponse response;
  AnswerStatus(response, 404);
  CHECK(response.IsStatusPage());
  response.Clear();
  CHECK_FALSE(response.IsStatusPage());
}

}  // namespace
}  // namespace preforkd::http::testing
