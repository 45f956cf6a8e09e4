// Hosts and locations through the whole HTTP service: which root, which answer, and which fields.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/loopback/http/file_site.h"
#include "tests/loopback/http/place_site.h"
#include "tests/unit/http/users.h"
#include "worker/http/http_service.h"

namespace preforkd::testing {
namespace {

// Answers at once, later, in pieces, or with an exception.
class OwnHandler final : public RequestHandler {
 public:
  void Start(const HttpRequest& request, HttpResponse& response, Deferral& deferral) override {
    if (request.path.ends_with("/throw")) throw std::runtime_error("no");
    if (request.path.ends_with("/own")) {
      response.AddHeader("X-Site", "handler");
      response.AddHeader("cache-control", "private");
    }
    if (request.path.ends_with("/later") || request.path.ends_with("/pieces")) {
      exchange = deferral.Take();
      return;
    }
    response.Body().assign("own ").append(request.path);
  }

  static std::shared_ptr<Exchange> exchange;
};

std::shared_ptr<Exchange> OwnHandler::exchange;

TEST_CASE("hosts on one address, each with its own root, also on one connection") {
  const ServedFolder one("one");
  const ServedFolder two("two");
  one.Write("index.html", "one");
  two.Write("index.html", "two");
  Site site({{"denied", "404"}}, {HostTable("one.example.org", {{"root", one.Path()}}),
                                  HostTable("*.example.org, [::1]", {{"root", two.Path()}})});
  CHECK(site.Get("one.example.org", "/").body == "one");
  CHECK(site.Get("ONE.example.org.:8080", "/").body == "one");
  CHECK(site.Get("other.example.org", "/").body == "two");
  CHECK(site.Get("[0::1]:80", "/").body == "two");
  CHECK(site.Get("example.org", "/").status == 404);
  CHECK(site.Get("one.example.org", "http://two.example.org/").body == "two");
  CHECK(site.Send("GET / HTTP/1.0\r\n\r\n").status == 404);

  const auto client = site.Bed().Connect();
  site.Bed().Exchange(*client,
                      "GET / HTTP/1.1\r\nHost: one.example.org\r\n\r\n"
                      "GET / HTTP/1.1\r\nHost: a.example.org\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n");
  const std::vector<Answer> answers = ParseAnswers(client->Received());
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].body == "one");
  CHECK(answers[1].body == "two");
  CHECK(answers[2].status == 404);
}

TEST_CASE("a location with a root serves what follows its path, any other one the whole path") {
  const ServedFolder site_folder("site");
  const ServedFolder files("files");
  site_folder.Write("docs/a.txt", "site");
  site_folder.Write("static/a.txt", "hidden behind the location");
  files.Write("a.txt", "file");
  files.Write("index.html", "index");
  files.Write("sub/index.html", "sub");
  Site site({{"root", site_folder.Path()}}, {LocationTable("/static", {{"root", files.Path()}}),
                                             LocationTable("/docs", {{"cache_control", "no-store"}})});
  CHECK(site.Get("a", "/static/a.txt").body == "file");
  CHECK(site.Get("a", "/static/%61.txt").body == "file");
  CHECK(site.Get("a", "/static//a.txt").body == "file");
  CHECK(site.Get("a", "/docs/../static/a.txt").body == "file");
  CHECK(site.Get("a", "/static/").body == "index");
  CHECK(site.Get("a", "/static/sub/").body == "sub");
  CHECK(site.Get("a", "/static/../a.txt").status == 404);
  CHECK(site.Get("a", "/staticx").status == 404);
  CHECK(site.Get("a", "/docs/a.txt").body == "site");
  CHECK(site.Get("a", "/docs/a.txt").Field("cache-control") == "no-store");
  const Answer root = site.Get("a", "/static?q");
  CHECK(root.status == 301);
  CHECK(root.Field("location") == "/static/?q");
  const Answer folder = site.Get("a", "/static/sub?q=1");
  CHECK(folder.status == 301);
  CHECK(folder.Field("location") == "/static/sub/?q=1");
}

