#pragma once
// What recording needs of the thread it runs on, and what only the C library tells.
#include <stdint.h>

/// Bytes that malloc has handed out, and that it holds in reserve.
void cobs_heap(uint64_t *allocated, uint64_t *reserve);

/// Whether a Swift task is running on this thread; task-local values then live in its own memory, else they would be malloc'ed.
extern void *swift_task_getCurrent(void) __attribute__((swiftcall));
static inline int cobs_in_task(void) { return swift_task_getCurrent() != 0; }

/// State of this thread's generator of identifiers; 0 until it is seeded.
extern _Thread_local uint64_t cobs_random_state;
/// Seeds it from getrandom(2).
void cobs_random_seed(void);

/// 64 random bits (wyrand). The child of a fork seeds anew.
static inline uint64_t cobs_random(void) {
    if (__builtin_expect(cobs_random_state == 0, 0)) cobs_random_seed();
    cobs_random_state += 0xa0761d6478bd642full;
    unsigned __int128 product = (unsigned __int128)cobs_random_state * (cobs_random_state ^ 0xe7037ed1a0b428dbull);
    return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

/// A small number of this thread's, for spreading writers over stripes.
extern _Thread_local uint32_t cobs_thread_number;
uint32_t cobs_new_thread_number(void);
static inline uint32_t cobs_thread(void) {
    return __builtin_expect(cobs_thread_number == 0, 0) ? cobs_new_thread_number() : cobs_thread_number;
}

/// The context current on this thread outside of tasks; a pointer to a frame of the caller's.
extern _Thread_local void *cobs_context;
static inline void *cobs_get_context(void) { return cobs_context; }
static inline void cobs_set_context(void *context) { cobs_context = context; }

/// Reserves `bytes` of zeroed memory that is taken as it is touched; null when there is none.
void *cobs_reserve(uint64_t bytes);
void cobs_release(void *memory, uint64_t bytes);
