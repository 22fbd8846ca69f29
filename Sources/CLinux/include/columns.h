#pragma once
#include <stdint.h>

// Columns that a character takes on a terminal, by the locale's table; -1 for a control character.
int aib_columns(uint32_t character);
