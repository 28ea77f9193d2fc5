#pragma once
// What the C library offers only behind feature macros, which must not be defined in a header of a module map.
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/types.h>

/// memmem(3).
const void *clinux_memmem(const void *haystack, size_t haystack_length, const void *needle, size_t needle_length);
/// accept4(2) with SOCK_NONBLOCK and SOCK_CLOEXEC; returns the socket or -errno.
int clinux_accept(int listener);
/// Hardware CRC32C (Castagnoli) where the processor has it, a table otherwise. `crc` is the value so far, 0 at first.
uint32_t clinux_crc32c(uint32_t crc, const void *bytes, size_t length);
/// statvfs(3): bytes available to unprivileged users and size of the file system holding `path`; returns 0 or -errno.
int clinux_disk_space(const char *path, uint64_t *available, uint64_t *total);
/// flock(2) LOCK_EX|LOCK_NB; returns 0 or -errno.
int clinux_lock(int fd);
/// Whether this processor runs code built for x86-64-v3 (1), or not (0). Other architectures answer 1.
int clinux_has_v3(void);
/// Names the calling thread, cut to 15 bytes.
void clinux_name_thread(const char *name);
/// Sets the calling thread's niceness; returns 0 or -errno.
int clinux_nice_thread(int niceness);
/// 1 when this build needs x86-64-v3 (the release scripts compile for it), else 0.
int clinux_built_for_v3(void);
/// inotify_init1(2), without waiting; returns the descriptor or -1.
int clinux_inotify_open(void);
/// Watches a directory for names that come, go and move, and for files in it that are written to; returns the watch or -1.
int clinux_inotify_watch(int fd, const char *directory);
/// Asks the machine's resolver, or the name server at `server` (an IPv4 address; null for the machine's own) and `port`, for records of `type` of `name`.
/// Returns the answer's length, 0 when there is no such name or record, -1 when nobody answers, -2 when the server refuses.
int clinux_dns_query(const char *name, int type, const char *server, uint16_t port, void *answer, size_t capacity);
