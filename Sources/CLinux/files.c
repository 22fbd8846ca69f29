#define _GNU_SOURCE
#include "files.h"
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/statvfs.h>
#include <unistd.h>

int aib_lock_exclusive(int fd) { return flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0; }

int aib_open(const char *path, int flags, int mode) {
  int fd = open(path, flags | O_CLOEXEC, (mode_t)mode);
  return fd < 0 ? -errno : fd;
}

int aib_open_direct(const char *path) { return aib_open(path, O_WRONLY | O_DIRECT, 0); }

int64_t aib_splice(int file_fd, int64_t offset, int pipe_fd, size_t count) {
  off64_t place = offset;
  ssize_t moved = splice(file_fd, &place, pipe_fd, NULL, count, 0);
  return moved < 0 ? -errno : moved;
}

int aib_sync_directory(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int rc = fsync(fd) < 0 ? -errno : 0;
  close(fd);
  return rc;
}

int aib_disk_room(const char *path, int64_t *free_bytes, int64_t *total_bytes) {
  struct statvfs room;
  if (statvfs(path, &room) < 0) return -errno;
  *free_bytes = (int64_t)room.f_bavail * (int64_t)room.f_frsize;
  *total_bytes = (int64_t)room.f_blocks * (int64_t)room.f_frsize;
  return 0;
}

int aib_punch_hole(int fd, int64_t offset, int64_t length) {
  const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  return fallocate(fd, mode, offset, length) < 0 ? -errno : 0;
}

int aib_inotify_create(void) {
  int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  return fd < 0 ? -errno : fd;
}

int aib_inotify_add(int inotify_fd, const char *folder) {
  int watch = inotify_add_watch(inotify_fd, folder,
                                IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE);
  return watch < 0 ? -errno : watch;
}

int aib_inotify_remove(int inotify_fd, int watch) {
  return inotify_rm_watch(inotify_fd, watch) < 0 ? -errno : 0;
}

int aib_inotify_read(int inotify_fd, int *watches, int capacity) {
  char buffer[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
  ssize_t length = read(inotify_fd, buffer, sizeof buffer);
  if (length < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
  int count = 0;
  for (char *p = buffer; p < buffer + length;) {
    struct inotify_event *event = (struct inotify_event *)p;
    int seen = 0;
    for (int i = 0; i < count; i++) seen |= watches[i] == event->wd;
    if (!seen && count < capacity) watches[count++] = event->wd;
    p += offsetof(struct inotify_event, name) + event->len;
  }
  return count;
}
