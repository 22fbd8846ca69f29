#define _GNU_SOURCE
#include "process.h"
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/// Sent by the kernel to the keeper when the process that the caller knows has died, and by the
/// keeper to the program, which handles no such signal: if that was dying of another one already,
/// its status still says so.
#define ORPHANED (SIGRTMAX - 2)

/// Runs in the child, which shares the parent's memory until it executes something.
static void become_child(const char *program, char *const *argv, pid_t parent,
                         const sigset_t *mask, const struct sigaction *on_child,
                         volatile int *error) {
  // Set before the parent is checked, which may have been killed meanwhile.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == parent) {
    sigaction(SIGCHLD, on_child, NULL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    extern char **environ;
    execve(program, argv, environ);
  }
  *error = errno;
  _exit(127);
}

/// Forwards signals to the child until it has exited: 0, or -errno.
static int accompany(pid_t pid, int *status, uint64_t *passed_on) {
  sigset_t all;
  sigfillset(&all);
  for (int got = SIGCHLD;; got = sigwaitinfo(&all, NULL)) {
    pid_t ended = waitpid(pid, status, WNOHANG);
    if (ended < 0) return -errno;
    if (ended == pid) return 0;
    if (got <= 0 || got == SIGCHLD) continue;
    *passed_on |= UINT64_C(1) << (got - 1);
    kill(pid, got);
    if (got == ORPHANED) kill(pid, SIGKILL);
  }
}

int aib_run_proxied(const char *program, char *const *argv, int *code, int *signal_number,
                    uint64_t *passed_on) {
  volatile int error = 0;
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  // A process that ignores it gets no exit status of its children.
  struct sigaction standard = {.sa_handler = SIG_DFL}, on_child;
  sigaction(SIGCHLD, &standard, &on_child);
  int status;
  pid_t known = getpid();
  pid_t keeper = fork();
  if (keeper < 0) return -errno;
  if (keeper > 0) {
    if (accompany(keeper, &status, passed_on) < 0) _exit(126);
    if (WIFSIGNALED(status)) aib_die_by(WTERMSIG(status));
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 126);
  }
  // Set before the parent is checked, for the same reason as above.
  if (prctl(PR_SET_PDEATHSIG, ORPHANED, 0, 0, 0) < 0) return -errno;
  if (getppid() != known) _exit(126);
  pid_t parent = getpid();
  pid_t pid = vfork();
  if (pid == 0) become_child(program, argv, parent, &before, &on_child, &error);
  if (pid < 0) return -errno;
  int rc = accompany(pid, &status, passed_on);
  if (rc < 0) return rc;
  if (error != 0) return -error;
  *code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  *signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return 0;
}

int aib_run_child(const char *program, char *const *argv, int *code, int *signal_number) {
  volatile int error = 0;
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  struct sigaction standard = {.sa_handler = SIG_DFL}, on_child;
  sigaction(SIGCHLD, &standard, &on_child);
  pid_t parent = getpid();
  pid_t pid = vfork();
  if (pid == 0) become_child(program, argv, parent, &before, &on_child, &error);
  if (pid < 0) return -errno;
  int status;
  if (waitpid(pid, &status, 0) < 0) return -errno;
  if (error != 0) return -error;
  *code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  *signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return 0;
}

void aib_die_by(int number) {
  const struct rlimit none = {0};
  setrlimit(RLIMIT_CORE, &none);
  signal(number, SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  kill(getpid(), number);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
}
