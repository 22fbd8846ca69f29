#define _GNU_SOURCE
#include "process.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Old headers lack these numbers; they are the same on every architecture.
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

// In <netinet/tcp.h>, which does not go together with the kernel's own header.
#define TCP_LISTEN_STATE 10

#define MAX_PASSED 8
/// Descriptors are first moved above this, so that no move overwrites one still to be moved.
#define PARKING 64

static int park(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, PARKING); }

static void close_from(unsigned first) {
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
  // Kernels before 5.9. sysconf is no async-signal-safe call by the book, but reads one limit.
  long limit = sysconf(_SC_OPEN_MAX);
  for (long fd = first; fd < limit; fd++) close((int)fd);
}

/// Runs in the child, which shares the parent's memory until it executes something: only
/// async-signal-safe calls, because other threads of the parent may hold any lock.
static void run_child(const struct aib_spawn_request *r, volatile int *error) {
  // By system call: glibc's sigaction refuses the two signals that it keeps for itself, and an
  // ignored one of them would stay ignored. All zeros is the kernel's form of SIG_DFL.
  const unsigned long standard[8] = {0};
  for (int s = 1; s < NSIG; s++) syscall(SYS_rt_sigaction, s, standard, NULL, NSIG / 8);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);

  if (r->new_session ? setsid() < 0 : setpgid(0, 0) < 0) goto fail;
  if (r->cgroup_procs_fd >= 0 && write(r->cgroup_procs_fd, "0", 1) != 1) goto fail;

  int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null_fd < 0) goto fail;
  int sources[3 + MAX_PASSED];
  int count = 3 + r->passed_count;
  for (int i = 0; i < count; i++) {
    int fd = i == 0   ? r->stdin_fd
             : i == 1 ? r->stdout_fd
             : i == 2 ? r->stderr_fd
                      : r->passed_fds[i - 3];
    sources[i] = park(fd < 0 ? null_fd : fd);
    if (sources[i] < 0) goto fail;
  }
  for (int i = 0; i < count; i++)
    if (dup2(sources[i], i) < 0) goto fail;
  close_from((unsigned)count);
  if (r->cwd && chdir(r->cwd) < 0) goto fail;
  execve(r->path, r->argv, r->envp);
fail:
  *error = errno;
  _exit(127);
}

pid_t aib_spawn(const struct aib_spawn_request *request, int *pidfd) {
  if (request->passed_count > MAX_PASSED) return -EINVAL;
  volatile int error = 0;
  // No handler of the parent may run in the child before it is reset there.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // vfork: no copy of the parent's page tables, and this thread goes on when the child has
  // executed its program or failed to, so that `error` is settled by then.
  pid_t pid = vfork();
  if (pid == 0) run_child(request, &error);
  if (pid < 0) error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (pid < 0) return -error;

  // Nobody but us can reap the child, so the pid still names it.
  if (error == 0) {
    *pidfd = aib_pidfd_open(pid);
    if (*pidfd >= 0) return pid;
    error = -*pidfd;
    kill(-pid, SIGKILL);
  }
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
  return -error;
}

int aib_pidfd_open(pid_t pid) {
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);  // close-on-exec by itself
  return fd < 0 ? -errno : fd;
}

int aib_tcp_counters(int pidfd, int fd, int *local_port, uint64_t *inode, int64_t *bytes) {
  int copy = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);  // close-on-exec by itself
  if (copy < 0) return errno == EBADF ? 0 : -errno;
  struct tcp_info info = {0};
  socklen_t length = sizeof info;
  struct sockaddr_storage address = {0};
  socklen_t address_length = sizeof address;
  struct stat status;
  // Kernels before 4.1 count no bytes; they have no pidfd_getfd either.
  int found = getsockopt(copy, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
              length >= offsetof(struct tcp_info, tcpi_bytes_received) + sizeof(uint64_t) &&
              info.tcpi_state != TCP_LISTEN_STATE && fstat(copy, &status) == 0 &&
              getsockname(copy, (struct sockaddr *)&address, &address_length) == 0;
  close(copy);
  if (!found) return 0;
  // Both families keep the port in the same place.
  *local_port = ntohs(((struct sockaddr_in *)&address)->sin_port);
  *inode = status.st_ino;
  *bytes = (int64_t)(info.tcpi_bytes_acked + info.tcpi_bytes_received);
  return 1;
}

int aib_pidfd_signal(int pidfd, int signal) {
  return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int aib_pidfd_reap(int pidfd, int *code, int *signal) {
  siginfo_t info = {0};
  int rc;
  do rc = waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG);
  while (rc < 0 && errno == EINTR);
  if (rc < 0) return -errno;
  if (info.si_pid == 0) return 0;
  *code = info.si_code == CLD_EXITED ? info.si_status : 0;
  *signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
  return 1;
}

int aib_reap_orphans(void) {
  int count = 0;
  for (;;) {
    pid_t pid = waitpid(-1, NULL, WNOHANG);
    if (pid > 0) count++;
    else if (pid == 0) return count;
    else if (errno != EINTR) return count > 0 ? count : -errno;
  }
}

int aib_become_subreaper(void) {
  return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int aib_signal_block(int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int aib_signal_wait(int first, int second) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, first);
  sigaddset(&set, second);
  int got = 0;
  int rc = sigwait(&set, &got);
  return rc == 0 ? got : -rc;
}

void aib_signal_ignore(int number) { signal(number, SIG_IGN); }

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int aib_poll_readable(const int *fds, int count, int timeout_ms) {
  struct pollfd polled[31];
  if (count > 31) return -EINVAL;
  for (int i = 0; i < count; i++) polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
  int64_t deadline = now_ms() + timeout_ms;
  int rc;
  while ((rc = poll(polled, (nfds_t)count, timeout_ms)) < 0 && errno == EINTR) {
    if (timeout_ms < 0) continue;
    int64_t rest = deadline - now_ms();
    timeout_ms = rest > 0 ? (int)rest : 0;
  }
  if (rc < 0) return -errno;
  int ready = 0;
  for (int i = 0; i < count; i++)
    if (polled[i].fd >= 0 && polled[i].revents) ready |= 1 << i;
  return ready;
}

int aib_pipe(int *read_fd, int *write_fd) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  // Only the read end: the flag belongs to one end's description, the child's writes must block.
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  *read_fd = ends[0];
  *write_fd = ends[1];
  return 0;
}

void aib_pipe_grow(int fd, int size_bytes) { (void)fcntl(fd, F_SETPIPE_SZ, size_bytes); }

int aib_memory_file(void) {
  int fd = memfd_create("input", MFD_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int aib_group_signal(pid_t group, int signal) {
  return kill(-group, signal) < 0 && errno != ESRCH ? -errno : 0;
}

int aib_file_identity(const char *path, uint64_t *inode, int64_t *size_bytes,
                      int64_t *modified_ns) {
  struct stat info;
  if (stat(path, &info) < 0) return -errno;
  *inode = info.st_ino;
  *size_bytes = info.st_size;
  *modified_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
  return 0;
}

int aib_set_blocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  return fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 ? -errno : 0;
}

int aib_reexec(const char *program, char *const *argv) {
  // Not closed, only marked: if the program cannot be started, this one is still whole.
  if (syscall(SYS_close_range, 3u, ~0U, 4u /* CLOSE_RANGE_CLOEXEC */) != 0) {
    long limit = sysconf(_SC_OPEN_MAX);
    for (long fd = 3; fd < limit; fd++) fcntl((int)fd, F_SETFD, FD_CLOEXEC);
  }
  extern char **environ;
  execve(program, argv, environ);
  return -errno;
}
