// Takes the jobs of Swift's concurrency runtime away from its thread pool, so that one thread can
// run them one at a time, in an order of its choice.
#ifndef JOB_HOOKS_H
#define JOB_HOOKS_H

#include <stddef.h>

/// Collects every job from now on. Call it on the thread that will run them, before the first task.
void job_hooks_install(void);

/// Jobs that can run now.
size_t job_hooks_waiting(void);

/// Runs one of them until it suspends or ends. The last job takes its place.
void job_hooks_run(size_t index);

#endif
