/* preforkd/module.h: the interface between preforkd and a module, a shared object with services of your own.
 *
 * A module exports one function, preforkd_module(), which returns a table of its functions. The server passes
 * it a table of what the server offers. C only: no C++ type, exception, allocator or FILE crosses.
 *
 * The interface only grows. Each table begins with its size and the number of the interface. New members are
 * added at the end of a table, and PFD_ABI changes only if something is removed. So a module that was built
 * with an older header loads in every later server with the same PFD_ABI. A module that uses a member newer
 * than the first version of the interface checks the table's size first: PFD_HAS(host, member).
 *
 * The server opens the module in a worker process, after the fork and before the worker is ready, and never
 * closes it. --check and each reload also open it, in a process that is thrown away, and run its preload in
 * another one. The master never does.
 *
 * Threads. The loop thread of a worker does all I/O. The functions of an event module and of a protocol run
 * in it: they must not block. The functions of a blocking module run in an application thread and may block;
 * with `threads` = N in the configuration there are N, each with a state of its own, and init, handle, end
 * of one state always run in the same thread. A blocking module that takes connections over (take_over) has
 * one more state, of the loop thread, for its sessions. Server functions may be called from any thread,
 * unless their comment says "loop thread".
 *
 * What goes wrong in a module costs one request: 500 or 504 for the client and a line in the log. An
 * exception should not leave a function of the module (module.hpp catches them); it ends that request or that
 * connection, and is logged.
 */
#ifndef PREFORKD_MODULE_H
#define PREFORKD_MODULE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PFD_ABI 1u

/* The table has this member: it was built with a header that knows it. */
#define PFD_HAS(table, member) \
  ((table)->size >= offsetof(__typeof__(*(table)), member) + sizeof((table)->member))

/* Bytes; not terminated by NUL, and NUL may be among them. An absent text has `data` == NULL. */
typedef struct pfd_str {
  const char* data;
  size_t size;
} pfd_str;

/* A header field. Names compare case-insensitively (RFC 9110 section 5.1). */
typedef struct pfd_field {
  pfd_str name;
  pfd_str value;
} pfd_field;

typedef struct pfd_service pfd_service;       /* one state of the module: of a service, in one thread */
typedef struct pfd_request pfd_request;       /* one HTTP request and its answer */
typedef struct pfd_connection pfd_connection; /* one client of a protocol of the module's own */
typedef struct pfd_timer pfd_timer;
typedef struct pfd_watch pfd_watch;
typedef struct pfd_arena pfd_arena; /* memory that preload() fills */

/* ---- settings: the module's own keys in [service.NAME] ---- */

enum {
  PFD_TEXT = 0,
  PFD_NUMBER = 1,
  PFD_SIZE = 2,     /* bytes: "64KiB" */
  PFD_DURATION = 3, /* "250ms" */
  PFD_FLAG = 4,     /* true or false */
  PFD_CHOICE = 5,   /* one of `words` */
  PFD_PATH = 6,
  PFD_FOLDER = 7 /* empty, or a folder that exists */
};

/* One key. Static storage; every text ends with NUL. The server reads, checks and prints the values. */
typedef struct pfd_setting {
  /* Lower-case letters, digits and '_'. Not a key of the server, such as path or max_body; if a later server
   * gets one of this name, the module's wins. */
  const char* name;
  uint32_t kind;     /* PFD_TEXT ... */
  uint32_t required; /* 1: there is no default, and the section must set it */
  const char* min; /* the range, both ends included, written like a value; of a text: its bytes. NULL: none */
  const char* max;
  const char* fallback; /* the default, written like a value; NULL: "", 0 or false */
  const char* words;    /* of a choice: "fast,slow"; else NULL */
  const char* doc;      /* one line */
} pfd_setting;

/* A counter, shown as preforkd_module_NAME_total{service="..."} in /metrics: the sum over all workers, which
 * never goes back. Static storage; both texts end with NUL. */
typedef struct pfd_counter {
  const char* name; /* lower-case letters, digits and '_', at most 40 */
  const char* help; /* one line */
} pfd_counter;

/* ---- what the server offers ---- */

enum { PFD_DEBUG = 0, PFD_INFO = 1, PFD_NOTICE = 2, PFD_WARNING = 3, PFD_ERROR = 4 };

enum { PFD_READ = 1, PFD_WRITE = 2 };

