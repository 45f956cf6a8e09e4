#include "tests/loopback/http/http_bed.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "common/base/check.h"
#include "common/config/setting_value.h"
#include "worker/http/http_service.h"
#include "worker/http/syntax/syntax.h"

namespace preforkd::testing {
namespace {

class FunctionHandler final : public HttpHandler {
 public:
  explicit FunctionHandler(HttpBed::Handle handle) : handle_(std::move(handle)) {}
  void Handle(const HttpRequest& request, HttpResponse& response) override { handle_(request, response); }

 private:
  HttpBed::Handle handle_;
};

std::array<UniqueFd, 2> UnixPair() {
  std::array<int, 2> fds{};
  PF_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) == 0,
           "socketpair");
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

std::array<UniqueFd, 2> TcpPair(SocketAddress& peer) {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  PF_CHECK(::bind(listener.Get(), raw, length) == 0 && ::listen(listener.Get(), 1) == 0, "listen");
  PF_CHECK(::getsockname(listener.Get(), raw, &length) == 0, "getsockname");
  UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  PF_CHECK(::connect(client.Get(), raw, length) == 0, "connect");
  peer.length = sizeof(peer.storage);
  UniqueFd server(::accept4(listener.Get(), peer.Get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  PF_CHECK(server.Valid(), "accept4");
  PF_CHECK(::fcntl(client.Get(), F_SETFL, O_NONBLOCK) == 0, "fcntl");
  return {std::move(client), std::move(server)};
}

EventLoop MakeLoop() { return std::move(EventLoop::Create()).Value(); }
Scoreboard MakeScoreboard() { return std::move(Scoreboard::Create()).Value(); }

bool ParseField(std::string_view line, Answer& answer) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(), http::ToLower);
  answer.fields.emplace(std::move(name), http::TrimBlanks(line.substr(colon + 1)));
  return true;
}

// Removes one head from `received`. Status -1 when there is none.
Answer TakeHead(std::string_view& received) {
  Answer answer;
  answer.status = -1;
  const std::size_t end = received.find("\r\n\r\n");
  if (end == std::string_view::npos || !received.starts_with("HTTP/1.1 ")) return answer;
  answer.head = received.substr(0, end + 4);
  received.remove_prefix(end + 4);
  std::string_view lines = std::string_view(answer.head).substr(0, end + 2);
  const int status = std::stoi(answer.head.substr(9, 3));
  lines.remove_prefix(lines.find("\r\n") + 2);
  while (!lines.empty()) {
    const std::size_t line = lines.find("\r\n");
    if (!ParseField(lines.substr(0, line), answer)) return answer;
    lines.remove_prefix(line + 2);
  }
  answer.status = status;
  return answer;
}

}  // namespace

std::vector<Answer> ParseAnswers(std::string_view received, bool head_only) {
  std::vector<Answer> answers;
  while (!received.empty()) {
    Answer answer = TakeHead(received);
    const std::string length = answer.Field("content-length");
    if (answer.status > 0 && !head_only && !length.empty()) {
      const std::size_t size = std::stoul(length);
      if (size > received.size()) answer.status = -1;
      answer.body = received.substr(0, size);
      received.remove_prefix(answer.body.size());
    }
    const bool broken = answer.status < 0;
    answers.push_back(std::move(answer));
    if (broken) break;
  }
  return answers;
}

