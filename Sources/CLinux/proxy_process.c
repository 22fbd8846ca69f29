#define _GNU_SOURCE
#include "process.h"
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

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

int aib_run_proxied(const char *program, char *const *argv, int *code, int *signal_number,
                  int *passed_on) {
  volatile int error = 0;
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  // A process that ignores it gets no exit status of its children.
  struct sigaction standard = {.sa_handler = SIG_DFL}, on_child;
  sigaction(SIGCHLD, &standard, &on_child);
  pid_t parent = getpid();
  pid_t pid = vfork();
  if (pid == 0) become_child(program, argv, parent, &before, &on_child, &error);
  if (pid < 0) return -errno;
  for (;;) {
    int status;
    pid_t ended = waitpid(pid, &status, WNOHANG);
    if (ended < 0) return -errno;
    if (ended == pid) {
      if (error != 0) return -error;
      *code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
      *signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
      return 0;
    }
    int got = sigwaitinfo(&all, NULL);
    if (got <= 0 || got == SIGCHLD) continue;
    *passed_on = got;
    kill(pid, got);
  }
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