/* Which worker this is. */
typedef struct pfd_place {
  uint32_t size;
  uint32_t slot;
  uint64_t incarnation; /* number of this process; never used again */
  uint64_t generation;  /* of the configuration; a reload makes the next one */
  pfd_str service;      /* the name in [service.NAME] */
  uint32_t thread;      /* of the application threads, counted from 0; 0 for an event module */
  uint32_t pid;
  uint32_t in_loop; /* 1: this state is of the loop thread, and must not block */
} pfd_place;

/* What is known of the TLS session of a client. The texts are valid as long as what was asked. */
typedef struct pfd_tls {
  uint32_t size;
  uint32_t resumed;    /* 1: with the keys of an earlier session of this client */
  pfd_str version;     /* "TLSv1.3" */
  pfd_str cipher;      /* "AES-128-GCM" */
  pfd_str server_name; /* as the client asked for it; absent: it did not */
  /* Of its certificate, which has been verified; absent: it has shown none, or none was asked for. */
  pfd_str client_subject;     /* RFC 4514: "CN=anna,O=Example" */
  pfd_str client_fingerprint; /* SHA-256, hexadecimal, lower case */
} pfd_tls;

/* What report() tells, each as the status service shows it. */
enum {
  PFD_REPORT_STATUS = 0,   /* JSON: /status.json */
  PFD_REPORT_METRICS = 1,  /* Prometheus, text format 0.0.4: /metrics */
  PFD_REPORT_READINESS = 2 /* empty: the server is ready; else why it is not, one line: /readyz */
};

