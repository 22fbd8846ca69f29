// The C library as Swift imports it: what a TLS server needs of GnuTLS beside libmicrohttpd.
#pragma once
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>
#include <time.h>

// More than any authority issues; GnuTLS leaves out what is beyond them.
enum { AIB_TLS_CHAIN = 16 };

static inline gnutls_datum_t aib_tls_datum(const void *bytes, size_t count) {
  gnutls_datum_t datum = {(unsigned char *)bytes, (unsigned int)count};
  return datum;
}

// Whether a chain and a key, both in PEM, belong together; 0 or an error of GnuTLS.
static inline int aib_tls_check(
    const void *chain, size_t chain_bytes, const void *key, size_t key_bytes, time_t *expires) {
  gnutls_datum_t chain_datum = aib_tls_datum(chain, chain_bytes);
  gnutls_datum_t key_datum = aib_tls_datum(key, key_bytes);
  gnutls_certificate_credentials_t credentials;
  int code = gnutls_certificate_allocate_credentials(&credentials);
  if (code < 0) return code;
  code = gnutls_certificate_set_x509_key_mem(
      credentials, &chain_datum, &key_datum, GNUTLS_X509_FMT_PEM);
  gnutls_certificate_free_credentials(credentials);
  if (code < 0) return code;
  gnutls_x509_crt_t first;
  code = gnutls_x509_crt_init(&first);
  if (code < 0) return code;
  code = gnutls_x509_crt_import(first, &chain_datum, GNUTLS_X509_FMT_PEM);
  if (code >= 0) *expires = gnutls_x509_crt_get_expiration_time(first);
  gnutls_x509_crt_deinit(first);
  return code;
}

// Whether the first certificate of a chain in PEM is for the host, a name or an address.
static inline int aib_tls_names(const void *chain, size_t chain_bytes, const char *host) {
  gnutls_datum_t chain_datum = aib_tls_datum(chain, chain_bytes);
  gnutls_x509_crt_t first;
  if (gnutls_x509_crt_init(&first) < 0) return 0;
  int is_for = gnutls_x509_crt_import(first, &chain_datum, GNUTLS_X509_FMT_PEM) >= 0 &&
               gnutls_x509_crt_check_hostname(first, host);
  gnutls_x509_crt_deinit(first);
  return is_for;
}

// Gives one handshake copies of chain and key, which GnuTLS frees; 0, or -1 if it is to fail.
static inline int aib_tls_give(
    const void *chain, size_t chain_bytes, const void *key, size_t key_bytes,
    gnutls_pcert_st **certificates, unsigned int *count, gnutls_privkey_t *private_key,
    unsigned int *flags) {
  gnutls_datum_t chain_datum = aib_tls_datum(chain, chain_bytes);
  gnutls_datum_t key_datum = aib_tls_datum(key, key_bytes);
  unsigned int found = AIB_TLS_CHAIN;
  gnutls_pcert_st *list = gnutls_calloc(AIB_TLS_CHAIN, sizeof *list);
  gnutls_privkey_t copy;
  if (!list) return -1;
  if (gnutls_pcert_list_import_x509_raw(
          list, &found, &chain_datum, GNUTLS_X509_FMT_PEM, 0) < 0) {
    gnutls_free(list);
    return -1;
  }
  if (gnutls_privkey_init(&copy) >= 0) {
    if (gnutls_privkey_import_x509_raw(copy, &key_datum, GNUTLS_X509_FMT_PEM, NULL, 0) >= 0) {
      *certificates = list;
      *count = found;
      *private_key = copy;
      *flags = GNUTLS_CERT_RETR_DEINIT_ALL;
      return 0;
    }
    gnutls_privkey_deinit(copy);
  }
  for (unsigned int i = 0; i < found; i++) gnutls_pcert_deinit(&list[i]);
  gnutls_free(list);
  return -1;
}
