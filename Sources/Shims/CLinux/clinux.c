#define _GNU_SOURCE
#include "clinux.h"
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <resolv.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>
#if defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#endif

#if defined(__AVX2__)
enum { lanes = 32 };
typedef __m256i lane_bytes;
static inline lane_bytes lanes_of(uint8_t byte) { return _mm256_set1_epi8((char)byte); }
static inline uint32_t lanes_equal(const uint8_t *at, lane_bytes byte) {
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)at), byte));
}
#elif defined(__SSE2__)
enum { lanes = 16 };
typedef __m128i lane_bytes;
static inline lane_bytes lanes_of(uint8_t byte) { return _mm_set1_epi8((char)byte); }
static inline uint32_t lanes_equal(const uint8_t *at, lane_bytes byte) {
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)at), byte));
}
#endif

const void *clinux_memmem(const void *haystack, size_t haystack_length, const void *needle, size_t needle_length) {
#if defined(__AVX2__) || defined(__SSE2__)
    // Places whose first and last byte fit, many at a time; only those are compared. Needles of which too many places fit go to memmem(3), whose
    // time is linear whatever the bytes are.
    if (needle_length < 2 || needle_length > haystack_length || haystack_length - needle_length + 1 < lanes)
        return memmem(haystack, haystack_length, needle, needle_length);
    const uint8_t *text = haystack, *wanted = needle;
    const lane_bytes first = lanes_of(wanted[0]), last = lanes_of(wanted[needle_length - 1]);
    const size_t places = haystack_length - needle_length + 1;
    size_t compared = 0;
    for (size_t at = 0;;) {
        uint32_t hits = lanes_equal(text + at, first);
        if (hits) hits &= lanes_equal(text + at + needle_length - 1, last);
        for (; hits; hits &= hits - 1) {
            const uint8_t *place = text + at + (size_t)__builtin_ctz(hits);
            if (memcmp(place + 1, wanted + 1, needle_length - 2) == 0) return place;
            compared += needle_length;
        }
        if (at + lanes == places) return NULL;
        at += lanes;
        // The last step overlaps the one before, where nothing was.
        if (at + lanes > places) at = places - lanes;
        if (compared > 8 * at + 4096) return memmem(text + at, haystack_length - at, needle, needle_length);
    }
#else
    return memmem(haystack, haystack_length, needle, needle_length);
#endif
}

int clinux_accept(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static uint32_t table[8][256];

__attribute__((constructor)) static void make_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? 0x82F63B78u ^ (c >> 1) : c >> 1;
        table[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int t = 1; t < 8; t++) table[t][i] = table[0][table[t - 1][i] & 0xFF] ^ (table[t - 1][i] >> 8);
}

static uint32_t crc_software(uint32_t crc, const uint8_t *p, size_t n) {
    while (n >= 8) {
        uint32_t lo, hi;
        memcpy(&lo, p, 4);
        memcpy(&hi, p + 4, 4);
        lo ^= crc;
        crc = table[7][lo & 0xFF] ^ table[6][lo >> 8 & 0xFF] ^ table[5][lo >> 16 & 0xFF] ^ table[4][lo >> 24] ^
              table[3][hi & 0xFF] ^ table[2][hi >> 8 & 0xFF] ^ table[1][hi >> 16 & 0xFF] ^ table[0][hi >> 24];
        p += 8;
        n -= 8;
    }
    while (n--) crc = table[0][(crc ^ *p++) & 0xFF] ^ (crc >> 8);
    return crc;
}

#if defined(__x86_64__)
#include <immintrin.h>
__attribute__((target("sse4.2"))) static uint32_t crc_hardware(uint32_t crc, const uint8_t *p, size_t n) {
    uint64_t c = crc;
    while (n >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        c = _mm_crc32_u64(c, word);
        p += 8;
        n -= 8;
    }
    crc = (uint32_t)c;
    while (n--) crc = _mm_crc32_u8(crc, *p++);
    return crc;
}
#endif

uint32_t clinux_crc32c(uint32_t crc, const void *bytes, size_t length) {
    crc = ~crc;
#if defined(__x86_64__)
    static int hardware = -1;
    if (hardware < 0) hardware = __builtin_cpu_supports("sse4.2") ? 1 : 0;
    return ~(hardware ? crc_hardware(crc, bytes, length) : crc_software(crc, bytes, length));
#else
    return ~crc_software(crc, bytes, length);
#endif
}

int clinux_disk_space(const char *path, uint64_t *available, uint64_t *total) {
    struct statvfs s;
    if (statvfs(path, &s) != 0) return -errno;
    *available = (uint64_t)s.f_bavail * s.f_frsize;
    *total = (uint64_t)s.f_blocks * s.f_frsize;
    return 0;
}

int clinux_lock(int fd) { return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno; }

int clinux_has_v3(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
#else
    return 1;
#endif
}

void clinux_name_thread(const char *name) {
    char cut[16];
    strncpy(cut, name, sizeof cut - 1);
    cut[sizeof cut - 1] = 0;
    pthread_setname_np(pthread_self(), cut);
}

// On Linux niceness belongs to the thread, in spite of POSIX.
int clinux_nice_thread(int niceness) { return setpriority(PRIO_PROCESS, (id_t)gettid(), niceness) == 0 ? 0 : -errno; }

int clinux_built_for_v3(void) {
#if defined(__AVX2__)
    return 1;
#else
    return 0;
#endif
}

int clinux_inotify_open(void) { return inotify_init1(IN_NONBLOCK | IN_CLOEXEC); }

int clinux_inotify_watch(int fd, const char *directory) {
    return inotify_add_watch(fd, directory,
                             IN_MODIFY | IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF |
                                 IN_MOVE_SELF | IN_ONLYDIR);
}

int clinux_dns_query(const char *name, int type, const char *server, uint16_t port, void *answer, size_t capacity) {
    struct __res_state state;
    memset(&state, 0, sizeof state);
    if (res_ninit(&state) != 0) return -1;
    if (server != NULL) {
        state.nscount = 1;
        memset(&state.nsaddr_list[0], 0, sizeof state.nsaddr_list[0]);
        state.nsaddr_list[0].sin_family = AF_INET;
        state.nsaddr_list[0].sin_port = htons(port);
        if (inet_pton(AF_INET, server, &state.nsaddr_list[0].sin_addr) != 1) {
            res_nclose(&state);
            return -1;
        }
    }
    int length = res_nquery(&state, name, C_IN, type, answer, (int)(capacity > 65535 ? 65535 : capacity));
    int error = state.res_h_errno;
    res_nclose(&state);
    if (length >= 0) return length;
    if (error == HOST_NOT_FOUND || error == NO_DATA) return 0;
    return error == TRY_AGAIN ? -1 : -2;
}
