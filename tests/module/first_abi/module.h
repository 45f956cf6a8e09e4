/* A copy of preforkd/module.h as it was when the interface began. Never change it: modules that were built
 * with it must load in every later server (first_abi_test.cc). The comments are in the original. */
#ifndef PREFORKD_FIRST_MODULE_H
#define PREFORKD_FIRST_MODULE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PFD_ABI 1u

#define PFD_HAS(table, member) \
  ((table)->size >= offsetof(__typeof__(*(table)), member) + sizeof((table)->member))

typedef struct pfd_str {
  const char* data;
  size_t size;
} pfd_str;

typedef struct pfd_field {
  pfd_str name;
  pfd_str value;
} pfd_field;

typedef struct pfd_service pfd_service;
typedef struct pfd_request pfd_request;
typedef struct pfd_connection pfd_connection;
typedef struct pfd_timer pfd_timer;
typedef struct pfd_watch pfd_watch;

enum {
  PFD_TEXT = 0,
  PFD_NUMBER = 1,
  PFD_SIZE = 2,
  PFD_DURATION = 3,
  PFD_FLAG = 4,
  PFD_CHOICE = 5,
  PFD_PATH = 6,
  PFD_FOLDER = 7
};

typedef struct pfd_setting {
  const char* name;
  uint32_t kind;
  uint32_t required;
  const char* min;
  const char* max;
  const char* fallback;
  const char* words;
  const char* doc;
} pfd_setting;

typedef struct pfd_counter {
  const char* name;
  const char* help;
} pfd_counter;

enum { PFD_DEBUG = 0, PFD_INFO = 1, PFD_NOTICE = 2, PFD_WARNING = 3, PFD_ERROR = 4 };

enum { PFD_READ = 1, PFD_WRITE = 2 };

typedef struct pfd_place {
  uint32_t size;
  uint32_t slot;
  uint64_t incarnation;
  uint64_t generation;
  pfd_str service;
  uint32_t thread;
  uint32_t pid;
} pfd_place;

typedef struct pfd_host {
  uint32_t size;
  uint32_t abi;
  pfd_str version;

  void (*log)(pfd_service*, int level, pfd_str text);

  pfd_str (*text)(pfd_service*, const char* name);

  uint64_t (*number)(pfd_service*, const char* name);
  void (*place)(pfd_service*, pfd_place*);

  void (*count)(pfd_service*, uint32_t counter, uint64_t amount);

  int (*post)(pfd_service*, void (*call)(void*), void* argument);

  pfd_timer* (*after)(pfd_service*, uint64_t nanoseconds, void (*call)(void*), void* argument);
  void (*cancel)(pfd_timer*);

  pfd_watch* (*watch)(pfd_service*, int fd, uint32_t interest, void (*call)(void*, uint32_t ready),
                      void* argument);
  void (*unwatch)(pfd_watch*);

  pfd_str (*method)(const pfd_request*);
  pfd_str (*target)(const pfd_request*);
  pfd_str (*path)(const pfd_request*);
  pfd_str (*query)(const pfd_request*);
  pfd_str (*authority)(const pfd_request*);
  size_t (*fields)(const pfd_request*, const pfd_field** fields);

  pfd_str (*field)(const pfd_request*, pfd_str name, size_t nth);
  pfd_str (*peer)(const pfd_request*);
  uint64_t (*connection_id)(const pfd_request*);

  pfd_str (*body)(const pfd_request*);

  int64_t (*read)(pfd_request*, void* into, size_t size);

  int (*respond)(pfd_request*, int status, const pfd_field* fields, size_t count, pfd_str body);

  int (*respond_file)(pfd_request*, int status, const pfd_field* fields, size_t count, int fd,
                      uint64_t offset, uint64_t size);

  int (*begin)(pfd_request*, int status, const pfd_field* fields, size_t count);

  int64_t (*write)(pfd_request*, pfd_str piece);
  int (*end)(pfd_request*);

  void (*keep)(pfd_request*);
  void (*drop)(pfd_request*);

  int (*gone)(const pfd_request*);

  void (*set_data)(pfd_request*, void*);
  void* (*data)(const pfd_request*);

  pfd_str (*client)(const pfd_connection*);
  uint64_t (*client_id)(const pfd_connection*);

  int64_t (*send)(pfd_connection*, pfd_str bytes);

  void (*finish)(pfd_connection*);

  void (*idle_timeout)(pfd_connection*, uint64_t nanoseconds);

  void (*deadline)(pfd_connection*, uint64_t nanoseconds);

  void (*count_request)(pfd_connection*);

  void (*doing)(pfd_connection*, pfd_str what);
} pfd_host;

enum { PFD_EVENT = 0, PFD_BLOCKING = 1, PFD_PROTOCOL = 2 };

enum {
  PFD_CALLS_NETWORK = 1,
  PFD_CALLS_FILES = 2,
  PFD_CALLS_PROCESSES = 4,
  PFD_CALLS_THREADS = 8,
  PFD_CALLS_CODE = 16
};

enum { PFD_PIECES = 1, PFD_CLIENT_SPEAKS = 2 };

typedef struct pfd_luggage {
  uint32_t size;
  uint32_t wake;
  char* context;
  size_t capacity;
  size_t used;
} pfd_luggage;

typedef struct pfd_protocol {
  uint32_t size;
  uint32_t reserved;

  void* (*open)(void* state, pfd_connection*, pfd_str context);

  size_t (*bytes)(void* session, pfd_str bytes);

  void (*drained)(void* session);

  void (*ended)(void* session);
  void (*timeout)(void* session);

  int (*pack)(const void* session, pfd_luggage* luggage);

  void (*retire)(void* session);

  void (*close)(void* session);
} pfd_protocol;

typedef struct pfd_module {
  uint32_t size;
  uint32_t abi;
  const char* name;
  const char* version;
  uint32_t kind;
  uint32_t flags;
  uint32_t calls;
  uint32_t setting_count;
  uint32_t counter_count;
  uint32_t reserved;
  const pfd_setting* settings;
  const pfd_counter* counters;

  int (*init)(const pfd_host* host, pfd_service* service, void** state, char* error, size_t error_size);

  void (*handle)(void* state, pfd_request*);

  void (*gone)(void* state, pfd_request*);
  void (*drained)(void* state, pfd_request*);
  void (*arrived)(void* state, pfd_request*);

  void (*retire)(void* state);

  void (*end)(void* state);
  const pfd_protocol* protocol;
} pfd_module;

#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const pfd_module*
preforkd_module(void);

#ifdef __cplusplus
}
#endif

#endif