typedef struct pfd_host {
  uint32_t size;
  uint32_t abi;
  pfd_str version; /* of the server */

  /* ---- the service ---- */

  /* One line in the server's log, with the service's name. Bytes above 4 KiB are cut; control characters are
   * escaped. */
  void (*log)(pfd_service*, int level, pfd_str text);
  /* The value of a declared setting. For texts, paths, choices. Valid as long as the worker. Absent if no
   * such setting of that kind was declared. */
  pfd_str (*text)(pfd_service*, const char* name);
  /* The same for the others: a number, bytes, nanoseconds, 0 or 1. 0 if no such setting was declared. */
  uint64_t (*number)(pfd_service*, const char* name);
  void (*place)(pfd_service*, pfd_place*); /* set place->size first; fills what fits */
  /* Adds to a counter of the module's table. `counter`: its index there; others are ignored. */
  void (*count)(pfd_service*, uint32_t counter, uint64_t amount);

  /* ---- the loop ---- */

  /* Calls `call(argument)` once in the loop thread, soon. 0, or -ESHUTDOWN: the worker ends; -ENOMEM;
   * -EINVAL: `call` is NULL. */
  int (*post)(pfd_service*, void (*call)(void*), void* argument);
  /* Loop thread. Calls `call(argument)` once after `nanoseconds`. Ends by itself after the call. NULL: no
   * memory. */
  pfd_timer* (*after)(pfd_service*, uint64_t nanoseconds, void (*call)(void*), void* argument);
  void (*cancel)(pfd_timer*); /* loop thread; before the call only */
  /* Loop thread. Calls `call(argument, ready)` whenever `fd` is ready for `interest` (PFD_READ | PFD_WRITE),
   * until unwatch. The descriptor stays the module's; unwatch it before it is closed. NULL: it cannot be
   * watched. */
  pfd_watch* (*watch)(pfd_service*, int fd, uint32_t interest, void (*call)(void*, uint32_t ready),
                      void* argument);
  void (*unwatch)(pfd_watch*); /* loop thread; also inside its own call */

  /* ---- a request. Valid inside handle(), and after keep() until drop(); what these return, as long. ---- */

  pfd_str (*method)(const pfd_request*);
  pfd_str (*target)(const pfd_request*);    /* as sent */
  pfd_str (*path)(const pfd_request*);      /* decoded once, dot segments resolved; begins with '/' */
  pfd_str (*query)(const pfd_request*);     /* after '?', as sent; empty if there is none */
  pfd_str (*authority)(const pfd_request*); /* host[:port], from an absolute target or the Host field */
  size_t (*fields)(const pfd_request*, const pfd_field** fields); /* in the order of arrival */
  /* The `nth` line (from 0) of that name; absent if there are not so many. */
  pfd_str (*field)(const pfd_request*, pfd_str name, size_t nth);
  pfd_str (*peer)(const pfd_request*);           /* "192.0.2.7:4711", "unix:"; behind PROXY the real client */
  uint64_t (*connection_id)(const pfd_request*); /* as in the log */
  /* The whole body. Empty where it comes in pieces (PFD_PIECES): read() it. */
  pfd_str (*body)(const pfd_request*);
  /* Copies the next bytes of the body, up to `size`, and forgets them. 0: the body is complete. -EAGAIN:
   * nothing has arrived; arrived() will be called (event module). In an application thread it waits instead.
   * -EPIPE: the client has left, or its body was malformed, too large or too late. */
  int64_t (*read)(pfd_request*, void* into, size_t size);

  /* ---- its answer: one respond(), respond_file(), or begin() write()... end() ----
   *
   * All return 0 or a negative errno: -EALREADY: it has been answered (also by the server: 504 after
   * request_timeout); -EPIPE: the client has left; -EINVAL: HTTP cannot carry it (a status outside 200 to
   * 599, a line break in a field, a field of the connection such as Content-Length), and the client gets 500.
   */

  /* Everything is copied. The server sets Content-Length, Date, Server and Connection; of an answer to HEAD
   * it leaves out the body, here and below. */
  int (*respond)(pfd_request*, int status, const pfd_field* fields, size_t count, pfd_str body);
  /* `size` bytes of a regular file from `offset`; UINT64_MAX: up to its end. The server owns `fd` from now
   * on, and closes it also on an error. */
  int (*respond_file)(pfd_request*, int status, const pfd_field* fields, size_t count, int fd,
                      uint64_t offset, uint64_t size);
  /* An answer of unknown length. The head is sent with the first bytes, or at once if none follow. */
  int (*begin)(pfd_request*, int status, const pfd_field* fields, size_t count);
  /* Sends a piece, which is copied. In the loop thread it takes everything; returns the number of bytes that
   * wait for the client, and if that is above 64 KiB, stop until drained() is called; above 16 MiB the
   * connection is closed. In any other thread it waits until the client has taken enough, and returns 0. */
  int64_t (*write)(pfd_request*, pfd_str piece);
  int (*end)(pfd_request*);

  /* The request stays valid after handle() has returned; each keep() needs one drop(). Call the first keep()
   * inside handle(): what was asked of the request before is not valid after it. A request that is dropped
   * without an answer is answered with 500; with one that was begun and not ended, its connection is closed.
   */
  void (*keep)(pfd_request*);
  void (*drop)(pfd_request*);
  /* 1: the client has left, or the server has answered in place of the module. */
  int (*gone)(const pfd_request*);
  /* A place for the module's own pointer. */
  void (*set_data)(pfd_request*, void*);
  void* (*data)(const pfd_request*);

  /* ---- a connection of the module's own protocol; loop thread. Valid until close() of the protocol. ---- */

  pfd_str (*client)(const pfd_connection*); /* as peer() */
  uint64_t (*client_id)(const pfd_connection*);
  /* Sends bytes, which are copied. Returns the number that wait for the client; while that is above 0 the
   * server reads nothing from it, and drained() follows. -EPIPE: the connection ends. */
  int64_t (*send)(pfd_connection*, pfd_str bytes);
  /* Ends the connection when everything has been sent; a client that does not take it is closed after 60 s.
   * Only close() of the protocol is called after this. */
  void (*finish)(pfd_connection*);
  /* How long the client may be silent before timeout() is called; it starts again with its next bytes, and
   * when it takes output. 0: none. While it runs, and nothing waits, the connection counts as idle, and is
   * handed to the master after parking.after, which closes it without timeout() when the time is over. */
  void (*idle_timeout)(pfd_connection*, uint64_t nanoseconds);
  /* Calls timeout() once after that time, whatever the client does. 0: none. The connection is not parked. */
  void (*deadline)(pfd_connection*, uint64_t nanoseconds);
  /* Counts one request in the metrics and in the limits of recycling. */
  void (*count_request)(pfd_connection*);
  /* What is being done for this client, for reports of a crash or a hang; cut if long. */
  void (*doing)(pfd_connection*, pfd_str what);

  /* ---- what was added later, in this order: test each with PFD_HAS ---- */

  /* Another answer: 101 with `Upgrade: protocol` and `fields`. The connection then leaves HTTP and speaks the
   * module's own protocol: its table `protocol` gets open() with `context`, in the loop thread, as if the
   * session had travelled with that luggage; empty: absent, as for a new client. Bytes that the client sent
   * behind its request are offered to it. Everything is copied; any thread.
   *
   * 0, or as for respond(): -EALREADY, -EPIPE (open() does not follow). -EPROTO: the client does not ask for
   * that protocol (Connection and Upgrade, in HTTP/1.1), and gets 426 with `Upgrade: protocol`. -EINVAL, and
   * the client gets 500: the fields; a context above 49,151 bytes; a body in pieces that has not arrived to
   * its end; or the module has no table `protocol`. */
  int (*take_over)(pfd_request*, pfd_str protocol, const pfd_field* fields, size_t count, pfd_str context);

  /* Calls `take(argument, text)` once, before it returns, with the state of the whole server
   * (PFD_REPORT_...). The text is valid inside the call. 0; -EINVAL: there is no such report, or `take` is
   * NULL; -ENOMEM. */
  int (*report)(pfd_service*, uint32_t what, void (*take)(void* argument, pfd_str text), void* argument);
  /* What the If-Match and If-None-Match of a GET or HEAD mean for a page with that entity tag (with its
   * quotes, not a weak one). 0: answer in full; 304 or 412: answer with that, and no body of your own. */
  int (*precondition)(const pfd_request*, pfd_str etag);
  /* Answers like respond(), with the server's own page for `status`: that of the errors which it finds
   * itself. Nothing of the request is in it. Of a status that has no body (204, 304) there is none. */
  int (*respond_page)(pfd_request*, int status, const pfd_field* fields, size_t count);

  /* Inside preload(), one thread at a time. Memory that is zero; `align`: a power of two, up to 4096. It is
   * never given back. NULL: preload_max is reached. */
  void* (*allocate)(pfd_arena*, size_t size, size_t align);
  /* The root that preload() has set, and the bytes that it allocated (`size` may be NULL). Valid as long as
   * the worker. NULL: the module has no preload. All states, threads and workers of the service see the same;
   * what is written is seen by this worker only, and costs it a copy of the page. */
  void* (*preloaded)(pfd_service*, size_t* size);

  /* 1: the connection is TLS (https), and *facts is filled: set facts->size first; what fits is filled. NULL
   * is allowed. 0: it is plain, or TLS ends in a proxy in front. */
  int (*tls)(const pfd_request*, pfd_tls* facts);
  int (*client_tls)(const pfd_connection*, pfd_tls* facts); /* the same; loop thread */
} pfd_host;

