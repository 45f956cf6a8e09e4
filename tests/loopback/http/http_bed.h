// HttpBed: an HTTP service, its loop and its connections in one process, with the client's ends of the
// sockets owned by the test. Nothing sleeps: Turn() runs ready events, and only tests of timeouts
// wait for a clock.
#ifndef PREFORKD_TESTS_LOOPBACK_HTTP_HTTP_BED_H_
#define PREFORKD_TESTS_LOOPBACK_HTTP_HTTP_BED_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/event/timer.h"
#include "worker/connection/live_connection.h"
#include "worker/connection/service.h"
#include "worker/http/answer/handler.h"
#include "worker/http/http_settings.h"

namespace preforkd::testing {

struct Answer {
  int status = 0;
  std::multimap<std::string, std::string> fields;  // names in lower case
  std::string body;
  std::string head;  // as received

  [[nodiscard]] std::string Field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? "" : found->second;
  }
};

// Splits the bytes that a client received. `head_only`: the answers are to HEAD. Unparsable bytes make the
// last answer one with status -1.
std::vector<Answer> ParseAnswers(std::string_view received, bool head_only = false);

enum class SocketKind { kUnix, kTcp };

// The client's end of one connection.
class Client {
 public:
  explicit Client(UniqueFd fd) : fd_(std::move(fd)) {}
  // Sends as much as the socket takes; returns the number of bytes.
  std::size_t Write(std::string_view bytes);
  void Finish();  // FIN
  void Close() { fd_.Reset(); }
  void Reset();  // RST, on TCP
  // Moves the arrived bytes to received(). Stops after `at_most` bytes.
  void Read(std::size_t at_most = SIZE_MAX);
  [[nodiscard]] const std::string& Received() const { return received_; }
  void Forget() { std::string().swap(received_); }
  // The server has sent FIN, or RST.
  [[nodiscard]] bool Ended() const { return ended_; }
  [[nodiscard]] int Fd() const { return fd_.Get(); }

 private:
  UniqueFd fd_;
  std::string received_;
  bool ended_ = false;
};

class HttpBed final : LiveConnection::Owner {
 public:
  using Handle = std::function<void(const HttpRequest&, HttpResponse&)>;

  // `written`: of the type's settings, as text.
  HttpBed(const std::map<std::string, std::string>& written, const ServiceType& type,
          std::vector<SettingsTable> tables = {});
  HttpBed(const HttpSettings& settings, Handle handle);
  HttpBed(const HttpSettings& settings, std::unique_ptr<RequestHandler> handler);
  ~HttpBed() override;

  // A connection whose client has not been looked at yet, as after a deferred accept.
  std::unique_ptr<Client> Connect(SocketKind kind = SocketKind::kUnix, Luggage luggage = {});
  // One that has been taken: answers it as far as that goes at once.
  void Serve(Parcel parcel);
  // Starts new connections, and runs ready events until none is left.
  void Turn();
  // Turns, and waits, until `condition` holds; false when it does not within 10 s.
  bool Until(const std::function<bool()>& condition);
  // Sends `bytes` (however long they are), turns until quiet, and reads everything.
  void Exchange(Client& client, std::string_view bytes);

  [[nodiscard]] std::size_t Live() const { return live_.size(); }
  // Connections that have gone back to where a master would be.
  [[nodiscard]] std::size_t Travelled() const { return parked_.size(); }
  // What the one that went last has with it.
  [[nodiscard]] const Luggage& LastLuggage() const { return parked_.back().luggage; }
  // All of them come back, as into another worker.
  void Resume();
  // How often the loop called a session.
  [[nodiscard]] std::uint64_t Callbacks() const { return Get(env_->row.callbacks); }
  // All connections, as when the worker retires or the server stops.
  void Retire();
  // The connection that was started last and is alive.
  [[nodiscard]] LiveConnection& Last();
  [[nodiscard]] WorkerEnv& Env() { return *env_; }

 private:
  struct Parked {
    Parcel parcel;
    Luggage luggage;
  };

  void OnConnectionClosed(LiveConnection& connection) override;
  void OnConnectionIdle(LiveConnection& connection) override;
  void Prepare();
  [[nodiscard]] std::uint64_t Activity() const;

  EventLoop loop_;
  Scoreboard scoreboard_;
  std::unique_ptr<WorkerEnv> env_;
  std::unique_ptr<Service> service_;
  std::vector<std::unique_ptr<LiveConnection>> live_;
  std::vector<Parked> parked_;
  std::vector<std::pair<LiveConnection*, Luggage>> unstarted_;
  std::uint64_t next_id_ = 1;
};

// A service as the configuration would have it.
ServiceConfig ConfigOf(const ServiceType& type, const std::map<std::string, std::string>& written);

// A handler that answers with the request: "METHOD path?query body".
void Mirror(const HttpRequest& request, HttpResponse& response);

}  // namespace preforkd::testing

#endif
