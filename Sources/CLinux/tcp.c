// Apart from loop.c: the kernel's header knows more of tcp_info than the C library's, and the two
// cannot be included together.
#include "loop.h"
#include <linux/tcp.h>
#include <netinet/in.h>

uint32_t aib_tcp_round_trip(int fd) {
  struct tcp_info info = {0};
  socklen_t length = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0) return 0;
  // The kernel says "none yet" by all ones.
  return info.tcpi_min_rtt == ~0u ? 0 : info.tcpi_min_rtt;
}
