#include "tests/support/http_client.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <sstream>

namespace preforkd::testing {
namespace {

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::optional<HttpResponse> ParseHead(const std::string& head) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  if (!head.starts_with(kVersion)) return std::nullopt;
  HttpResponse response;
  response.status = std::atoi(head.c_str() + kVersion.size());
  std::istringstream lines(head.substr(head.find("\r\n") + 2));
  for (std::string line; std::getline(lines, line) && line != "\r";) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || !line.ends_with('\r')) return std::nullopt;
    line.pop_back();
    const std::size_t value = line.find_first_not_of(" \t", colon + 1);
    response.headers[Lower(line.substr(0, colon))] = value == std::string::npos ? "" : line.substr(value);
  }
  return response;
}

}  // namespace

std::optional<HttpResponse> HttpClient::Get(const std::string& target, const std::string& more_headers) {
  if (!Ask(target, more_headers)) return std::nullopt;
  return ReadResponse();
}

bool HttpClient::Ask(const std::string& target, const std::string& more_headers) {
  return connection_.SendAll(fmt::format("GET {} HTTP/1.1\r\nHost: test\r\n{}\r\n", target, more_headers));
}

std::optional<HttpResponse> HttpClient::ReadResponse() {
  const std::optional<std::string> head = connection_.ReadUntil("\r\n\r\n");
  if (!head) return std::nullopt;
  std::optional<HttpResponse> response = ParseHead(*head);
  if (!response) return std::nullopt;
  const auto length = response->headers.find("content-length");
  if (length == response->headers.end()) return response;
  std::optional<std::string> body =
      connection_.ReadExactly(std::strtoull(length->second.c_str(), nullptr, 10));
  if (!body) return std::nullopt;
  response->body = std::move(*body);
  return response;
}

}  // namespace preforkd::testing