/* ---- what a module offers ---- */

/* Kinds of modules. */
enum {
  PFD_EVENT = 0,    /* HTTP; handle() runs in the loop thread and must not block */
  PFD_BLOCKING = 1, /* HTTP; handle() runs in an application thread and may block */
  PFD_PROTOCOL = 2  /* a protocol of its own, in the loop thread */
};

/* System calls beyond serving connections and reading files; common set names in brackets. */
enum {
  PFD_CALLS_NETWORK = 1,   /* its own sockets and outgoing connections */
  PFD_CALLS_FILES = 2,     /* open for writing, create, rename, remove, lock */
  PFD_CALLS_PROCESSES = 4, /* fork, exec, signals to other processes */
  PFD_CALLS_THREADS = 8,
  PFD_CALLS_CODE = 16 /* executable memory: libraries loaded while serving, JIT compilers */
};

/* Flags. */
enum {
  PFD_PIECES = 1,        /* handle() is called when the head has arrived, and the body is read in pieces */
  PFD_CLIENT_SPEAKS = 2, /* protocol: the client sends first, so the listener may wait for its first bytes */
  /* Added later. handle() is called when the head has arrived, and no answer depends on the body: body() is
   * empty, and what the client sends of it is discarded. */
  PFD_NO_BODY = 4
};

/* What travels with a connection of a protocol: written by pack(). */
typedef struct pfd_luggage {
  uint32_t size;
  uint32_t wake;   /* 1: there is something to do without the client; else the connection may be parked */
  char* context;   /* room for the state of the session; begin it with a version byte of your own */
  size_t capacity; /* of it: 49,152 less what is unread, and less 1 after take_over() */
  size_t used;     /* set by pack() */
} pfd_luggage;

