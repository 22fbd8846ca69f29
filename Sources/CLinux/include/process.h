// Processes. The functions are in process.c, owned by ProcessKit.
#pragma once
