// The C library as Swift imports it; macros get typed inline twins here.
#pragma once
#include <libssh2.h>
#include <string.h>

/// Replaces the two calls by which the session uses its socket.
static inline void aib_ssh_set_transport(LIBSSH2_SESSION *session,
                                         LIBSSH2_SEND_FUNC((*send_bytes)),
                                         LIBSSH2_RECV_FUNC((*receive_bytes))) {
  void *callback;
  memcpy(&callback, &send_bytes, sizeof callback);
  libssh2_session_callback_set(session, LIBSSH2_CALLBACK_SEND, callback);
  memcpy(&callback, &receive_bytes, sizeof callback);
  libssh2_session_callback_set(session, LIBSSH2_CALLBACK_RECV, callback);
}
