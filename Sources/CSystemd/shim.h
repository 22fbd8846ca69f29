// The C library as Swift imports it.
#pragma once
#include <systemd/sd-daemon.h>
