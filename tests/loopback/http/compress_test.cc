// Answers of handlers, compressed while they are sent: which, with what fields, and that a client gets back
// the bytes of the handler, of a streamed answer piece by piece.
#include <doctest/doctest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/loopback/http/decoders.h"
#include "tests/loopback/http/later_bed.h"
#include "worker/http/coding/compression.h"

namespace preforkd::testing {
namespace {

HttpSettings Compressing() {
  HttpSettings settings;
  settings.compress.codings.Add(http::Coding::kBrotli);
  settings.compress.codings.Add(http::Coding::kGzip);
  return settings;
}

std::string Text(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) text += "line " + std::to_string(i * i) + "\n";
  text.resize(size);
  return text;
}

// What the handler says, by the target; the fields that it adds.
struct Said {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body = Text(5000);
  std::map<std::string, std::string> fields{};
};

Answer AskFor(const Said& said, const std::string& fields, const HttpSettings& settings = Compressing(),
              const std::string& method = "GET") {
  HttpBed bed(settings, [&](const HttpRequest&, HttpResponse& response) {
    response.SetStatus(said.status);
    response.SetContentType(said.type);
    response.Body() = said.body;
    for (const auto& [name, value] : said.fields) response.AddHeader(name, value);
  });
  const auto client = bed.Connect();
  bed.Exchange(*client, method + " / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
  std::vector<Answer> answers;
  REQUIRE(bed.Until([&] {
    client->Read();
    answers = ParseAnswers(client->Received(), method == "HEAD");
    return answers.size() == 1 && answers.front().status > 0;
  }));
  CHECK(answers.front().status == said.status);
  return answers.front();
}

const std::string kGzip = "Accept-Encoding: gzip\r\n";
const std::string kBoth = "Accept-Encoding: gzip, br\r\n";

TEST_CASE("a whole answer is compressed with what the client likes best") {
  const Answer gzip = AskFor({}, kGzip);
  CHECK(gzip.Field("content-encoding") == "gzip");
  CHECK(gzip.Field("vary") == "Accept-Encoding");
  CHECK(gzip.Field("content-type") == "text/plain; charset=utf-8");
  CHECK(gzip.body.size() < 3000);
  CHECK(Gunzip(gzip.body).complete);
  CHECK(Gunzip(gzip.body).text == Text(5000));
  const Answer brotli = AskFor({}, kBoth);
  CHECK(brotli.Field("content-encoding") == "br");
  CHECK(Unbrotli(brotli.body).complete);
  CHECK(Unbrotli(brotli.body).text == Text(5000));
  const Answer plain = AskFor({}, "");
  CHECK(plain.Field("content-encoding").empty());
  CHECK(plain.Field("vary") == "Accept-Encoding");
  CHECK(plain.body == Text(5000));
  const Answer head = AskFor({}, kGzip, Compressing(), "HEAD");
  CHECK(head.Field("content-encoding") == "gzip");
  CHECK(head.Field("content-length") == std::to_string(gzip.body.size()));
}

TEST_CASE("what is not compressed: by default nothing, and by its type, size, status and fields") {
  const auto plain = [](const Said& said, const HttpSettings& settings = Compressing()) {
    const Answer answer = AskFor(said, kBoth, settings);
    CHECK(answer.body == said.body);
    return answer.Field("content-encoding").empty() && answer.Field("vary").empty();
  };
  CHECK(plain({}, HttpSettings()));
  CHECK(plain({.type = "image/png"}));
  CHECK(plain({.type = "application/octet-stream"}));
  CHECK(plain({.type = ""}));
  CHECK(plain({.body = Text(1023)}));
  CHECK(plain({.body = ""}));
  CHECK(plain({.body = Text(http::kMaxCompressed + 1)}));
  CHECK(plain({.status = 206}));
  CHECK(plain({.fields = {{"Content-Range", "bytes 0-4999/6000"}}}));
  CHECK(plain({.fields = {{"Cache-Control", "max-age=5, No-Transform"}}}));
  const Answer coded = AskFor({.fields = {{"Content-Encoding", "zstd"}}}, kBoth);
  CHECK(coded.Field("content-encoding") == "zstd");
  CHECK(coded.body == Text(5000));
  // Bytes that cannot be made fewer.
  std::string noise(2000, ' ');
  std::mt19937 random(1);
  for (char& c : noise) c = static_cast<char>(random());
  CHECK(AskFor({.body = noise}, kGzip).body == noise);
  CHECK(AskFor({.body = noise}, kGzip).Field("content-encoding").empty());
}

TEST_CASE("what is compressed as well") {
  const auto coded = [](const Said& said) { return AskFor(said, kGzip).Field("content-encoding") == "gzip"; };
  CHECK(coded({.body = Text(1024)}));
  CHECK(coded({.body = Text(http::kMaxCompressed)}));
  CHECK(coded({.status = 404, .type = "text/html"}));
  for (const char* type : {"TEXT/HTML", "application/json", "application/problem+json", "image/svg+xml",
                           "application/rss+xml;charset=utf-8"}) {
    CAPTURE(type);
    CHECK(coded({.type = type}));
  }
}

TEST_CASE("a tag becomes weak, and the client that has it gets 304 with the same one") {
  const Answer first = AskFor({.fields = {{"ETag", "\"tag\""}, {"Vary", "Cookie"}}}, kGzip);
  CHECK(first.Field("etag") == "W/\"tag\"");
  CHECK(first.fields.count("vary") == 2);
  CHECK(AskFor({.fields = {{"ETag", "W/\"tag\""}}}, kGzip).Field("etag") == "W/\"tag\"");
  CHECK(AskFor({.fields = {{"ETag", "\"tag\""}}}, "").Field("etag") == "\"tag\"");
  const Said unchanged{.status = 304, .body = "", .fields = {{"ETag", "\"tag\""}}};
  CHECK(AskFor(unchanged, kGzip + "If-None-Match: W/\"tag\"\r\n").Field("etag") == "W/\"tag\"");
  CHECK(AskFor(unchanged, kGzip + "If-None-Match: \"tag\"\r\n").Field("etag") == "\"tag\"");
  CHECK(AskFor(unchanged, kGzip).Field("vary") == "Accept-Encoding");
  CHECK(AskFor({.fields = {{"Vary", "Accept-Encoding"}}}, kGzip).fields.count("vary") == 1);
}

TEST_CASE("one service compresses many answers, one after another") {
  HttpBed bed(Compressing(), [](const HttpRequest& request, HttpResponse& response) {
    response.SetContentType("text/plain");
    response.Body() = Text(1024 + std::stoul(std::string(request.path.substr(1))));
  });
  const auto client = bed.Connect();
  for (std::size_t i = 0; i < 200; ++i) {
    const std::size_t more = i * i * 6;
    client->Forget();
    bed.Exchange(*client, "GET /" + std::to_string(more) + " HTTP/1.1\r\nHost: a\r\n" +
                              (i % 2 == 0 ? kGzip : kBoth) + "\r\n");
    const std::vector<Answer> answers = ParseAnswers(client->Received());
    REQUIRE(answers.size() == 1);
    const Decoded decoded = i % 2 == 0 ? Gunzip(answers[0].body) : Unbrotli(answers[0].body);
    REQUIRE(decoded.complete);
    REQUIRE(decoded.text == Text(1024 + more));
  }
}

// Begins a streamed answer to the request that was taken last.
void BeginEvents(LaterBed& bed) {
  HttpResponse head;
  head.SetContentType("text/event-stream");
  bed.Last()->Begin(std::move(head));
}

// The whole chunks that were received so far, without their framing.
std::string Chunks(std::string_view received) {
  std::string body;
  std::string_view rest = AfterHead(received);
  while (!rest.empty()) {
    const std::size_t size = std::stoul(std::string(rest.substr(0, rest.find("\r\n"))), nullptr, 16);
    const std::size_t line = rest.find("\r\n") + 2;
    if (rest.size() < line + size + 2) break;
    rest.remove_prefix(line);
    body.append(rest.substr(0, size));
    rest.remove_prefix(size + 2);
  }
  return body;
}

TEST_CASE("each piece of a streamed answer can be read when it arrives") {
  LaterBed bed(Compressing());
  std::string accept = kGzip, coding = "gzip";
  Decoded (*decode)(std::string_view) = &Gunzip;
  SUBCASE("gzip") {}
  SUBCASE("gzip before brotli, where the client likes both") { accept = kBoth; }
  SUBCASE("brotli") {
    accept = "Accept-Encoding: br\r\n";
    coding = "br";
    decode = &Unbrotli;
  }
  const auto client = bed.Ask(Get("/a", accept));
  BeginEvents(bed);
  CHECK(bed.Hear(*client).find("Content-Encoding: " + coding + "\r\n") != std::string::npos);
  CHECK(client->Received().find("Vary: Accept-Encoding\r\n") != std::string::npos);
  std::string all;
  for (int i = 0; i < 100; ++i) {
    const std::string piece = i == 50 ? Text(300'000) : "id: " + std::to_string(i) + "\ndata: the same\n\n";
    all += piece;
    bed.Last()->Write(piece);
    REQUIRE(bed.http.Until([&] { return decode(Chunks(bed.Hear(*client))).text == all; }));
    REQUIRE_FALSE(decode(Chunks(client->Received())).complete);
  }
  bed.Last()->Finish();
  const std::optional<std::string> body = Dechunk(bed.Hear(*client));
  REQUIRE(body);
  CHECK(decode(*body).complete);
  CHECK(decode(*body).text == all);
  // The connection goes on, and its next answer is not compressed by what is left.
  client->Forget();
  bed.http.Exchange(*client, Get("/now"));
  CHECK(client->Received().ends_with("GET /now "));
}

TEST_CASE("a streamed answer for HTTP/1.0, for HEAD, and one that nothing is written to") {
  LaterBed bed(Compressing());
  const auto old = bed.Ask("GET /a HTTP/1.0\r\n" + kGzip + "\r\n");
  BeginEvents(bed);
  bed.Last()->Write("one");
  bed.Last()->Write("two");
  bed.Last()->Finish();
  CHECK(Gunzip(AfterHead(bed.Hear(*old))).text == "onetwo");
  CHECK(Gunzip(AfterHead(old->Received())).complete);
  const auto head = bed.Ask("HEAD /a HTTP/1.1\r\nHost: a\r\n" + kGzip + "\r\n");
  BeginEvents(bed);
  bed.Last()->Write("one");
  bed.Last()->Finish();
  CHECK(AfterHead(bed.Hear(*head)).empty());
  CHECK(head->Received().find("Content-Encoding: gzip\r\n") != std::string::npos);
  const auto empty = bed.Ask(Get("/a", kGzip));
  BeginEvents(bed);
  bed.Last()->Finish();
  CHECK(Gunzip(Dechunk(bed.Hear(*empty)).value_or("?")).complete);
}

TEST_CASE("a stream that is not to be compressed is sent as it is") {
  LaterBed bed(Compressing());
  const auto client = bed.Ask(Get("/a", kGzip));
  HttpResponse head;
  head.SetContentType("text/event-stream");
  head.AddHeader("Cache-Control", "no-transform");
  bed.Last()->Begin(std::move(head));
  bed.Last()->Write("hello");
  bed.Last()->Finish();
  CHECK(Dechunk(bed.Hear(*client)) == "hello");
}

}  // namespace
}  // namespace preforkd::testing
