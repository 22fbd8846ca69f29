// Processes: spawning, pidfds, reaping, and the kernel's list of descendants. Errors are -errno.
#pragma once
#include <stdint.h>
#include <sys/types.h>

struct aib_spawn_request {
  /// Absolute path, or one with a slash: PATH is not searched here.
  const char *path;
  char *const *argv;
  char *const *envp;
  /// NULL: the parent's.
  const char *cwd;
  /// -1: /dev/null.
  int stdin_fd, stdout_fd, stderr_fd;
  /// Kept open in the child as descriptors 3, 4, …; all others are closed.
  const int *passed_fds;
  int passed_count;
  /// An open `cgroup.procs` that the child joins before it runs anything; -1: none.
  int cgroup_procs_fd;
  /// 1: own session; 0: own process group in this session.
  int new_session;
};

/// Starts a program. All signals are default and unblocked in the child. Returns its pid and writes
/// a pidfd (close-on-exec); an exec that fails is reported here, as -errno, not as an exit status.
/// No parent-death signal is set: it fires when the spawning *thread* ends.
pid_t aib_spawn(const struct aib_spawn_request *request, int *pidfd);

int aib_pidfd_open(pid_t pid);
int aib_pidfd_signal(int pidfd, int signal);

/// Inspects descriptor `fd` of another process: 1 if it is a connected TCP socket, with its local
/// port, its inode and the bytes transferred in both directions; 0 if it is something else. Needs
/// permission to trace the process.
int aib_tcp_counters(int pidfd, int fd, int *local_port, uint64_t *inode, int64_t *bytes);

/// 1 when the child behind pidfd has exited and was reaped now: `*code` is its exit status, or
/// `*signal` the signal that killed it (else 0). 0 when it still runs. -ECHILD when not our child.
int aib_pidfd_reap(int pidfd, int *code, int *signal);

/// Reaps every zombie child that nobody waits for. Returns their number, or -errno (-ECHILD: no
/// child at all).
int aib_reap_orphans(void);

/// Orphaned descendants become children of this process instead of PID 1's.
int aib_become_subreaper(void);

/// Blocks a signal in this thread and those it starts later, for aib_signal_wait.
int aib_signal_block(int signal);
/// Waits for one of the two blocked signals and returns it.
int aib_signal_wait(int first, int second);
/// Ignores a signal in this process (children get the default back by aib_spawn).
void aib_signal_ignore(int signal);

/// poll(2) for reading, retried on EINTR with the remaining time: bit i of the answer is set when
/// fds[i] is readable or hung up. Negative fds are ignored. At most 31.
int aib_poll_readable(const int *fds, int count, int timeout_ms);

/// A pipe, close-on-exec; the read end does not block.
int aib_pipe(int *read_fd, int *write_fd);
/// Grows a pipe's buffer as far as the system permits.
void aib_pipe_grow(int fd, int size_bytes);

/// An unnamed file in memory, close-on-exec: standard input of a child without a pipe to feed.
int aib_memory_file(void);
/// Sends a signal to a process group. 0 also when the group is gone.
int aib_group_signal(pid_t group, int signal);
/// A file's inode, size and modification time. If all three are unchanged, so are its bytes, unless
/// somebody reset the time.
int aib_file_identity(const char *path, uint64_t *inode, int64_t *size_bytes, int64_t *modified_ns);
/// Makes reads and writes of fd block.
int aib_set_blocking(int fd);
/// Executes `program` in this process, with the same arguments and environment; only the first
/// three descriptors stay open. Returns only on failure: -errno.
int aib_reexec(const char *program, char *const *argv);

/// Runs `program` as a proxy: it inherits everything but the arguments, signals to this process are
/// forwarded, and it is killed when this process dies. Returns in a child of this process, the
/// keeper, which is the parent of the program and survives a SIGKILL of this process; this process
/// waits for the keeper and exits as it does. Waits until the program exits: 0, and `*code` or
/// `*signal` as for aib_pidfd_reap; -errno when it cannot be started. `*passed_on` has a
/// bit for each forwarded signal (1 for the first one), and for that by which the program is killed
/// when this process has died. Only for a process with a single thread; all its signals stay
/// blocked.
int aib_run_proxied(const char *program, char *const *argv, int *code, int *signal,
                    uint64_t *passed_on);
/// Runs `program` in this process's group and waits for it: 0, and `*code` or `*signal` as for
/// aib_pidfd_reap; -errno when it cannot be started. A signal to the group reaches the program only;
/// it is killed when this process dies. Only for a process with a single thread; all its signals
/// stay blocked.
int aib_run_child(const char *program, char *const *argv, int *code, int *signal);

/// A descriptor of the user namespace that owns the namespace `fd`, close-on-exec; -errno.
int aib_owning_user_namespace(int fd);

/// Ends this process by a signal, and leaves no core.
void aib_die_by(int signal);
