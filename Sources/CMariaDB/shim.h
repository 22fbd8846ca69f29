// The C library as Swift imports it; variadic functions and macros get typed inline twins here.
#pragma once
#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>
