// The C library as Swift imports it; variadic functions and macros get typed inline twins here.
#pragma once
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <sys/time.h>

static const amqp_method_number_t AIB_AMQP_CONNECTION_CLOSE = AMQP_CONNECTION_CLOSE_METHOD;
static const amqp_method_number_t AIB_AMQP_CHANNEL_CLOSE = AMQP_CHANNEL_CLOSE_METHOD;
static const amqp_method_number_t AIB_AMQP_CHANNEL_CLOSE_OK = AMQP_CHANNEL_CLOSE_OK_METHOD;
static const amqp_method_number_t AIB_AMQP_BASIC_DELIVER = AMQP_BASIC_DELIVER_METHOD;
static const amqp_method_number_t AIB_AMQP_BASIC_RETURN = AMQP_BASIC_RETURN_METHOD;
static const amqp_method_number_t AIB_AMQP_BASIC_CANCEL = AMQP_BASIC_CANCEL_METHOD;
static const amqp_method_number_t AIB_AMQP_BASIC_ACK = AMQP_BASIC_ACK_METHOD;
static const amqp_method_number_t AIB_AMQP_BASIC_NACK = AMQP_BASIC_NACK_METHOD;

static const amqp_flags_t AIB_AMQP_HAS_MESSAGE_ID = AMQP_BASIC_MESSAGE_ID_FLAG;
static const amqp_flags_t AIB_AMQP_HAS_CORRELATION_ID = AMQP_BASIC_CORRELATION_ID_FLAG;
static const amqp_flags_t AIB_AMQP_HAS_REPLY_TO = AMQP_BASIC_REPLY_TO_FLAG;
static const amqp_flags_t AIB_AMQP_HAS_USER_ID = AMQP_BASIC_USER_ID_FLAG;
static const amqp_flags_t AIB_AMQP_OF_A_MESSAGE =
    AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
    AMQP_BASIC_APP_ID_FLAG | AMQP_BASIC_TYPE_FLAG;

// Shows in the server's list of connections under this name, and is told when its queue is deleted.
static inline amqp_rpc_reply_t aib_amqp_login(amqp_connection_state_t state, const char *vhost,
                                              int channels, int frame_bytes, int heartbeat,
                                              const char *name, const char *user,
                                              const char *password) {
  amqp_table_entry_t cancel;
  cancel.key = amqp_cstring_bytes("consumer_cancel_notify");
  cancel.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  cancel.value.value.boolean = 1;
  amqp_table_entry_t entries[2];
  entries[0].key = amqp_cstring_bytes("connection_name");
  entries[0].value.kind = AMQP_FIELD_KIND_UTF8;
  entries[0].value.value.bytes = amqp_cstring_bytes(name);
  entries[1].key = amqp_cstring_bytes("capabilities");
  entries[1].value.kind = AMQP_FIELD_KIND_TABLE;
  entries[1].value.value.table.num_entries = 1;
  entries[1].value.value.table.entries = &cancel;
  amqp_table_t properties = {2, entries};
  return amqp_login_with_properties(state, vhost, channels, frame_bytes, heartbeat, &properties,
                                    AMQP_SASL_METHOD_PLAIN, user, password);
}

// Opens the socket with a limit. Takes the seconds of a timeout, as Swift does not see timeval.
static inline int aib_amqp_open(amqp_socket_t *socket, const char *host, int port, int seconds) {
  struct timeval timeout = {seconds, 0};
  return amqp_socket_open_noblock(socket, host, port, &timeout);
}

static inline void aib_amqp_limit(amqp_connection_state_t state, int seconds) {
  struct timeval timeout = {seconds, 0};
  amqp_set_handshake_timeout(state, &timeout);
  amqp_set_rpc_timeout(state, &timeout);
}

// The next frame that has arrived; AMQP_STATUS_TIMEOUT if there is none. Sends heartbeats.
static inline int aib_amqp_next_frame(amqp_connection_state_t state, amqp_frame_t *frame) {
  struct timeval now = {0, 0};
  return amqp_simple_wait_frame_noblock(state, frame, &now);
}
