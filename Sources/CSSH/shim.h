// The C library as Swift imports it.
#pragma once
#include <libssh/libssh.h>
#include <libssh/callbacks.h>
#include <libssh/server.h> // ssh_send_keepalive
