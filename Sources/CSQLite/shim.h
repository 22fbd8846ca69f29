// The C library as Swift imports it; variadic functions and macros get typed inline twins here.
#pragma once
#include <sqlite3.h>

/// Binds a copy of the bytes: SQLITE_TRANSIENT is a cast of -1, which Swift cannot import.
static inline int aib_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *bytes,
                                       sqlite3_uint64 count) {
  return sqlite3_bind_text64(statement, index, bytes, count, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static inline int aib_sqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes,
                                       sqlite3_uint64 count) {
  return sqlite3_bind_blob64(statement, index, bytes, count, SQLITE_TRANSIENT);
}