TEST_CASE("names that begin with a dot are missing, unless they are asked for") {
  const ServedFolder folder("dots");
  folder.Write(".env", "secret");
  folder.Write(".git/config", "secret");
  folder.Write(".well-known/acme-challenge/token", "proof");
  folder.Write("index.html", "page");
  Site site({{"root", folder.Path()}, {"fallback", "index.html"}},
            {HostTable("open", {{"hidden_files", "true"}}), HostTable("plain", {{"fallback", ""}})});
  for (const char* target : {"/.env", "/.git/config", "/%2egit/config", "/.git/", "/.well-known/.x"}) {
    CAPTURE(target);
    CHECK(site.Get("plain", target).status == 404);
    CHECK(site.Get("a", target).status == 404);  // the fallback is not for them
  }
  CHECK(site.Get("a", "/.well-known/acme-challenge/token").body == "proof");
  CHECK(site.Get("open", "/.env").body == "secret");
  CHECK(site.Get("open", "/.git/config").body == "secret");
}

TEST_CASE("the fallback is sent with 200 where there is no file") {
  const ServedFolder folder("spa");
  folder.Write("app.html", "<p>app");
  folder.Write("a.js", "js");
  folder.Write("empty/x", "x");
  Site site(
      {{"root", folder.Path()}, {"fallback", "app.html"}},
      {LocationTable("/api", {{"fallback", ""}}), LocationTable("/gone", {{"fallback", "no-such-file"}})});
  CHECK(site.Get("a", "/a.js").body == "js");
  const Answer page = site.Get("a", "/users/7");
  CHECK(page.status == 200);
  CHECK(page.body == "<p>app");
  CHECK(page.Field("content-type").starts_with("text/html"));
  CHECK(site.Get("a", "/empty/").body == "<p>app");
  CHECK(site.Get("a", "/users/7", "If-None-Match: " + page.Field("etag") + "\r\n").status == 304);
  CHECK(site.Get("a", "/users/7", "Range: bytes=0-1\r\n").body == "<p");
  CHECK(site.Ask("HEAD", "a", "/users/7").Field("content-length") == "6");
  CHECK(site.Ask("POST", "a", "/users/7", "Content-Length: 0\r\n").status == 405);
  CHECK(site.Get("a", "/api/users").status == 404);
  CHECK(site.Get("a", "/gone/x").status == 404);
}

TEST_CASE("denied places and redirects are answered before a body is read") {
  const ServedFolder folder("moved");
  folder.Write("index.html", "page");
  Site site({{"root", folder.Path()}},
            {LocationTable("/private", {{"denied", "403"}}), LocationTable("/gone", {{"denied", "404"}}),
             LocationTable("/old", {{"redirect", "/new"}, {"redirect_status", "308"}}),
             LocationTable("/exact", {{"redirect", "https://b.example/x"}, {"redirect_append", "false"}}),
             HostTable("www", {{"redirect", "https://example.org/"}})});
  CHECK(site.Get("a", "/").body == "page");
  CHECK(site.Get("a", "/private").status == 403);
  CHECK(site.Get("a", "/pri%76ate/x").status == 403);
  CHECK(site.Get("a", "/gone/x").status == 404);
  CHECK(site.Ask("HEAD", "a", "/gone").status == 404);
  const Answer moved = site.Get("a", "/old/a%20b?q=1");
  CHECK(moved.status == 308);
  CHECK(moved.Field("location") == "/new/a%20b?q=1");
  CHECK(site.Get("a", "/exact/y?z").Field("location") == "https://b.example/x");
  CHECK(site.Get("www", "/y?z").status == 301);
  CHECK(site.Get("www", "/y?z").Field("location") == "https://example.org/y?z");
  // The body is still to come, and no 100 is sent for it.
  for (const char* target : {"/private", "/old"}) {
    const Answer early = site.Ask("POST", "a", target, "Expect: 100-continue\r\nContent-Length: 100000\r\n");
    CHECK(early.status == (std::string(target) == "/old" ? 308 : 403));
  }
}

TEST_CASE("a service with places and without a root has nothing to show") {
  Site site({}, {HostTable("a", {{"header", "X-Site: a"}})});
  CHECK(site.Get("a", "/").status == 404);
  CHECK(site.Get("a", "/").Field("x-site") == "a");
  CHECK(site.Get("b", "/").status == 404);
}

