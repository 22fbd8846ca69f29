//! TextKit: how numbers, times, bytes and names are written as text, and read back. Pure functions
//! of values, so that the pure modules may import it: no clock, locale, time zone, file, C library.
