#define _GNU_SOURCE
#include "cobs.h"
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

_Thread_local uint64_t cobs_random_state;
_Thread_local uint32_t cobs_thread_number;
_Thread_local void *cobs_context;

void cobs_heap(uint64_t *allocated, uint64_t *reserve) {
    struct mallinfo2 info = mallinfo2();
    *allocated = info.uordblks;
    *reserve = info.fordblks;
}

// A child has one thread, the one that forked; it must not repeat its parent's identifiers.
static void forget_in_child(void) { cobs_random_state = 0; }

__attribute__((constructor)) static void watch_forks(void) { pthread_atfork(0, 0, forget_in_child); }

void cobs_random_seed(void) {
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        seed = (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15ull ^ (uint64_t)now.tv_sec ^ (uintptr_t)&seed;
    }
    cobs_random_state = seed | 1;
}

uint32_t cobs_new_thread_number(void) {
    static atomic_uint next = 1;
    uint32_t number = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed);
    return cobs_thread_number = number ? number : 1;
}

void *cobs_reserve(uint64_t bytes) {
    void *memory = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? 0 : memory;
}

void cobs_release(void *memory, uint64_t bytes) { munmap(memory, bytes); }
