// The C library as Swift imports it; variadic functions and macros get typed inline twins here.
#pragma once
#include <curl/curl.h>
#include <string.h>

static inline CURLcode aib_curl_long(CURL *easy, CURLoption option, long value) {
  return curl_easy_setopt(easy, option, value);
}

static inline CURLcode aib_curl_offset(CURL *easy, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(easy, option, value);
}

static inline CURLcode aib_curl_text(CURL *easy, CURLoption option, const char *value) {
  return curl_easy_setopt(easy, option, value);
}

static inline CURLcode aib_curl_headers(CURL *easy, struct curl_slist *list) {
  return curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
}

typedef size_t (*aib_curl_receive)(char *bytes, size_t size, size_t count, void *context);

// Both callbacks get `context`; `error` has CURL_ERROR_SIZE bytes.
static inline void aib_curl_receivers(
    CURL *easy, aib_curl_receive header, aib_curl_receive body, void *context, char *error) {
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, context);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, context);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
}

// The body of the request comes from `source`, which gets `context`; `bytes` is its length.
static inline CURLcode aib_curl_source(
    CURL *easy, aib_curl_receive source, void *context, curl_off_t bytes) {
  curl_easy_setopt(easy, CURLOPT_READFUNCTION, source);
  curl_easy_setopt(easy, CURLOPT_READDATA, context);
  // Fewer turns for each MiB; 2 MiB is the most the library takes.
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
  curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
  // How long a server may take to say that it wants the body. Some, uwsgi among them, never say so,
  // and the library's own second would be lost with each upload.
  curl_easy_setopt(easy, CURLOPT_EXPECT_100_TIMEOUT_MS, 300L);
  return curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, bytes);
}

typedef int (*aib_curl_close)(void *context, curl_socket_t socket);

// `close` must close the connection, which the library is done with.
static inline void aib_curl_on_close(CURL *easy, aib_curl_close close, void *context) {
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, context);
}

// `open` makes the socket of a connection, or returns CURL_SOCKET_BAD.
static inline void aib_curl_on_open(
    CURL *easy, curl_opensocket_callback open, void *context) {
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, context);
}

typedef int (*aib_curl_debug)(CURL *easy, curl_infotype type, char *bytes, size_t count, void *context);

// What the library tells of its work: among it every word of TLS, of which the error keeps one.
static inline void aib_curl_tell(CURL *easy, aib_curl_debug tell, void *context) {
  curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, tell);
  curl_easy_setopt(easy, CURLOPT_DEBUGDATA, context);
  curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
}

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
// The options that take names came with 7.85; hosts of the farm may have an older library, which
// would ignore them and so allow every protocol.
static inline CURLcode aib_curl_protocols(CURL *easy, int http, int file) {
  long first = (http ? CURLPROTO_HTTP | CURLPROTO_HTTPS : 0) | (file ? CURLPROTO_FILE : 0);
  CURLcode rc = curl_easy_setopt(easy, CURLOPT_PROTOCOLS, first);
  // A redirect never leads to a file of this machine.
  if (rc == CURLE_OK)
    rc = curl_easy_setopt(
        easy, CURLOPT_REDIR_PROTOCOLS, http ? CURLPROTO_HTTP | CURLPROTO_HTTPS : 0L);
  return rc;
}
#pragma clang diagnostic pop

// Bytes of the request body sent so far.
static inline curl_off_t aib_curl_sent(CURL *easy) {
  curl_off_t sent = 0;
  curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &sent);
  return sent;
}

// The result of the transfer, once it is done; -1 before.
static inline int aib_curl_result(CURLM *multi) {
  int left = 0;
  struct CURLMsg *message = curl_multi_info_read(multi, &left);
  return message && message->msg == CURLMSG_DONE ? (int)message->data.result : -1;
}

static inline CURLcode aib_curl_recipients(CURL *easy, struct curl_slist *list) {
  return curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, list);
}

// Only mail servers are spoken to, with TLS if it is required or offered.
static inline void aib_curl_mail_only(CURL *easy, int requires_tls) {
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)(requires_tls ? CURLUSESSL_ALL : CURLUSESSL_TRY));
}

typedef int (*aib_curl_progress_callback)(
    void *context, curl_off_t, curl_off_t, curl_off_t, curl_off_t);

// The callback is asked about once a second whether to end the transfer.
static inline void aib_curl_progress(
    CURL *easy, aib_curl_progress_callback callback, void *context) {
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, callback);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, context);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
}

struct aib_curl_text_source {
  const char *bytes;
  size_t count;
  size_t *position;
};

static inline size_t aib_curl_read_text(char *into, size_t size, size_t count, void *context) {
  struct aib_curl_text_source *source = context;
  size_t rest = source->count - *source->position, part = size * count;
  if (part > rest) part = rest;
  memcpy(into, source->bytes + *source->position, part);
  *source->position += part;
  return part;
}

// Sends the mail; `error` has CURL_ERROR_SIZE bytes.
static inline CURLcode aib_curl_mail(
    CURL *easy, const void *bytes, size_t count, size_t *position, char *error) {
  struct aib_curl_text_source source = {bytes, count, position};
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(easy, CURLOPT_READFUNCTION, aib_curl_read_text);
  curl_easy_setopt(easy, CURLOPT_READDATA, &source);
  curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
  return curl_easy_perform(easy);
}

static inline CURLcode aib_curl_response(CURL *easy, long *status) {
  return curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, status);
}
