#include "master/parking/parked_list.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <algorithm>
#include <deque>
#include <random>
#include <span>
#include <string>
#include <utility>

#include "tests/support/fd_snapshot.h"
#include "tests/support/fork_peer.h"
#include "tests/support/parcels.h"

namespace preforkd::testing {
namespace {

// With an unread text, which tells one from the other, and the keys of a TLS session if `keys` is above 0.
PackedParcel Connection(const std::string& unread, std::size_t keys) {
  Parcel parcel;
  parcel.fd = UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
  parcel.unread = unread;
  parcel.tls = keys > 0 ? TlsStage::kEstablished : TlsStage::kNone;
  parcel.tls_state.assign(keys, 'k');
  return Pack(std::move(parcel), kWireVersion);
}

}  // namespace

TEST_CASE("what is taken from the list is what was appended: descriptor, message and keys") {
  for (const std::size_t keys : {0U, 150U}) {
    for (const std::size_t size : {0U, 1U, 1000U}) {
      ParkedList list;
      PackedParcel packed = Connection(std::string(size, 'x'), keys);
      const int fd = packed.fd.Get();
      const std::string message(packed.Message().data(), packed.Message().size());
      Parked& parked = list.Append(std::move(packed));
      CHECK(parked.Fd() == fd);
      CHECK(std::string(parked.Message().data(), parked.Message().size()) == message);
      const Parcel back = Unpack(list.Take(parked));
      CHECK(back.fd.Get() == fd);
      CHECK(back.unread == std::string(size, 'x'));
      CHECK(back.tls_state == SecretBytes(keys, 'k'));
      CHECK(list.First() == nullptr);
      CHECK(list.Size() == 0);
    }
  }
}

TEST_CASE("a child reads zeros where the list keeps keys, and messages without keys as they are") {
  ParkedList list;
  for (const std::size_t keys : {0U, 150U}) {
    const Parked& parked = list.Append(Connection("x", keys));
    const std::span<const char> message = parked.Message();
    CHECK(RunPeer([&] {
            const bool zero =
                std::all_of(message.begin(), message.end(), [](char byte) { return byte == 0; });
            return zero == (keys > 0) ? 0 : 1;
          }).Ok());
  }
}

TEST_CASE("walk: the list keeps its order when any of them leaves, and closes those that are left") {
  const FdSnapshot before = FdSnapshot::OfSelf();
  {
    std::mt19937 random(20261127);  // NOLINT: the same walk each time
    ParkedList list;
    std::deque<std::pair<Parked*, std::string>> model;  // and what is unread there
    for (int step = 0; step < 3000; ++step) {
      if (model.size() < 40 && random() % 2 == 0) {
        const std::string unread = std::to_string(step);
        model.emplace_back(&list.Append(Connection(unread, random() % 3 == 0 ? 100 : 0)), unread);
      } else if (!model.empty()) {
        const auto leaving = model.begin() + static_cast<std::ptrdiff_t>(random() % model.size());
        if (random() % 4 == 0) {
          list.Close(*leaving->first);
        } else {
          const Parcel taken = Unpack(list.Take(*leaving->first));
          CHECK(taken.fd.Valid());
          CHECK(taken.unread == leaving->second);
        }
        model.erase(leaving);
      }
      Parked* seen = list.First();
      for (const auto& [parked, unread] : model) {
        REQUIRE(seen == parked);
        seen = ParkedList::After(*seen);
      }
      CHECK(seen == nullptr);
      CHECK(list.Size() == model.size());
    }
    CHECK(list.Size() > 0);
  }
  CHECK(FdSnapshot::OfSelf() == before);
}

}  // namespace preforkd::testing
