/* LD_PRELOADed into the server: fails calls by their arguments, which strace cannot tell apart.
 *
 * FAIL_EPOLL_ADD=N    every Nth EPOLL_CTL_ADD after the first 32 of the first process fails with ENOSPC, as with
 *                     fs.epoll.max_user_watches used up; its children are not affected
 * FAIL_SHARED_MMAP=1  no shared memory: ENOMEM
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

static pid_t first_process;
static unsigned long every_add;
static unsigned long adds;
static int no_shared_memory;

__attribute__((constructor)) static void Begin(void) {
  const char* every = getenv("FAIL_EPOLL_ADD");
  every_add = every != NULL ? strtoul(every, NULL, 10) : 0;
  first_process = getpid();
  no_shared_memory = getenv("FAIL_SHARED_MMAP") != NULL;
}

int epoll_ctl(int epfd, int op, int fd, struct epoll_event* event) {
  static int (*real)(int, int, int, struct epoll_event*);
  if (real == NULL) real = dlsym(RTLD_NEXT, "epoll_ctl");
  if (op == EPOLL_CTL_ADD && every_add != 0 && getpid() == first_process && ++adds > 32 && adds % every_add == 0) {
    errno = ENOSPC;
    return -1;
  }
  return real(epfd, op, fd, event);
}

void* mmap(void* address, size_t size, int protection, int flags, int fd, off_t offset) {
  static void* (*real)(void*, size_t, int, int, int, off_t);
  if (real == NULL) real = dlsym(RTLD_NEXT, "mmap");
  if ((flags & MAP_SHARED) != 0 && no_shared_memory) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  return real(address, size, protection, flags, fd, offset);
}