/* A protocol of the module's own. All functions run in the loop thread. */
typedef struct pfd_protocol {
  uint32_t size;
  uint32_t reserved;
  /* A client. `context`: what pack() wrote in another worker; absent for a new client. Returns the session,
   * passed to the functions below; NULL: close it after what was sent. */
  void* (*open)(void* state, pfd_connection*, pfd_str context);
  /* The bytes of the client that were not used yet, at most 48 KiB and one. Returns how many are used now;
   * the rest comes again with more, and after output that waited has been sent. At most 48 KiB may be left
   * unused; a client whose rest is longer is disconnected. */
  size_t (*bytes)(void* session, pfd_str bytes);
  /* Everything has been sent. NULL allowed, as for all below but close. */
  void (*drained)(void* session);
  /* The client has shut down its sending side. NULL: the connection is finished. */
  void (*ended)(void* session);
  void (*timeout)(void* session); /* NULL: the connection is closed */
  /* Copies the state into `luggage` and changes nothing: the connection may stay. 0: it may travel. Otherwise
   * it stays in this worker for now. `used` 0: the next worker opens it as a new client. Neither timeouts nor
   * a client that has shut down its sending side travel. NULL: connections of this protocol do not travel. */
  int (*pack)(const void* session, pfd_luggage* luggage);
  /* The worker leaves and this connection could not travel: finish it soon. */
  void (*retire)(void* session);
  /* The connection has ended, or has left for another worker. Frees the session. */
  void (*close)(void* session);
} pfd_protocol;

typedef struct pfd_module {
  uint32_t size;
  uint32_t abi;
  const char* name;    /* for the log and for --check */
  const char* version; /* of the module; "" if it has none */
  uint32_t kind;       /* PFD_EVENT ... */
  uint32_t flags;      /* PFD_PIECES ... */
  uint32_t calls;      /* PFD_CALLS_NETWORK | ... */
  uint32_t setting_count;
  uint32_t counter_count; /* at most 16 */
  uint32_t reserved;
  const pfd_setting* settings;
  const pfd_counter* counters;
  /* Once for each state, before the worker is ready. `host` and `service` live as long as the worker. Returns
   * 0 and sets *state, or another value after writing the reason to `error`, ended by NUL. System calls are
   * not restricted yet. */
  int (*init)(const pfd_host* host, pfd_service* service, void** state, char* error, size_t error_size);
  /* HTTP: answers a request, at once or later (keep). If it returns without both, the client gets 500. */
  void (*handle)(void* state, pfd_request*);
  /* HTTP, for requests that were kept; loop thread, in an application thread's module too. May be NULL.
   * gone: the client has left, or has been answered by the server (504). drained: less than 64 KiB wait.
   * arrived: a piece of the body, or its end, can be read. */
  void (*gone)(void* state, pfd_request*);
  void (*drained)(void* state, pfd_request*);
  void (*arrived)(void* state, pfd_request*);
  /* The worker takes no more clients and leaves when those it has are done. May be NULL. */
  void (*retire)(void* state);
  /* The worker is about to exit in order. Not called when it is killed. May be NULL. retire and end run in
   * the thread of init. */
  void (*end)(void* state);
  /* Of PFD_PROTOCOL. Of the HTTP kinds: of the connections that they take over; NULL: they take none. */
  const pfd_protocol* protocol;

  /* ---- what was added later; an older server does not read it ---- */

  /* Loads what the workers of a service share: once for each generation, before their init, in a process that
   * is thrown away when this returns. Returns 0 and sets *root to something that it has allocated from the
   * arena, or another value as init does. Of the server it may call allocate, log, text and number. May be
   * NULL.
   *
   * Only what lies in the arena remains, at the same address in each worker: it may point into itself, and
   * nowhere else; not to functions, literals, virtual tables or the heap, which lie elsewhere in a worker.
   * A worker that cannot share runs this for itself: if the file of its module was written over since, or
   * while an upgrade runs. */
  int (*preload)(const pfd_host* host, pfd_service* service, pfd_arena* arena, void** root, char* error,
                 size_t error_size);
} pfd_module;

/* The one symbol of a module. Called before init and without a worker: it must only return the table. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const pfd_module*
preforkd_module(void);

#ifdef __cplusplus
}
#endif

#endif
