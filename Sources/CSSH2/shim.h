// The C library as Swift imports it; macros get typed inline twins here.
#pragma once
#include <libssh2.h>
