#include "process.h"
#include <errno.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>

int aib_owning_user_namespace(int fd) {
  int owner = ioctl(fd, NS_GET_USERNS);
  return owner < 0 ? -errno : owner;
}
