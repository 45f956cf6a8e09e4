// preforkd with one worker that misbehaves: the first one in slot 0 reports that it is ready, then does what
// the environment variable ROGUE_TRICK names, and waits for its end. All others, including its successor,
// work normally. For tests only.
//
// Tricks with a connection first wait for one, so that they may hand it back.
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/bounds/client_network.h"
#include "common/channel/channel_end.h"
#include "common/channel/fd_message.h"
#include "master/program.h"
#include "worker/process/worker.h"
#include "worker/services/echo.h"

namespace preforkd::testing {
namespace {

// What a rogue worker has: the channel, its identity, its scoreboard row, and the parcel that it was given.
struct Rogue {
  int channel = -1;
  WorkerId id;
  const Scoreboard* board = nullptr;
  WorkerRow* row = nullptr;
  Parcel parcel;

  // Sends any bytes, waiting for room; false if the channel is closed.
  bool Send(std::string_view bytes, const std::vector<int>& fds = {}) const {
    std::vector<char> control(CMSG_SPACE(sizeof(int) * fds.size()));
    iovec vector{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr header{};
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
      header.msg_control = control.data();
      header.msg_controllen = control.size();
      cmsghdr* rights = CMSG_FIRSTHDR(&header);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
      std::copy(fds.begin(), fds.end(), reinterpret_cast<int*>(CMSG_DATA(rights)));
    }
    while (::sendmsg(channel, &header, MSG_NOSIGNAL) < 0) {
      if (errno != EAGAIN) return false;
      pollfd room{channel, POLLOUT, 0};
      (void)::poll(&room, 1, -1);
    }
    return true;
  }

  template <typename Message>
  static std::string Bytes(const Message& message) {
    std::string bytes;
    Encode(message, bytes, kWireVersion);
    return bytes;
  }

  // The bytes of a valid hand-back of the parcel, without the descriptor.
  [[nodiscard]] std::string HandBackBytes() const {
    HandBack message;
    message.id = id;
    message.parcel.id = parcel.id;
    message.parcel.service = parcel.service;
    message.parcel.listener = parcel.listener;
    message.parcel.accepted_at = parcel.accepted_at;
    message.parcel.seal = parcel.seal;
    return Bytes(message);
  }

  // A hand-back with something changed in it, and the real descriptor, with `more` behind it.
  void HandBackChanged(const std::function<void(HandBack&)>& change,
                       const std::vector<int>& more = {}) const {
    HandBack message;
    message.id = id;
    message.parcel.id = parcel.id;
    message.parcel.service = parcel.service;
    message.parcel.listener = parcel.listener;
    message.parcel.accepted_at = parcel.accepted_at;
    message.parcel.seal = parcel.seal;
    message.parcel.journeys = 1;
    change(message);
    std::vector<int> fds = {parcel.fd.Get()};
    fds.insert(fds.end(), more.begin(), more.end());
    (void)Send(Bytes(message), fds);
  }

  void HandBackWith(const std::vector<int>& fds) const { (void)Send(HandBackBytes(), fds); }
};

void Await(int channel) {
  pollfd readable{channel, POLLIN, 0};
  (void)::poll(&readable, 1, -1);
}

// The first connection that arrives.
Parcel TakeParcel(int channel) {
  for (;;) {
    Await(channel);
    Reception<MasterToWorker> reception = ChannelEnd(channel, kWireVersion).ReceiveFromMaster();
    if (reception.outcome != Heard::kMessage) continue;
    if (auto* hand_over = std::get_if<HandOver>(&*reception.message)) return std::move(hand_over->parcel);
  }
}

int Listening() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  (void)::listen(fd, 1);
  return fd;
}

int PipeEnd() {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) std::abort();
  return ends[0];
}

// One end of a connection that belongs to the rogue alone.
int OwnConnection() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0) std::abort();
  return ends[0];
}

// The same over TCP, through a listener of its own.
int OwnTcpConnection() {
  const int listener = Listening();
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  (void)::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0) std::abort();
  return fd;
}

