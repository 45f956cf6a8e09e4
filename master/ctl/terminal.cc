#include "master/ctl/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>

namespace preforkd {
namespace {

// Set by the handlers, which run only in ppoll: the signals are blocked everywhere else.
volatile std::sig_atomic_t g_end = 0;
volatile std::sig_atomic_t g_resized = 0;
volatile std::sig_atomic_t g_stop = 0;

constexpr std::string_view kEnterScreen = "\x1b[?1049h\x1b[?25l";  // the alternate screen, without cursor
constexpr std::string_view kLeaveScreen = "\x1b[?25h\x1b[?1049l";
constexpr std::string_view kHome = "\x1b[H";
constexpr std::string_view kClearLine = "\x1b[K";
constexpr std::string_view kClearBelow = "\x1b[J";

void OnSignal(int signo) {
  if (signo == SIGWINCH) {
    g_resized = 1;
  } else if (signo == SIGTSTP) {
    g_stop = 1;
  } else {
    g_end = 1;
  }
}

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP};

void WriteAll(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return;  // the terminal is gone: Await reports it
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

bool Terminal::Present() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1; }

Terminal::Terminal() {
  struct sigaction action {};
  action.sa_handler = OnSignal;
  sigset_t blocked;
  ::sigemptyset(&blocked);
  for (const int signo : kSignals) {
    ::sigaction(signo, &action, nullptr);
    ::sigaddset(&blocked, signo);
  }
  ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
  ::tcgetattr(STDIN_FILENO, &before_);
  Enter();
}

Terminal::~Terminal() { Leave(); }

void Terminal::Enter() {
  termios raw = before_;
  // Keys arrive one by one, without echo; control characters still raise signals.
  raw.c_lflag &= static_cast<tcflag_t>(~static_cast<tcflag_t>(ICANON | ECHO));
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  WriteAll(kEnterScreen);
}

void Terminal::Leave() {
  WriteAll(kLeaveScreen);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
}

Terminal::Size Terminal::CurrentSize() const {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

void Terminal::Show(std::string_view text) {
  // Overwrite the lines one by one and clear the rest of each: clearing the whole screen first would flicker.
  std::string screen(kHome);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    screen += text.substr(0, end);
    screen += kClearLine;
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!text.empty()) screen += "\r\n";
  }
  screen += kClearBelow;
  WriteAll(screen);
}

Terminal::Event Terminal::Await(Duration limit, char& key) {
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(limit).count();
  const timespec timeout{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
  pollfd input{STDIN_FILENO, POLLIN, 0};
  sigset_t none;
  ::sigemptyset(&none);
  const int ready = ::ppoll(&input, 1, &timeout, &none);
  if (g_end != 0) return Event::kEnd;
  if (g_stop != 0) {
    g_stop = 0;
    Leave();
    ::raise(SIGSTOP);  // until SIGCONT
    Enter();
    return Event::kRedraw;
  }
  if (g_resized != 0) {
    g_resized = 0;
    return Event::kRedraw;
  }
  if (ready <= 0) return Event::kTimeout;
  return ::read(STDIN_FILENO, &key, 1) == 1 ? Event::kKey : Event::kEnd;
}

}  // namespace preforkd
