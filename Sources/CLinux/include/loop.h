// epoll and eventfd. Errors are returned as -errno.
#pragma once
#include <stdint.h>

#define AIB_READABLE 1u
#define AIB_WRITABLE 2u

struct aib_event { uint64_t token; uint32_t ready; };

int aib_epoll_create(void);
/// Adds or changes one-shot interest in fd. `added` says whether fd is in the set already.
int aib_epoll_arm(int epoll_fd, int fd, int added, uint32_t interest, uint64_t token);
int aib_epoll_remove(int epoll_fd, int fd);
/// Waits up to timeout_ms (-1: for ever) for events; an interrupted wait returns 0.
int aib_epoll_wait(int epoll_fd, struct aib_event *events, int capacity, int timeout_ms);
int aib_eventfd_create(void);
int aib_eventfd_signal(int fd);
int aib_eventfd_drain(int fd);
