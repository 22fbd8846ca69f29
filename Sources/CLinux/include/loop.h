// epoll, eventfd and non-blocking stream sockets. Errors are returned as -errno.
#pragma once
#include <stdint.h>
#include <sys/socket.h>

#define AIB_READABLE 1u
#define AIB_WRITABLE 2u

struct aib_event { uint64_t token; uint32_t ready; };

int aib_epoll_create(void);
/// Adds fd to the set, or changes its events. It reports one event and must then be armed again.
int aib_epoll_arm(int epoll_fd, int fd, uint32_t interest, uint64_t token);
int aib_epoll_remove(int epoll_fd, int fd);
/// Waits up to timeout_ms (-1: forever) for events; an interrupted wait returns 0.
int aib_epoll_wait(int epoll_fd, struct aib_event *events, int capacity, int timeout_ms);
int aib_eventfd_create(void);
int aib_eventfd_signal(int fd);
int aib_eventfd_drain(int fd);

/// Names the calling thread as ps and gdb show it (15 bytes are kept).
void aib_name_thread(const char *name);

int aib_set_nonblocking(int fd);
/// 1 for a socket, 0 for anything else.
int aib_is_socket(int fd);
/// A listening socket whose file only its owner may connect to. The path must be free.
int aib_unix_listen(const char *path, int backlog);
/// A connected socket; -EAGAIN while the listener's backlog is full.
int aib_unix_connect(const char *path);
int aib_accept(int fd);
/// The process at the other end of a Unix socket; for a listener, the process that called listen.
int aib_peer_pid(int fd);
/// Starts to connect. The returned socket becomes writable when that has finished; see
/// aib_socket_error.
int aib_tcp_connect(const struct sockaddr *address, socklen_t length);
/// The result of a connect, or the error of the connection: 0, or -errno.
int aib_socket_error(int fd);
/// The shortest round-trip time that the kernel has measured on a TCP connection, in microseconds;
/// 0: none.
uint32_t aib_tcp_round_trip(int fd);