[[noreturn]] void ForgeClients(const Scoreboard& board, Slot slot) {
  const ClientTables tables = board.Clients();
  SocketAddress victim;
  auto& address = reinterpret_cast<sockaddr_in&>(victim.storage);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(0x7f000003);
  victim.length = sizeof(address);
  const std::uint64_t hash = ClientNetwork::Of(victim).value().Hash(tables.book.key);
  ClientNotes& notes = tables.notes[Raw(slot)];
  for (std::uint64_t id = 1;; ++id) {
    for (int i = 0; i < 100; ++i) (void)notes.NoteClient(ConnId{id++ % 1000}, hash);
    for (std::size_t place = 0; place < 200; ++place) notes.NoteEnd(place);
    for (RateTable& rates : tables.rates.rates)
      for (int i = 0; i < 3; ++i) (void)rates.Take(hash, 1, 2, Now() + std::chrono::hours(i + 1));
    (void)::poll(nullptr, 0, 1);
  }
}

struct Trick {
  bool with_parcel = false;
  std::function<void(const Rogue&)> play;
};

const std::map<std::string, Trick>& Tricks() {
  static const std::map<std::string, Trick> tricks = {
      {"garbage", {false, [](const Rogue& rogue) { (void)rogue.Send("how do you do?"); }}},
      {"empty", {false, [](const Rogue& rogue) { (void)rogue.Send(""); }}},
      {"oversized",
       {false, [](const Rogue& rogue) { (void)rogue.Send(std::string(kMaxMessageBytes + 1, 'x')); }}},
      {"truncated",
       {true,
        [](const Rogue& rogue) {
          (void)rogue.Send(rogue.HandBackBytes().substr(0, 30), {rogue.parcel.fd.Get()});
        }}},
      {"version",
       {true,
        [](const Rogue& rogue) {
          std::string bytes = rogue.HandBackBytes();
          bytes[2] = static_cast<char>(static_cast<int>(kWireVersion) + 1);
          (void)rogue.Send(bytes, {rogue.parcel.fd.Get()});
        }}},
      {"masters-words",
       {true,
        [](const Rogue& rogue) { (void)rogue.Send(Rogue::Bytes(HandOver{}), {rogue.parcel.fd.Get()}); }}},
      {"ready-with-descriptor",
       {false, [](const Rogue& rogue) { (void)rogue.Send(Rogue::Bytes(Ready{rogue.id}), {2}); }}},
      {"no-descriptor", {true, [](const Rogue& rogue) { rogue.HandBackWith({}); }}},
      {"two-descriptors",
       {true, [](const Rogue& rogue) { rogue.HandBackWith(std::vector<int>(2, rogue.parcel.fd.Get())); }}},
      {"three-descriptors",
       {true, [](const Rogue& rogue) { rogue.HandBackWith(std::vector<int>(3, rogue.parcel.fd.Get())); }}},
      {"heavy-without-file",
       {true,
        [](const Rogue& rogue) {
          rogue.HandBackChanged([](HandBack& message) {
            message.wake_now = true;
            message.parcel.heavy = UniqueFd(PipeEnd());
          });
        }}},
      {"heavy-and-idle",
       {true,
        [](const Rogue& rogue) {
          const int file = PipeEnd();
          rogue.HandBackChanged([&](HandBack& message) { message.parcel.heavy = UniqueFd(file); }, {file});
        }}},
      {"17-descriptors",
       {true, [](const Rogue& rogue) { rogue.HandBackWith(std::vector<int>(17, rogue.parcel.fd.Get())); }}},
      {"pipe", {true, [](const Rogue& rogue) { rogue.HandBackWith({PipeEnd()}); }}},
      {"file", {true, [](const Rogue& rogue) { rogue.HandBackWith({::open("/etc/hostname", O_RDONLY)}); }}},
      {"udp", {true, [](const Rogue& rogue) { rogue.HandBackWith({::socket(AF_INET, SOCK_DGRAM, 0)}); }}},
      {"listening", {true, [](const Rogue& rogue) { rogue.HandBackWith({Listening()}); }}},
      {"channel", {true, [](const Rogue& rogue) { rogue.HandBackWith({rogue.channel}); }}},
      {"twice",
       {true,
        [](const Rogue& rogue) {
          for (int i = 0; i < 2; ++i) rogue.HandBackWith({rogue.parcel.fd.Get()});
        }}},
      {"never-given",
       {false, [](const Rogue& rogue) { rogue.HandBackWith({::socket(AF_INET, SOCK_STREAM, 0)}); }}},
      {"unconnected",
       {true, [](const Rogue& rogue) { rogue.HandBackWith({::socket(AF_INET, SOCK_STREAM, 0)}); }}},
      {"own-connection", {true, [](const Rogue& rogue) { rogue.HandBackWith({OwnConnection()}); }}},
      {"own-tcp-connection", {true, [](const Rogue& rogue) { rogue.HandBackWith({OwnTcpConnection()}); }}},
      {"other-number",
       {true,
        [](const Rogue& rogue) {
          rogue.HandBackChanged([](HandBack& message) { message.parcel.id = Next(message.parcel.id); });
        }}},
      {"other-listener",
       {true,
        [](const Rogue& rogue) {
          rogue.HandBackChanged([](HandBack& message) { message.parcel.listener = ListenerId{7}; });
        }}},
      {"other-service",
       {true,
        [](const Rogue& rogue) {
          rogue.HandBackChanged([](HandBack& message) { message.parcel.service = ServiceId{7}; });
        }}},
      {"other-time",
       {true,
        [](const Rogue& rogue) {
          rogue.HandBackChanged([](HandBack& message) { message.parcel.accepted_at += Duration(1); });
        }}},
      {"own-seal",
       {true,
        [](const Rogue& rogue) {
          rogue.HandBackChanged([](HandBack& message) { message.parcel.seal ^= 1; });
        }}},
      // Its row claims that it has been given more connections.
      {"forged-row",
       {true,
        [](const Rogue& rogue) {
          Set(rogue.row->handed_over, 1000);
          for (int i = 0; i < 2; ++i) rogue.HandBackWith({rogue.parcel.fd.Get()});
        }}},
      // Writes into other rows: that another worker has not answered for long, and that the server is
      // stopping.
      {"others-row",
       {false,
        [](const Rogue& rogue) {
          WorkerRow& victim = rogue.board->Row(Slot{1});
          if (::mprotect(&victim, sizeof(victim), PROT_READ | PROT_WRITE) == 0) std::abort();
          for (;;) Set(victim.heartbeat_ns, 1);
        }}},
      {"masters-page",
       {false,
        [](const Rogue& rogue) {
          MasterPage& page = rogue.board->Master();
          if (::mprotect(&page, kPageBytes, PROT_READ | PROT_WRITE) == 0) std::abort();
          for (;;) page.state.store(MasterState::kStopping);
        }}},
      {"client-book",
       {false,
        [](const Rogue& rogue) {
          ClientBook& book = rogue.board->Clients().book;
          if (::mprotect(&book, kPageBytes, PROT_READ | PROT_WRITE) == 0) std::abort();
          // Without volatile the compiler may leave out a store in a loop that never ends.
          volatile std::uint64_t& key = book.key[0];
          for (;;) key = 1;
        }}},
      {"others-notes",
       {false,
        [](const Rogue& rogue) {
          ClientNotes& notes = rogue.board->Clients().notes[1];
          if (::mprotect(&notes, kPageBytes, PROT_READ | PROT_WRITE) == 0) std::abort();
          for (;;) notes.NoteEnd(1);
        }}},
      // Not visible in messages, for its whole life: the client at 127.0.0.3 has all connections there are,
      // those of others have ended, and it has used up its rate for hours to come.
      {"forged-clients", {false, [](const Rogue& rogue) { ForgeClients(*rogue.board, rogue.id.slot); }}},
      // The same for all connections there can be, as fast as it can: reading that would keep the master
      // busy.
      {"forged-ends",
       {false,
        [](const Rogue& rogue) {
          ClientNotes& notes = rogue.board->Clients().notes[Raw(rogue.id.slot)];
          for (;;)
            for (std::size_t place = 0; place < ClientNotes::kPlaces; ++place) notes.NoteEnd(place);
        }}},
      // Not visible in messages: changes a file that the master and other processes share.
      {"blocking-channel", {false, [](const Rogue& rogue) { (void)::fcntl(rogue.channel, F_SETFL, 0); }}},
      {"blocking-client",
       {true,
        [](const Rogue& rogue) {
          (void)::fcntl(rogue.parcel.fd.Get(), F_SETFL, 0);
          rogue.HandBackChanged([](HandBack& message) { message.wake_now = true; });
        }}},
      {"lingering",
       {true,
        [](const Rogue& rogue) {
          const linger for_ever{1, 3600};
          (void)::setsockopt(rogue.parcel.fd.Get(), SOL_SOCKET, SO_LINGER, &for_ever, sizeof(for_ever));
          const std::string bytes(1 << 20, 'x');
          while (::send(rogue.parcel.fd.Get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
          }
          rogue.HandBackChanged([](HandBack& message) { message.idle_left_ns = 50'000'000; });
          UniqueFd mine(rogue.parcel.fd.Get());  // the master's close is then the last one
        }}},
      {"other-worker",
       {false,
        [](const Rogue& rogue) {
          (void)rogue.Send(Rogue::Bytes(Ready{WorkerId{Slot{1}, Next(rogue.id.incarnation)}}));
        }}},
      {"old-incarnation",
       {false,
        [](const Rogue& rogue) {
          (void)rogue.Send(Rogue::Bytes(Ready{WorkerId{rogue.id.slot, Incarnation{0}}}));
        }}},
      {"shutdown", {false, [](const Rogue& rogue) { (void)::shutdown(rogue.channel, SHUT_WR); }}},
      {"million",
       {false,
        [](const Rogue& rogue) {
          const std::string ready = Rogue::Bytes(Ready{rogue.id});
          for (int i = 0; i < 1'000'000 && rogue.Send(ready); ++i) {
          }
        }}},
  };
  return tricks;
}

// Ran before as a normal worker (worker/process/child_setup.cc).
[[noreturn]] void Misbehave(const WorkerStart& start, const Trick& trick) {
  if (!start.scoreboard->ConfineTo(start.id.slot).Ok()) std::abort();
  Rogue rogue{start.channel, start.id, start.scoreboard, &start.scoreboard->Row(start.id.slot), {}};
  (void)rogue.Send(Rogue::Bytes(Ready{rogue.id}));
  if (trick.with_parcel) {
    rogue.parcel = TakeParcel(start.channel);
    Add(start.scoreboard->Row(start.id.slot).taken);
  }
  trick.play(rogue);
  for (;;) ::pause();
}

}  // namespace
}  // namespace preforkd::testing

int main(int argc, char** argv) {
  preforkd::ServiceTypes services;
  services["echo"] = preforkd::EchoServiceType();
  const preforkd::WorkerEntry sane = preforkd::MakeWorkerEntry(services);

  const char* name = std::getenv("ROGUE_TRICK");
  const auto trick = preforkd::testing::Tricks().find(name != nullptr ? name : "");

  preforkd::Program program;
  program.service_types = preforkd::Declarations(services);
  program.worker = [&](preforkd::WorkerStart start) {
    const bool first = preforkd::Raw(start.id.slot) == 0 && preforkd::Raw(start.id.incarnation) == 1;
    if (trick != preforkd::testing::Tricks().end() && first)
      preforkd::testing::Misbehave(start, trick->second);
    sane(std::move(start));
  };
  return preforkd::RunProgram(argc, argv, program);
}
