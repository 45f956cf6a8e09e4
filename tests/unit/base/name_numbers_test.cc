// The numbers of services and listeners: one name, one number, and a limit that is checked in advance.
#include "master/accept/name_numbers.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <set>
#include <string>

namespace preforkd::testing {
namespace {

enum class SmallId : std::uint8_t {};

TEST_CASE("a name keeps its number, and a number is given once") {
  NameNumbers<SmallId> book;
  std::set<SmallId> given;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 256; ++i) given.insert(book.Of(std::to_string(i)));
    CHECK(given.size() == 256);
  }
  CHECK(book.Of("7") == SmallId{7});
}

TEST_CASE("known names always have room, new ones as long as numbers are left") {
  NameNumbers<SmallId> book;
  CHECK(book.HasRoomFor({}));
  for (int i = 0; i < 254; ++i) (void)book.Of(std::to_string(i));
  CHECK(book.HasRoomFor({"a", "b", "0", "1"}));
  CHECK_FALSE(book.HasRoomFor({"a", "b", "c"}));
  (void)book.Of("a");
  (void)book.Of("b");
  CHECK(book.HasRoomFor({"a", "b", "253"}));
  CHECK_FALSE(book.HasRoomFor({"c"}));
}

TEST_CASE("names of an earlier program keep their numbers, and new names get the next ones") {
  NameNumbers<SmallId> book;
  book.Keep("b", SmallId{1});
  book.Keep("a", SmallId{0});
  CHECK(book.Of("b") == SmallId{1});
  CHECK(book.Of("c") == SmallId{2});
}

}  // namespace
}  // namespace preforkd::testing
