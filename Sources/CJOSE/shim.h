// The C library as Swift imports it.
#pragma once
#include <cjose/cjose.h>
