#pragma once
#include <stdint.h>

/// Allocations of the calling thread so far: malloc, calloc, realloc, and aligned ones. Only programs that link this target count.
uint64_t callocations_count(void);
