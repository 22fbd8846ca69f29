// The C library as Swift imports it; variadic functions and macros get typed inline twins here.
#pragma once
#include <libxml/xmlreader.h>
