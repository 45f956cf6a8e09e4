/* A module in C: the table is written by hand, and nothing but the header is needed.
 * gcc -O2 -fPIC -shared hello_c.c -o hello_c.so */
#include <preforkd/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct state {
  const pfd_host* host;
  pfd_service* service;
};

static pfd_str text_of(const char* text) {
  const pfd_str str = {text, strlen(text)};
  return str;
}

static int start(const pfd_host* host, pfd_service* service, void** state, char* error, size_t error_size) {
  struct state* made = malloc(sizeof(*made));
  if (made == NULL) {
    snprintf(error, error_size, "no memory");
    return -1;
  }
  made->host = host;
  made->service = service;
  *state = made;
  return 0;
}

static void answer(void* opaque, pfd_request* request) {
  const struct state* state = opaque;
  const pfd_field type = {text_of("content-type"), text_of("text/plain; charset=utf-8")};
  const pfd_str greeting = state->host->text(state->service, "greeting");
  const pfd_str path = state->host->path(request);
  char body[512];
  const int size = snprintf(body, sizeof(body), "%.*s from C at %.*s\n", (int)(greeting.size & 63), greeting.data,
                            (int)(path.size < 400 ? path.size : 400), path.data);
  const pfd_str sent = {body, (size_t)size};
  state->host->count(state->service, 0, 1);
  state->host->respond(request, 200, &type, 1, sent);
}

static void end(void* state) { free(state); }

static const pfd_setting settings[] = {{"greeting", PFD_TEXT, 0, "1", "40", "hello", NULL, "What it says."}};
static const pfd_counter counters[] = {{"greetings", "Greetings that were answered."}};

static const pfd_module table = {
    .size = sizeof(table),
    .abi = PFD_ABI,
    .name = "hello_c",
    .version = "1.0",
    .kind = PFD_EVENT,
    .setting_count = 1,
    .counter_count = 1,
    .settings = settings,
    .counters = counters,
    .init = start,
    .handle = answer,
    .end = end,
};

const pfd_module* preforkd_module(void) { return &table; }
