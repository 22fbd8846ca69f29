#define _GNU_SOURCE
#include "loop.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int aib_epoll_create(void) {
  int fd = epoll_create1(EPOLL_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int aib_epoll_arm(int epoll_fd, int fd, uint32_t interest, uint64_t token) {
  struct epoll_event event = {.events = EPOLLONESHOT, .data.u64 = token};
  if (interest & AIB_READABLE) event.events |= EPOLLIN | EPOLLRDHUP;
  if (interest & AIB_WRITABLE) event.events |= EPOLLOUT;
  int rc = epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event);
  if (rc < 0 && errno == ENOENT) rc = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
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

void aib_name_thread(const char *name) {
  char kept[16] = {0};
  strncpy(kept, name, sizeof kept - 1);
  pthread_setname_np(pthread_self(), kept);
}

int aib_set_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  return fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

int aib_is_socket(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode);
}

static int stream_socket(int family) {
  int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return fd < 0 ? -errno : fd;
}

static int closed_with(int fd, int error) {
  close(fd);
  return -error;
}

static int unix_address(const char *path, struct sockaddr_un *address) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof address->sun_path) return -ENAMETOOLONG;
  strcpy(address->sun_path, path);
  return 0;
}

int aib_unix_listen(const char *path, int backlog) {
  struct sockaddr_un address;
  int rc = unix_address(path, &address);
  if (rc < 0) return rc;
  int fd = stream_socket(AF_UNIX);
  if (fd < 0) return fd;
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) return closed_with(fd, errno);
  // Nobody can connect between bind and listen, so the file is never open to others.
  if (chmod(path, 0600) < 0 || listen(fd, backlog) < 0) {
    int error = errno;
    unlink(path);
    return closed_with(fd, error);
  }
  return fd;
}

int aib_unix_connect(const char *path) {
  struct sockaddr_un address;
  int rc = unix_address(path, &address);
  if (rc < 0) return rc;
  int fd = stream_socket(AF_UNIX);
  if (fd < 0) return fd;
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) return closed_with(fd, errno);
  return fd;
}

int aib_accept(int fd) {
  int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  return peer < 0 ? -errno : peer;
}

int aib_peer_pid(int fd) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) return -errno;
  return peer.pid;
}

int aib_tcp_connect(const struct sockaddr *address, socklen_t length) {
  int fd = stream_socket(address->sa_family);
  if (fd < 0) return fd;
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd, address, length) < 0 && errno != EINPROGRESS) return closed_with(fd, errno);
  return fd;
}

int aib_socket_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return -errno;
  return -error;
}
