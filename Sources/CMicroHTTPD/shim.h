// The C library as Swift imports it; variadic functions and macros get typed inline twins here.
#pragma once
#include <gnutls/abstract.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

static const uint64_t AIB_MHD_SIZE_UNKNOWN = MHD_SIZE_UNKNOWN;
static const ssize_t AIB_MHD_END_OF_STREAM = MHD_CONTENT_READER_END_OF_STREAM;
static const ssize_t AIB_MHD_END_WITH_ERROR = MHD_CONTENT_READER_END_WITH_ERROR;

struct aib_mhd_options {
  int listen_fd;
  unsigned int threads;
  unsigned int connections;
  unsigned int connections_of_peer;
  unsigned int idle_seconds;
  size_t memory_bytes;
  // With certificates by the callback.
  bool is_tls;
};

// Gives a handshake its certificates.
typedef int (*aib_mhd_certificates)(
    gnutls_session_t session, const struct gnutls_cert_retr_st *info,
    gnutls_pcert_st **certificates, unsigned int *count, gnutls_ocsp_data_st **ocsp,
    unsigned int *ocsp_count, gnutls_privkey_t *private_key, unsigned int *flags);

// Percent-decoding is left to Swift, which refuses what MHD would let pass.
static inline size_t aib_mhd_keep_escaped(void *cls, struct MHD_Connection *connection, char *s) {
  (void)cls;
  (void)connection;
  return strlen(s);
}

static inline struct MHD_Daemon *aib_mhd_start(
    struct aib_mhd_options options, MHD_AcceptPolicyCallback accept,
    MHD_AccessHandlerCallback handler,
    void *(*begin)(void *, const char *, struct MHD_Connection *),
    MHD_RequestCompletedCallback completed, MHD_NotifyConnectionCallback connection,
    aib_mhd_certificates certificates, void *cls) {
  struct MHD_OptionItem tls[] = {
      // Versions before 1.2 are broken.
      {MHD_OPTION_HTTPS_PRIORITIES, 0, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
      {MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, (void *)certificates},
      {MHD_OPTION_END, 0, NULL},
  };
  return MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
          (options.is_tls ? MHD_USE_TLS : 0),
      0, accept, cls, handler, cls,
      MHD_OPTION_LISTEN_SOCKET, options.listen_fd,
      MHD_OPTION_THREAD_POOL_SIZE, options.threads,
      MHD_OPTION_CONNECTION_LIMIT, options.connections,
      MHD_OPTION_PER_IP_CONNECTION_LIMIT, options.connections_of_peer,
      MHD_OPTION_CONNECTION_TIMEOUT, options.idle_seconds,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, options.memory_bytes,
      MHD_OPTION_URI_LOG_CALLBACK, begin, cls,
      MHD_OPTION_UNESCAPE_CALLBACK, &aib_mhd_keep_escaped, NULL,
      MHD_OPTION_NOTIFY_COMPLETED, completed, cls,
      MHD_OPTION_NOTIFY_CONNECTION, connection, cls,
      MHD_OPTION_ARRAY, options.is_tls ? tls : &tls[2],
      MHD_OPTION_END);
}

// Open connections of a running daemon, those of its threads included.
static inline unsigned int aib_mhd_connections(struct MHD_Daemon *daemon) {
  const union MHD_DaemonInfo *info =
      MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
  return info ? info->num_connections : 0;
}

// What the notification of a connection stored; NULL where it stored nothing.
static inline void *aib_mhd_socket_context(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info ? info->socket_context : NULL;
}

// The connection's socket; -1 where it is not known.
static inline int aib_mhd_descriptor(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info ? info->connect_fd : -1;
}

// What the kernel keeps for a client that does not read; it grows to megabytes by itself.
static inline void aib_mhd_bound_send_buffer(struct MHD_Connection *connection, int bytes) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  if (info) setsockopt(info->connect_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

// The peer's numeric address; an empty string where there is none.
static inline void aib_mhd_peer(struct MHD_Connection *connection, char *text, size_t size) {
  text[0] = 0;
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (!info || !info->client_addr) return;
  socklen_t length = info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                              : sizeof(struct sockaddr_in);
  if (getnameinfo(info->client_addr, length, text, (socklen_t)size, NULL, 0, NI_NUMERICHOST) != 0)
    text[0] = 0;
}
