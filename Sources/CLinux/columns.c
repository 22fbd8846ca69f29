#define _GNU_SOURCE
#include <wchar.h>

#include "columns.h"

int aib_columns(uint32_t character) { return wcwidth((wchar_t)character); }
