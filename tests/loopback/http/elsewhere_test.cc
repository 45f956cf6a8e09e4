// A file that is reached by another path than its own: as the index of a folder, or as a fallback. If that
// path has a location, it decides.
#include <doctest/doctest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/loopback/http/access_lines.h"
#include "tests/loopback/http/file_site.h"
#include "tests/loopback/http/later_bed.h"
#include "tests/loopback/http/place_site.h"
#include "tests/unit/http/users.h"
#include "worker/http/http_service.h"

namespace preforkd::testing {
namespace {

// The answer, also if it takes a while.
Answer Await(Site& site, const std::string& target, const std::string& fields) {
  const auto client = site.Bed().Connect();
  site.Bed().Exchange(*client, "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
  REQUIRE(site.Bed().Until([&] {
    client->Read();
    return !client->Received().empty();
  }));
  return ParseAnswers(client->Received()).at(0);
}

// Answers with the path and the body that it is given, at once or later.
class PathHandler final : public RequestHandler {
 public:
  [[nodiscard]] BodyUse UseOfBody(const HttpRequest& request) const override {
    return request.Field("x-pieces") ? BodyUse::kPieces : BodyUse::kWhole;
  }
  void Start(const HttpRequest& request, HttpResponse& response, Deferral& deferral) override {
    if (request.body_follows) return Collect(deferral.Take());
    if (!request.Field("x-later")) return Say("own ", request, response);
    const std::shared_ptr<Exchange> exchange = deferral.Take();
    HttpResponse answer;
    Say("later ", exchange->Request(), answer);
    exchange->Answer(std::move(answer));
  }

 private:
  static void Say(std::string_view when, const HttpRequest& request, HttpResponse& response) {
    response.Body().assign(when).append(request.path);
    if (!request.body.empty()) response.Body().append(" ").append(request.body);
  }
  void Collect(std::shared_ptr<Exchange> exchange) {
    taken_ = std::make_unique<Taken>();
    taken_->exchange = std::move(exchange);
    taken_->exchange->Observe(taken_.get());
    taken_->on_body = [this](std::string_view) {
      const std::string path(taken_->exchange->Request().path);
      if (taken_->last > 0) taken_->Say("pieces " + path + " " + taken_->body);
    };
  }

  std::unique_ptr<Taken> taken_;  // the last whose body came in pieces
};

TEST_CASE("the location of an index decides for its folder") {
  const ServedFolder folder("index_elsewhere");
  for (const char* name : {"denied", "deny", "users", "moved", "fields", "plain"})
    folder.Write(std::string(name) + "/index.html", "<p>" + std::string(name));
  folder.Write("empty/a.txt", "a");
  folder.Write("file", kUsersFile);
  folder.Write("pages/4xx.html", "page of the location");
  Site site(
      {{"root", folder.Path()}, {"cache_control", "max-age=60"}, {"header", "X-Site: outer"}},
      {LocationTable("/denied/index.html", {{"denied", "403"}}),
       LocationTable("/deny/index.html", {{"deny", "all"}, {"error_pages", folder.Path("pages")}}),
       LocationTable("/users/index.html", {{"basic_auth", folder.Path("file")}}),
       LocationTable("/moved/index.html", {{"redirect", "/plain/"}}),
       LocationTable("/fields/index.html", {{"cache_control", "no-cache"}, {"header", "X-Site: inner"}}),
       LocationTable("/empty/index.html", {{"denied", "403"}})});
  CHECK(site.Get("a", "/plain/").body == "<p>plain");
  CHECK(site.Get("a", "/plain/").Field("cache-control") == "max-age=60");
  CHECK(site.Get("a", "/denied/index.html").status == 403);
  CHECK(site.Get("a", "/denied/").status == 403);
  CHECK(site.Ask("HEAD", "a", "/denied/").status == 403);
  CHECK(site.Get("a", "/denied").status == 301);
  CHECK(site.Get("a", "//denied/./").status == 403);
  CHECK(site.Get("a", "/deny/").status == 403);
  CHECK(site.Get("a", "/deny/").body == "page of the location");
  CHECK(site.Get("a", "/moved/?q").Field("location") == "/plain/?q");
  CHECK(site.Get("a", "/fields/").body == "<p>fields");
  CHECK(site.Get("a", "/fields/").Field("cache-control") == "no-cache");
  CHECK(site.Get("a", "/fields/").Field("x-site") == "inner");
  CHECK(site.Get("a", "/fields/x").Field("x-site") == "outer");
  CHECK(site.Get("a", "/fields/", "If-None-Match: *\r\n").status == 304);
  CHECK(site.Ask("POST", "a", "/denied/", "Content-Length: 0\r\n").status == 405);
  CHECK(site.Get("a", "/empty/").status == 404);  // there is no index, so its location is not asked

  CHECK(site.Get("a", "/users/").status == 401);
  CHECK(site.Get("a", "/users/").Field("www-authenticate").starts_with("Basic "));
  CHECK(Await(site, "/users/", kWrong).status == 401);
  for (int i = 0; i < 2; ++i) {  // the second time the password is known
    const Answer right = Await(site, "/users/", kAnn);
    CHECK(right.status == 200);
    CHECK(right.body == "<p>users");
  }
}

TEST_CASE("both must let a client in: the location of the folder, and that of the index") {
  const ServedFolder folder("both_elsewhere");
  folder.Write("a/index.html", "page");
  folder.Write("file", kUsersFile);
  Site site({{"root", folder.Path()}},
            {LocationTable("/a", {{"basic_auth", folder.Path("file")}, {"realm", "outer"}}),
             LocationTable("/a/index.html", {{"basic_auth", folder.Path("file")}, {"realm", "inner"}})});
  CHECK(site.Get("a", "/a/").Field("www-authenticate").find("outer") != std::string::npos);
  CHECK(site.Get("a", "/a/index.html").Field("www-authenticate").find("inner") != std::string::npos);
  CHECK(Await(site, "/a/", kAnn).body == "page");
  CHECK(Await(site, "/a/", kAnn).body == "page");
  CHECK(Await(site, "/a/", kWrong).status == 401);
}

TEST_CASE("the location of a fallback decides") {
  const ServedFolder folder("fallback_elsewhere");
  const ServedFolder other("fallback_other");
  folder.Write("app.html", "app");
  folder.Write("secret.html", "secret");
  folder.Write("sub/app.html", "sub");
  other.Write("app.html", "other");
  Site site({{"root", folder.Path()}, {"fallback", "app.html"}},
            {LocationTable("/app.html", {{"cache_control", "no-cache"}}),
             LocationTable("/closed", {{"fallback", "secret.html"}}),
             LocationTable("/secret.html", {{"denied", "404"}}),
             LocationTable("/static", {{"root", other.Path()}, {"header", "X-Site: static"}})});
  CHECK(site.Get("a", "/users/7").body == "app");
  CHECK(site.Get("a", "/users/7").Field("cache-control") == "no-cache");
  CHECK(site.Get("a", "/sub/app.html").Field("cache-control").empty());
  CHECK(site.Get("a", "/closed/x").status == 404);
  // The fallback of a location with a root has a path below the location.
  CHECK(site.Get("a", "/static/none").body == "other");
  CHECK(site.Get("a", "/static/none").Field("x-site") == "static");
  CHECK(site.Get("a", "/static/none").Field("cache-control").empty());
}

TEST_CASE("another place takes over once, so places that lead to each other end") {
  const ServedFolder folder("loop_elsewhere");
  folder.Write("a/index.html", "a");
  const ServedFolder empty("loop_empty");
  Site site({{"root", folder.Path()}},
            {LocationTable("/a/index.html", {{"root", empty.Path()}, {"fallback", "b"}}),
             LocationTable("/a/index.html/b", {{"root", empty.Path()}, {"fallback", "c"}}),
             LocationTable("/x", {{"fallback", "y/none"}}), LocationTable("/y", {{"fallback", "x/none"}})});
  CHECK(site.Get("a", "/a/").status == 301);  // the location with a root of its own, as by its own path
  CHECK(site.Get("a", "/a/index.html").status == 301);
  CHECK(site.Get("a", "/x/1").status == 404);
  CHECK(site.Get("a", "/y/1").status == 404);
}

TEST_CASE("the service's own handler takes over, with the path of the file") {
  const ServedFolder folder("own_elsewhere");
  folder.Write("index.html", "file");
  folder.Write("file", kUsersFile);
  Site site({{"root", folder.Path()}, {"header", "X-Site: outer"}},
            {LocationTable("/index.html", {{"root", ""}, {"header", "X-Site: inner"}}),
             HostTable("b", {},
                       {LocationTable("/index.html", {{"root", ""}, {"basic_auth", folder.Path("file")}})})},
            PlacedType<PathHandler>());
  CHECK(site.Get("a", "/").body == "own /index.html");
  CHECK(site.Get("a", "/").Field("x-site") == "inner");
  CHECK(site.Get("a", "/", "X-Later: 1\r\n").body == "later /index.html");
  CHECK(site.Get("a", "/", "X-Later: 1\r\n").Field("x-site") == "inner");
  CHECK(site.Get("b", "/").status == 401);
  for (const char* fields : {"", "X-Later: 1\r\n"}) {
    const auto client = site.Bed().Connect();
    site.Bed().Exchange(*client, "GET / HTTP/1.1\r\nHost: b\r\n" + kAnn + fields + "\r\n");
    REQUIRE(site.Bed().Until([&] {
      client->Read();
      return !client->Received().empty();
    }));
    CHECK(ParseAnswers(client->Received()).at(0).body.ends_with(" /index.html"));
  }
}

TEST_CASE("the service's own handler has the body of a request that another place has begun with") {
  const ServedFolder folder("body_elsewhere");
  folder.Write("index.html", "file");
  folder.Write("a.txt", "a");
  folder.Write("file", kUsersFile);
  Site site({{"root", folder.Path()}},
            {LocationTable("/index.html", {{"root", ""}}),
             HostTable("outer", {{"basic_auth", folder.Path("file")}}),
             HostTable("inner", {},
                       {LocationTable("/index.html", {{"root", ""}, {"basic_auth", folder.Path("file")}})})},
            PlacedType<PathHandler>());
  const std::string body = "Content-Length: 5\r\n\r\nhello";
  for (const std::string host : {"a", "outer", "inner"}) {
    for (const std::string later : {"", "X-Later: 1\r\n", "X-Pieces: 1\r\n"}) {
      CAPTURE(host);
      CAPTURE(later);
      const std::string fields = " HTTP/1.1\r\nHost: " + host + "\r\n" + kAnn + later;
      const auto client = site.Bed().Connect();
      site.Bed().Exchange(*client, "GET /" + fields + body + "GET /a.txt" + fields + body +  //
                                       "POST /" + fields + body + "GET /index.html" + fields + body);
      std::vector<Answer> answers;
      REQUIRE(site.Bed().Until([&] {
        client->Read();
        answers = ParseAnswers(client->Received());
        return answers.size() == 4 && answers[3].status == 200;
      }));
      CHECK(answers[0].body.ends_with(" /index.html hello"));
      CHECK(answers[1].body == "a");
      CHECK(answers[2].status == 405);
      CHECK(answers[3].body == answers[0].body);
    }
  }
}

TEST_CASE("the access log has the user whom the place that takes over has asked for") {
  const ServedFolder folder("user_elsewhere");
  folder.Write("index.html", "file");
  folder.Write("file", kUsersFile);
  Site site({{"root", folder.Path()}},
            {LocationTable("/index.html", {{"root", ""}, {"basic_auth", folder.Path("file")}})},
            PlacedType<PathHandler>());
  AccessLines lines(site.Bed());
  // The second time the password is known.
  for (const char* fields : {"", "", "X-Later: 1\r\n"}) (void)Await(site, "/", kAnn + fields);
  const auto read = lines.Read<nlohmann::json>();
  REQUIRE(read.size() == 3);
  for (const auto& line : read) CHECK(line.value("user", "") == "ann");
  site.Bed().Env().access = nullptr;
}

TEST_CASE("a redirect back to what was asked for does not take over") {
  const ServedFolder folder("canonical_elsewhere");
  for (const char* name : {"", "docs/", "app/", "guarded/", "same/", "away/"})
    folder.Write(std::string(name) + "index.html", "<p>" + std::string(name));
  folder.Write("file", kUsersFile);
  const std::string users = folder.Path("file");
  Site site({{"root", folder.Path()}},
            {LocationTable("/index.html", {{"redirect", "/"}}),
             LocationTable("/docs/index.html", {{"redirect", "https://A:8443/%64ocs?x#top"}}),
             LocationTable("/app", {{"fallback", "app/index.html"}}),
             LocationTable("/app/index.html", {{"redirect", "/app/"}, {"header", "X-Site: app"}}),
             LocationTable("/guarded/index.html", {{"redirect", "/guarded/"}, {"deny", "all"}}),
             LocationTable("/away/index.html", {{"redirect", "https://b/away/"}}),
             HostTable("closed", {{"basic_auth", users}})});
  CHECK(site.Get("a", "/index.html?q").Field("location") == "/?q");
  CHECK(site.Get("a", "/").body == "<p>");
  CHECK(site.Get("a", "/?q").body == "<p>");
  CHECK(site.Get("a", "/docs/").body == "<p>docs/");
  CHECK(site.Get("c", "/docs/").status == 301);
  CHECK(site.Get("a", "/app/").body == "<p>app/");
  CHECK(site.Get("a", "/app/").Field("x-site").empty());
  CHECK(site.Get("a", "/app/x").Field("location") == "/app/");
  // It guards the file, and a redirect to another host is none to the same.
  CHECK(site.Get("a", "/guarded/").status == 403);
  CHECK(site.Get("a", "/away/").Field("location") == "https://b/away/");
  CHECK(site.Get("b", "/away/").body == "<p>away/");
  // The rules of the host are for both.
  CHECK(site.Get("closed", "/").status == 401);
  const auto client = site.Bed().Connect();
  site.Bed().Exchange(*client, "GET / HTTP/1.1\r\nHost: closed\r\n" + kAnn + "\r\n");
  REQUIRE(site.Bed().Until([&] {
    client->Read();
    return !client->Received().empty();
  }));
  CHECK(ParseAnswers(client->Received()).at(0).body == "<p>");
}

}  // namespace
}  // namespace preforkd::testing
