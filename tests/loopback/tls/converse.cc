#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

#include "tests/loopback/tls/library_peer.h"

namespace preforkd::tls::testing {
namespace {

constexpr int kRounds = 60;

std::string SomeText(Random& random) {
  const std::size_t size = Pick(random, 5) == 0 ? Pick(random, 60'000) : Pick(random, 400);
  std::string text(size, '\0');
  for (char& byte : text) byte = static_cast<char>(random());
  return text;
}

class Talk {
 public:
  Talk(Takeover takeover, Random& random, int our_updates)
      : peer_(std::move(takeover.peer)),
        state_(std::move(takeover.state)),
        is_13_(state_.version == Version::kTls13),
        random_(random),
        our_updates_(our_updates) {}

  void Run() {
    for (int round = 0; round < kRounds; ++round) {
      if (is_13_ && Pick(random_, 6) == 0) peer_->UpdateKeys(Pick(random_, 2) == 0);
      Hear();
      Say(round);
      state_ = Travelled(std::move(state_));
    }
    if (is_13_) CHECK(our_updates_left() <= 0);
    Part();
  }

 private:
  [[nodiscard]] int our_updates_left() const { return our_updates_ - updates_sent_; }

  // The peer's text arrives here, cut in two anywhere.
  void Hear() {
    const std::string text = SomeText(random_);
    if (!text.empty()) peer_->Write(text);
    const Bytes records = peer_->TakeOut();
    const std::size_t cut = Pick(random_, records.size() + 1);
    std::string heard;
    Bytes unread;
    for (std::size_t i = 0; i < 2; ++i) {
      const auto middle = records.begin() + static_cast<long>(cut);
      unread.insert(unread.end(), i == 0 ? records.begin() : middle, i == 0 ? middle : records.end());
      const Opened opened = RecordReader(state_, Crypto()).Open(unread);
      REQUIRE(opened.outcome == Opened::Outcome::kNeedMore);
      heard += ToText(opened.plaintext);
      unread.erase(unread.begin(), unread.begin() + static_cast<long>(opened.consumed));
    }
    REQUIRE(unread.empty());
    CHECK((heard == text));
  }

  // Our text arrives there. Every few rounds we change our key first, as at the AEAD's limit.
  void Say(int round) {
    const bool updates = is_13_ && our_updates_left() > 0 && round % (kRounds / our_updates_) == 0;
    const std::string text = (updates ? "x" : "") + SomeText(random_);
    RecordLimits limits;
    if (updates) limits.rekey_after = 0;
    const std::string_view first = std::string_view(text).substr(0, updates ? 1 : 0);
    if (updates) {
      peer_->Feed(Seal(state_, first, limits));
      ++updates_sent_;
    }
    peer_->Feed(Seal(state_, std::string_view(text).substr(first.size())));
    CHECK((peer_->Read() == text));
  }

  void Part() {
    peer_->Close();
    const Read read = Open(state_, peer_->TakeOut());
    CHECK(read.outcome == Opened::Outcome::kClosed);
    peer_->Feed(SealAlert(state_, Alert::kCloseNotify));
    CHECK(peer_->Read().empty());
    CHECK(peer_->SawClose());
  }

  std::unique_ptr<LibraryPeer> peer_;
  RecordState state_;
  const bool is_13_;
  Random& random_;
  const int our_updates_;
  int updates_sent_ = 0;
};

}  // namespace

void Converse(Takeover takeover, Random& random, int our_updates) {
  Talk(std::move(takeover), random, our_updates).Run();
}

}  // namespace preforkd::tls::testing
