// Host and port: the shapes that they have, and those that they do not.
#include <string>

#include "tests/loopback/http/syntax_rows.h"

namespace preforkd::testing {
namespace {

const std::vector<std::string_view>& GoodAuthorities() {
  static const std::vector<std::string_view> list = {"a",
                                                     "a:80",
                                                     "a:",
                                                     "a:0080",
                                                     "a.b-c_d~e",
                                                     "A%41%c3%a9",
                                                     "!$&'()*+;=",
                                                     "1.2.3.4",
                                                     "1.2.3.4:80",
                                                     "256.1",
                                                     "[::]",
                                                     "[::1]",
                                                     "[::1]:80",
                                                     "[::1]:",
                                                     "[1:2:3:4:5:6:7:8]",
                                                     "[1:2:3:4:5:6:7::]",
                                                     "[::2:3:4:5:6:7:8]",
                                                     "[1:2:3:4:5:6:1.2.3.4]",
                                                     "[::ffff:1.2.3.4]",
                                                     "[2001:DB8::a]:8080",
                                                     "[v1.a:b]",
                                                     "[VfF.!$&'()*+,;=-._~]:1"};
  return list;
}

const std::vector<std::string_view>& BadAuthorities() {
  static const std::vector<std::string_view> list = {
      // no host
      "", ":", ":80", "@", "@a", "u@a", "u:p@a", "u@", "a@b@c",
      // a port that is none
      "h:abc", "h:80a", "h:a80", "h:-1", "h:+80", "h:0x50", "h:8_0", "h:80:80", "h::80",
      "h::", "h:80:", "h:%38%30", "h:8 0", "h: 80", "h :80",
      // brackets that do not enclose the whole host
      "[::1", "::1]", "::1", "1::2", "]", "[", "][", "a]b[", "a[b]", "[a]b", "[::1]x", "[::1]80", "[::1]]",
      "[[::1]]", "x[::1]", "[::1][::1]", "[::1]:x", "[::1]:80:80", "[::1]::", "[::1]@a", "[::1]%41",
      "[::1]:[",
      // invalid content of brackets
      "[]", "[]:80", "[:]", "[:::]", "[a]", "[1]", "[1:2]", "[1::2::3]", "[12345::]", "[g::]", "[::g]",
      "[:1::2]", "[1::2:]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[1:2:3:4::5:6:7:8]", "[1.2.3.4]",
      "[::1.2.3]", "[::1.2.3.256]", "[::01.2.3.4]", "[::1.2.3.4:5]", "[1:2:3:4:5:6:7:1.2.3.4]", "[ ::1]",
      "[::1 ]", "[%3a%3a1]", "[fe80::1%eth0]", "[fe80::1%25eth0]", "[::1/64]", "[v]", "[v1]", "[v1.]",
      "[v.a]", "[vg.a]", "[1.a]", "[v1.a@b]", "[v1.[a]", "[v1.%41]",
      // characters that no name has
      "%", "a%", "a%4", "a%zz", "a%4g", "%%41", "a b", "a\tb", "a/b", "a?b", "a#b", "a\\b", "a\"b", "a<b",
      "a>b", "a^b", "a`b", "a{b", "a|b", "a}b", "\xff", "a\x7f", "a\x01", "\xc3\xa9", "http://a", "a,b",
      "a, b"};
  return list;
}

void AddAuthority(std::vector<HostileRow>& rows, std::string_view authority, bool good) {
  const int status = good ? 200 : 400;
  const std::string text(authority);
  rows.push_back({"in Host", HeadOf("GET / HTTP/1.1", "Host: " + text + "\r\n"), {status}, !good});
  // There these bytes end the authority, or the target.
  if (authority.find_first_of("/?# \t") != std::string_view::npos) return;
  rows.push_back({"in an absolute target", HeadOf("GET http://" + text + "/ HTTP/1.1"), {status}, !good});
  rows.push_back({"and nothing behind it", HeadOf("GET https://" + text + " HTTP/1.1"), {status}, !good});
  if (!good) rows.push_back({"of CONNECT", HeadOf("CONNECT " + text + " HTTP/1.1"), {400}, true});
}

}  // namespace

std::vector<HostileRow> AuthorityRows() {
  std::vector<HostileRow> rows;
  for (const std::string_view authority : GoodAuthorities()) AddAuthority(rows, authority, true);
  for (const std::string_view authority : BadAuthorities()) AddAuthority(rows, authority, false);
  const std::vector<HostileRow> more = {
      {"in 1.0 too", HeadOf("GET / HTTP/1.0", "Host: h:abc\r\n"), {400}, true},
      {"beside an absolute target", HeadOf("GET http://a/ HTTP/1.1", "Host: h:abc\r\n"), {400}, true},
      {"an absolute target needs a Host all the same", HeadOf("GET http://a/ HTTP/1.1", ""), {400}, true},
      {"before a query", HeadOf("GET http://h:x?q HTTP/1.1"), {400}, true},
      {"an empty port before a query", HeadOf("GET http://h:?q HTTP/1.1"), {200}},
      {"another scheme", HeadOf("GET ftp://a/ HTTP/1.1"), {400}, true},
      {"a scheme alone", HeadOf("GET http:// HTTP/1.1"), {400}, true},
      {"one slash", HeadOf("GET http:/a HTTP/1.1"), {400}, true},
      {"CONNECT without a port", HeadOf("CONNECT a HTTP/1.1"), {400}, true},
      {"CONNECT with an empty port", HeadOf("CONNECT a: HTTP/1.1"), {400}, true},
      {"CONNECT to IPv6 without a port", HeadOf("CONNECT [::1] HTTP/1.1"), {400}, true},
      {"CONNECT to IPv6", HeadOf("CONNECT [::1]:80 HTTP/1.1"), {501}, true},
      {"CONNECT with an absolute target", HeadOf("CONNECT http://a:80 HTTP/1.1"), {400}, true},
  };
  rows.insert(rows.end(), more.begin(), more.end());
  return rows;
}

}  // namespace preforkd::testing
