/* One small module in many versions, most of which cannot be used: what the macro SAMPLE names is wrong with it. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/api/module.h"

#define GOOD 0
#define NO_SYMBOL 1
#define NEWER 2
#define NO_TABLE 3
#define CRASHES 4
#define HANGS 5
#define EXITS 6
#define FLOODS 7
#define LIES 8
#define TAKES_A_NAME 9
#define PROTOCOL 10
#define INIT_FAILS 11
#define INIT_CRASHES 12
#define CHANGED 13
#define BAD_SETTING 14
#define BLOCKS 15

/* In a process that opens it: the pipe to the master. */
#define CHANNEL 3

__attribute__((constructor)) static void Begin(void) {
#if SAMPLE == CRASHES
  (void)raise(SIGSEGV);
#elif SAMPLE == HANGS
  for (;;) pause();
#elif SAMPLE == EXITS
  _exit(3);
#elif SAMPLE == FLOODS
  static char many[1 << 20];
  (void)!write(CHANNEL, many, sizeof many);
#elif SAMPLE == LIES
  static const char kNonsense[] = "{\"module\":7}";
  (void)!write(CHANNEL, kNonsense, sizeof kNonsense - 1);
#endif
}

#if SAMPLE != NO_SYMBOL

static int Init(const pfd_host* host, pfd_service* service, void** state, char* error, size_t error_size) {
  (void)host;
  (void)service;
#if SAMPLE == INIT_FAILS
  strncpy(error, "no database", error_size);
  *state = NULL;
  return -1;
#else
#if SAMPLE == INIT_CRASHES
  (void)raise(SIGSEGV);
#endif
  (void)error;
  (void)error_size;
  *state = NULL;
  return 0;
#endif
}

static const pfd_setting kSettings[] = {
#if SAMPLE == TAKES_A_NAME
    {"threads", PFD_NUMBER, 0, NULL, NULL, NULL, NULL, "how many"},
#elif SAMPLE == BAD_SETTING
    {"size", PFD_SIZE, 0, "1KiB", "1MiB", "2MiB", NULL, "how large"},
#elif SAMPLE == CHANGED
    {"salute", PFD_TEXT, 0, NULL, NULL, "hello", NULL, "the first word"},
#else
    {"greeting", PFD_TEXT, 0, "1", "20", "hello", NULL, "the first word"},
    {"mode", PFD_CHOICE, 0, NULL, NULL, NULL, "fast,slow", "how it works"},
    {"limit", PFD_SIZE, 0, "1KiB", "1MiB", "64KiB", NULL, "the most that it takes"},
    {"token", PFD_TEXT, 1, "1", "100", NULL, NULL, "a secret"},
#endif
};

static const pfd_counter kCounters[] = {{"greetings", "greetings given"}};

#if SAMPLE == PROTOCOL
static void* Open(void* state, pfd_connection* connection, pfd_str context) {
  (void)state;
  (void)context;
  return connection;
}
static size_t Bytes(void* session, pfd_str bytes) {
  (void)session;
  return bytes.size;
}
static void Close(void* session) { (void)session; }
static const pfd_protocol kProtocol = {.size = sizeof(pfd_protocol), .open = Open, .bytes = Bytes, .close = Close};
#else
static void Handle(void* state, pfd_request* request) {
  (void)state;
  (void)request;
}
#endif

static const pfd_module kModule = {
    .size = sizeof(pfd_module),
#if SAMPLE == NEWER
    .abi = PFD_ABI + 1,
#else
    .abi = PFD_ABI,
#endif
    .name = "sample",
    .version = "1.0",
    .calls = PFD_CALLS_NETWORK | PFD_CALLS_THREADS,
    .setting_count = sizeof kSettings / sizeof kSettings[0],
    .counter_count = 1,
    .settings = kSettings,
    .counters = kCounters,
    .init = Init,
#if SAMPLE == PROTOCOL
    .kind = PFD_PROTOCOL,
    .protocol = &kProtocol,
#else
    .kind = SAMPLE == BLOCKS ? PFD_BLOCKING : PFD_EVENT,
    .handle = Handle,
#endif
};

const pfd_module* preforkd_module(void) {
  return SAMPLE == NO_TABLE ? NULL : &kModule;
}

#endif
