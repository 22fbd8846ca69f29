// Linux calls that Swift's Glibc module lacks, as plain functions. Nothing here is specific to
// builds.
#pragma once
#include "loop.h"
#include "files.h"
#include "process.h"
#include "columns.h"
