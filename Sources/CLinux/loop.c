#define _GNU_SOURCE
#include "loop.h"
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

int aib_epoll_create(void) {
  int fd = epoll_create1(EPOLL_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int aib_epoll_arm(int epoll_fd, int fd, int added, uint32_t interest, uint64_t token) {
  struct epoll_event event = {.events = EPOLLONESHOT, .data.u64 = token};
  if (interest & AIB_READABLE) event.events |= EPOLLIN | EPOLLRDHUP;
  if (interest & AIB_WRITABLE) event.events |= EPOLLOUT;
  int rc = epoll_ctl(epoll_fd, added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
  return rc < 0 ? -errno : 0;
}

int aib_epoll_remove(int epoll_fd, int fd) {
  return epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL) < 0 ? -errno : 0;
}

int aib_epoll_wait(int epoll_fd, struct aib_event *events, int capacity, int timeout_ms) {
  struct epoll_event raw[64];
  if (capacity > 64) capacity = 64;
  int count = epoll_wait(epoll_fd, raw, capacity, timeout_ms);
  if (count < 0) return errno == EINTR ? 0 : -errno;
  for (int i = 0; i < count; i++) {
    uint32_t ready = 0;
    if (raw[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) ready |= AIB_READABLE;
    if (raw[i].events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) ready |= AIB_WRITABLE;
    events[i].token = raw[i].data.u64;
    events[i].ready = ready;
  }
  return count;
}

int aib_eventfd_create(void) {
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return fd < 0 ? -errno : fd;
}

int aib_eventfd_signal(int fd) {
  uint64_t one = 1;
  return write(fd, &one, sizeof one) < 0 && errno != EAGAIN ? -errno : 0;
}

int aib_eventfd_drain(int fd) {
  uint64_t count;
  return read(fd, &count, sizeof count) < 0 && errno != EAGAIN ? -errno : 0;
}
