#include "job_hooks.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SWIFTCC __attribute__((swiftcall))

typedef SWIFTCC void (*enqueue)(void *job);
typedef SWIFTCC void (*enqueue_delayed)(unsigned long long nanoseconds, void *job);
typedef SWIFTCC void (*enqueue_until)(long long seconds, long long nanoseconds,
                                      long long tolerance_seconds, long long tolerance_nanoseconds,
                                      int clock, void *job);

// Exported by libswift_Concurrency for this purpose.
extern SWIFTCC void (*swift_task_enqueueGlobal_hook)(void *job, enqueue original);
extern SWIFTCC void (*swift_task_enqueueMainExecutor_hook)(void *job, enqueue original);
extern SWIFTCC void (*swift_task_enqueueGlobalWithDelay_hook)(unsigned long long nanoseconds,
                                                              void *job, enqueue_delayed original);
extern SWIFTCC void (*swift_task_enqueueGlobalWithDeadline_hook)(
    long long seconds, long long nanoseconds, long long tolerance_seconds,
    long long tolerance_nanoseconds, int clock, void *job, enqueue_until original);
extern SWIFTCC void swift_job_run(void *job, void *executor_identity,
                                  void *executor_implementation);

static pthread_t owner;
static void **jobs;
static size_t count, capacity;

static void stop(const char *why) {
    fprintf(stderr, "simulation: %s\n", why);
    abort();
}

static SWIFTCC void take(void *job, enqueue original) {
    (void)original;
    // Task.yield passes by this hook, and its task goes on in the pool.
    if (!pthread_equal(pthread_self(), owner)) stop("a job came from another thread");
    if (count == capacity) {
        capacity = capacity ? capacity * 2 : 1024;
        jobs = realloc(jobs, capacity * sizeof *jobs);
        if (!jobs) stop("out of memory");
    }
    jobs[count++] = job;
}

static SWIFTCC void refuse_delay(unsigned long long nanoseconds, void *job,
                                 enqueue_delayed original) {
    (void)nanoseconds, (void)job, (void)original;
    stop("Task.sleep was called: only the injected clock may be waited for");
}

static SWIFTCC void refuse_deadline(long long seconds, long long nanoseconds,
                                    long long tolerance_seconds, long long tolerance_nanoseconds,
                                    int clock, void *job, enqueue_until original) {
    (void)seconds, (void)nanoseconds, (void)tolerance_seconds, (void)tolerance_nanoseconds;
    (void)clock, (void)job, (void)original;
    stop("Task.sleep was called: only the injected clock may be waited for");
}

void job_hooks_install(void) {
    owner = pthread_self();
    swift_task_enqueueGlobal_hook = take;
    swift_task_enqueueMainExecutor_hook = take;
    swift_task_enqueueGlobalWithDelay_hook = refuse_delay;
    swift_task_enqueueGlobalWithDeadline_hook = refuse_deadline;
}

size_t job_hooks_waiting(void) { return count; }

void job_hooks_run(size_t index) {
    if (index >= count) stop("there is no such job");
    void *job = jobs[index];
    jobs[index] = jobs[--count];
    // On the generic executor, as a thread of the pool would: what the job resumes comes back here.
    // A task executor as the executor would keep what it resumes for itself.
    swift_job_run(job, NULL, NULL);
}
