//! TextKit: formatting and parsing of numbers, times, bytes and names. Pure functions of values, so
//! that the pure modules may import it: no clock, locale, time zone, file or C library.