TEST_CASE("every answer of a place has its fields") {
  const ServedFolder folder("fields");
  folder.Write("a.txt", "0123456789");
  folder.Write("sub/x", "x");
  Site site({{"root", folder.Path()},
             {"header", "X-Site: s, X-Frame-Options: DENY"},
             {"cache_control", "max-age=60"}},
            {LocationTable("/no", {{"denied", "403"}}), LocationTable("/old", {{"redirect", "/new"}})});
  const std::string etag = site.Get("a", "/a.txt").Field("etag");
  struct Row {
    const char* method;
    const char* target;
    std::string fields;
    int status;
    bool cached;
  };
  for (const Row& row : std::vector<Row>{{"GET", "/a.txt", "", 200, true},
                                         {"HEAD", "/a.txt", "", 200, true},
                                         {"GET", "/a.txt", "Range: bytes=1-2\r\n", 206, true},
                                         {"GET", "/a.txt", "If-None-Match: " + etag + "\r\n", 304, true},
                                         {"GET", "/a.txt", "If-Match: \"x\"\r\n", 412, false},
                                         {"GET", "/a.txt", "Range: bytes=99-\r\n", 416, false},
                                         {"GET", "/none", "", 404, false},
                                         {"GET", "/sub", "", 301, false},
                                         {"POST", "/a.txt", "Content-Length: 0\r\n", 405, false},
                                         {"OPTIONS", "/a.txt", "", 204, false},
                                         {"GET", "/no", "", 403, false},
                                         {"GET", "/old", "", 301, false}}) {
    CAPTURE(row.method);
    CAPTURE(row.target);
    CAPTURE(row.status);
    const Answer answer = site.Ask(row.method, "a", row.target, row.fields);
    CHECK(answer.status == row.status);
    CHECK(answer.Field("x-site") == "s");
    CHECK(answer.Field("x-frame-options") == "DENY");
    CHECK(answer.Field("cache-control") == (row.cached ? "max-age=60" : ""));
  }
  // What is no request has those of the service.
  CHECK(site.Send("GET / HTTP/1.1\r\n\r\n").status == 400);
  CHECK(site.Send("GET / HTTP/1.1\r\n\r\n").Field("x-site") == "s");
}

TEST_CASE("the service's own handler beside files; what it sets itself wins") {
  const ServedFolder folder("beside");
  folder.Write("index.html", "file");
  Site site({{"header", "X-Site: s, X-Other: o"},
             {"cache_control", "max-age=60"},
             {"max_body", "10"},
             {"body_timeout", "30ms"}},
            {LocationTable("/", {{"root", folder.Path()}}), LocationTable("/app", {{"root", ""}})},
            PlacedType<OwnHandler>());
  CHECK(site.Get("a", "/").body == "file");
  CHECK(site.Get("a", "/app/x").body == "own /app/x");
  CHECK(site.Get("a", "/app/x").Field("cache-control") == "max-age=60");
  const Answer own = site.Get("a", "/app/own");
  CHECK(own.fields.count("x-site") == 1);
  CHECK(own.Field("x-site") == "handler");
  CHECK(own.Field("x-other") == "o");
  CHECK(own.fields.count("cache-control") == 1);
  CHECK(own.Field("cache-control") == "private");
  const Answer thrown = site.Get("a", "/app/throw");
  CHECK(thrown.status == 500);
  CHECK(thrown.Field("x-site") == "s");

  SUBCASE("an answer that comes later") {
    const auto client = site.Bed().Connect();
    site.Bed().Exchange(*client, "GET /app/later HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE(client->Received().empty());
    HttpResponse later;
    later.Body() = "later";
    std::exchange(OwnHandler::exchange, nullptr)->Answer(std::move(later));
    site.Bed().Exchange(*client, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::vector<Answer> answers = ParseAnswers(client->Received());
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].body == "later");
    CHECK(answers[0].Field("x-site") == "s");
    CHECK(answers[1].status == 404);
  }
  SUBCASE("one in pieces") {
    const auto client = site.Bed().Connect();
    site.Bed().Exchange(*client, "GET /app/pieces HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::shared_ptr<Exchange> exchange = std::exchange(OwnHandler::exchange, nullptr);
    exchange->Begin(HttpResponse());
    exchange->Write("piece");
    exchange->Finish();
    client->Read();
    CHECK(client->Received().find("\r\nX-Site: s\r\n") != std::string::npos);
    CHECK(client->Received().find("\r\nCache-Control: max-age=60\r\n") != std::string::npos);
  }
  SUBCASE("a body that is too large, and one that does not come") {
    const std::string chunked = "POST /app/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    const Answer large = site.Send(chunked + "b\r\n01234567890\r\n");
    CHECK(large.status == 413);
    CHECK(large.Field("x-site") == "s");
    const auto client = site.Bed().Connect();
    site.Bed().Exchange(*client, "POST /app/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n0");
    CHECK(site.Bed().Until([&] {
      client->Read();
      return !client->Received().empty();
    }));
    const std::vector<Answer> answers = ParseAnswers(client->Received());
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].status == 408);
    CHECK(answers[0].Field("x-site") == "s");
  }
}

