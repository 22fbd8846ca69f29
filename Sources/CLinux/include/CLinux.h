// Linux calls that Swift's Glibc module lacks, as plain functions. Nothing here knows of builds.
#pragma once
#include "loop.h"
#include "files.h"
#include "process.h"
