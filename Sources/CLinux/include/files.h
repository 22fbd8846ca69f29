// Files: locks, durability, inotify, free disk space. Errors are returned as -errno.
#pragma once
#include <stdint.h>
#include <sys/types.h>

/// Takes an exclusive flock without waiting: 0, or -EWOULDBLOCK when another process holds it.
int aib_lock_exclusive(int fd);
/// Opens with O_CLOEXEC; `flags` and `mode` as open(2).
int aib_open(const char *path, int flags, int mode);
/// Opens for writing past the page cache (O_DIRECT).
int aib_open_direct(const char *path);
/// fsync of the folder, so that a rename in it survives a power cut.
int aib_sync_directory(const char *path);
/// Frees the disk blocks of a part of a file, whose size stays the same. Not every file system
/// supports it.
int aib_punch_hole(int fd, int64_t offset, int64_t length);
/// Bytes an unprivileged user may still write on the file system of path, and its size.
int aib_disk_room(const char *path, int64_t *free_bytes, int64_t *total_bytes);
/// Moves bytes of a file at `offset` into a pipe without copying them: a count, 0 at the file's end.
int64_t aib_splice(int file_fd, int64_t offset, int pipe_fd, size_t count);
/// inotify, non-blocking. `folder` events: modify, close-write, moved-to, create, delete.
int aib_inotify_create(void);
int aib_inotify_add(int inotify_fd, const char *folder);
int aib_inotify_remove(int inotify_fd, int watch);
/// Reads pending events and writes the ids of their watches (duplicates possible). Count, 0 if none.
int aib_inotify_read(int inotify_fd, int *watches, int capacity);