TEST_CASE("who may is decided first, and errors have the pages of their place") {
  const ServedFolder folder("limited");
  const ServedFolder pages("pages");
  folder.Write("index.html", "page");
  folder.Write("users", kUsersFile);
  pages.Write("401.html", "who?");
  pages.Write("4xx.html", "no");
  Site site({{"root", folder.Path()}, {"header", "X-Site: s"}, {"error_pages", pages.Path()}},
            {LocationTable("/nobody", {{"deny", "all"}}),
             LocationTable("/away", {{"deny", "all"}, {"redirect", "/"}}),
             LocationTable("/users", {{"basic_auth", folder.Path("users")}, {"root", ""}}),
             HostTable("plain", {{"error_pages", ""}})},
            PlacedType<OwnHandler>());
  CHECK(site.Get("a", "/").body == "page");
  const Answer missing = site.Get("a", "/none");
  CHECK(missing.status == 404);
  CHECK(missing.body == "no");
  CHECK(site.Get("plain", "/none").body != "no");
  CHECK(site.Send("GET / HTTP/1.1\r\n\r\n").body == "no");
  for (const char* target : {"/nobody/x", "/away"}) {
    CAPTURE(target);
    const Answer forbidden = site.Ask("POST", "a", target, "Expect: 100-continue\r\nContent-Length: 9\r\n");
    CHECK(forbidden.status == 403);
    CHECK(forbidden.body == "no");
    CHECK(forbidden.Field("x-site") == "s");
  }
  const Answer unknown = site.Ask("POST", "a", "/users", "Expect: 100-continue\r\nContent-Length: 9\r\n");
  CHECK(unknown.status == 401);
  CHECK(unknown.body == "who?");
  CHECK(unknown.Field("www-authenticate").starts_with("Basic "));
  CHECK(unknown.Field("x-site") == "s");

  // The password is checked in a thread, and the body waits.
  const auto client = site.Bed().Connect();
  const auto ask = [&](const std::string& credentials) {
    client->Forget();
    site.Bed().Exchange(
        *client, "POST /users/x HTTP/1.1\r\nHost: a\r\n" + credentials + "Content-Length: 4\r\n\r\nbody");
    REQUIRE(site.Bed().Until([&] {
      client->Read();
      return !client->Received().empty();
    }));
    return ParseAnswers(client->Received()).at(0);
  };
  const Answer wrong = ask(kWrong);
  CHECK(wrong.status == 401);
  CHECK(wrong.body == "who?");
  const Answer right = ask(kAnn);
  CHECK(right.status == 200);
  CHECK(right.body == "own /users/x");
  CHECK(right.Field("x-site") == "s");
}

TEST_CASE("a root that is not there stops the service from being made") {
  ServiceConfig config = ConfigOf(HttpServiceType(), {});
  config.tables = {LocationTable("/a", {{"root", "/no/such/folder"}})};
  HttpBed bed({}, [](const HttpRequest&, HttpResponse&) {});
  CHECK_FALSE(HttpServiceType().factory(config, bed.Env()).Ok());
}

}  // namespace
}  // namespace preforkd::testing