std::size_t Client::Write(std::string_view bytes) {
  const ssize_t size = ::send(fd_.Get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return size > 0 ? static_cast<std::size_t>(size) : 0;
}

void Client::Finish() { ::shutdown(fd_.Get(), SHUT_WR); }

void Client::Reset() {
  const linger hard{1, 0};
  PF_CHECK(::setsockopt(fd_.Get(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)) == 0, "SO_LINGER");
  fd_.Reset();
}

void Client::Read(std::size_t at_most) {
  std::array<char, 64 * 1024> buffer;
  while (at_most > 0 && fd_.Valid()) {
    const ssize_t size = ::recv(fd_.Get(), buffer.data(), std::min(buffer.size(), at_most), 0);
    if (size <= 0) {
      ended_ = ended_ || size == 0 || errno != EAGAIN;
      return;
    }
    received_.append(buffer.data(), static_cast<std::size_t>(size));
    at_most -= static_cast<std::size_t>(size);
  }
}

ServiceConfig ConfigOf(const ServiceType& type, const std::map<std::string, std::string>& written) {
  ServiceConfig config;
  config.settings = Settings(type.settings);
  for (const Setting& setting : type.settings) {
    const auto found = written.find(setting.name);
    if (found == written.end()) continue;
    config.settings.Set(setting.name, ReadValue(setting, {Written::Kind::kWord, found->second}).Value());
  }
  return config;
}

HttpBed::HttpBed(const std::map<std::string, std::string>& written, const ServiceType& type,
                 std::vector<SettingsTable> tables)
    : loop_(MakeLoop()), scoreboard_(MakeScoreboard()) {
  Prepare();
  ServiceConfig config = ConfigOf(type, written);
  config.tables = std::move(tables);
  service_ = std::move(type.factory(config, *env_)).Value();
}

HttpBed::HttpBed(const HttpSettings& settings, Handle handle)
    : loop_(MakeLoop()), scoreboard_(MakeScoreboard()) {
  Prepare();
  service_ = MakeHttpService(settings, std::make_unique<FunctionHandler>(std::move(handle)));
}

HttpBed::HttpBed(const HttpSettings& settings, std::unique_ptr<RequestHandler> handler)
    : loop_(MakeLoop()), scoreboard_(MakeScoreboard()) {
  Prepare();
  service_ = MakeHttpService(settings, std::move(handler));
}

HttpBed::~HttpBed() = default;

void HttpBed::Prepare() {
  ::signal(SIGPIPE, SIG_IGN);  // as in a worker: sendfile has no flag against it
  const WorkerId id{Slot{3}, Incarnation{7}};
  WorkerRow& row = scoreboard_.Use(id.slot);
  Set(row.pid, static_cast<std::uint64_t>(::getpid()));
  env_.reset(new WorkerEnv{loop_, scoreboard_, row, id, Generation{1}, std::make_shared<Config>()});
}

std::unique_ptr<Client> HttpBed::Connect(SocketKind kind, Luggage luggage) {
  Parcel parcel;
  parcel.id = ConnId{next_id_++};
  auto [client, server] = kind == SocketKind::kTcp ? TcpPair(parcel.peer) : UnixPair();
  parcel.fd = std::move(server);
  parcel.accepted_at = Now();
  LiveConnection::Owner& owner = *this;
  live_.push_back(std::make_unique<LiveConnection>(*env_, owner, std::move(parcel)));
  unstarted_.emplace_back(live_.back().get(), std::move(luggage));
  return std::make_unique<Client>(std::move(client));
}

void HttpBed::Serve(Parcel parcel) {
  LiveConnection::Owner& owner = *this;
  live_.push_back(std::make_unique<LiveConnection>(*env_, owner, std::move(parcel)));
  live_.back()->Start(*service_, {});
}

void HttpBed::Resume() {
  LiveConnection::Owner& owner = *this;
  for (auto& [parcel, luggage] : std::exchange(parked_, {})) {
    live_.push_back(std::make_unique<LiveConnection>(*env_, owner, std::move(parcel)));
    unstarted_.emplace_back(live_.back().get(), std::move(luggage));
  }
  Turn();
}

std::uint64_t HttpBed::Activity() const {
  return Get(env_->row.bytes_in) + Get(env_->row.bytes_out) + Get(env_->row.finished) +
         Get(env_->row.requests);
}

void HttpBed::Turn() {
  for (auto& [connection, luggage] : std::exchange(unstarted_, {})) {
    connection->Start(*service_, std::move(luggage));
  }
  // Two turns without a byte or a close: nothing is ready any more.
  for (int quiet = 0; quiet < 2;) {
    const std::uint64_t before = Activity();
    Timer now(loop_, EventLoop::kPriorityControl, [] {});
    now.SetAfter(Duration(0));
    PF_CHECK(loop_.RunOnce().Ok(), "the loop broke");
    quiet = Activity() == before ? quiet + 1 : 0;
  }
}

bool HttpBed::Until(const std::function<bool()>& condition) {
  const Time deadline = Now() + std::chrono::seconds(10);
  for (Turn(); !condition(); Turn()) {
    if (Now() > deadline) return false;
    Timer tick(loop_, EventLoop::kPriorityClient, [] {});
    tick.SetAfter(std::chrono::milliseconds(5));
    PF_CHECK(loop_.RunOnce().Ok(), "the loop broke");
  }
  return true;
}

void HttpBed::Exchange(Client& client, std::string_view bytes) {
  do {
    const std::size_t size = client.Write(bytes);
    bytes.remove_prefix(size);
    Turn();
    client.Read();
    if (size == 0 && client.Ended()) return;
  } while (!bytes.empty());
  Turn();
  client.Read();
}

void HttpBed::Retire() {
  env_->retiring = true;
  for (const auto& connection : live_) connection->Retire();
  Turn();
}

LiveConnection& HttpBed::Last() {
  PF_CHECK(!live_.empty(), "no connection is alive");
  return *live_.back();
}

// As in a worker when the master takes the connection: the session ends, the client's socket stays open.
void HttpBed::OnConnectionIdle(LiveConnection& connection) {
  std::optional<Luggage> luggage = connection.Pack();
  if (!luggage) return;
  parked_.push_back({connection.Client().TakeParcel(), std::move(*luggage)});
  Add(env_->row.returned);
  std::erase_if(live_, [&connection](const auto& owned) { return owned.get() == &connection; });
}

void HttpBed::OnConnectionClosed(LiveConnection& connection) {
  connection.LogEnd();
  Add(env_->row.finished);
  std::erase_if(live_, [&connection](const auto& owned) { return owned.get() == &connection; });
}

void Mirror(const HttpRequest& request, HttpResponse& response) {
  response.SetContentType("text/plain");
  std::string& body = response.Body();
  body.append(request.method_name).append(" ").append(request.path);
  if (!request.query.empty()) body.append("?").append(request.query);
  if (const auto value = request.Field("x")) body.append(" [").append(*value).append("]");
  body.append(" ").append(request.body);
}

}  // namespace preforkd::testing
