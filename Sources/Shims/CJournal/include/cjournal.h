#pragma once
// The part of libsystemd that reads the journal, loaded when it is there; nothing is linked.
#include <stddef.h>
#include <stdint.h>

typedef struct cjournal cjournal;

/// Opens the machine's journal, or that in `directory` when it isn't NULL. `status`: 0, -ENOSYS without libsystemd, or another -errno.
cjournal *cjournal_open(const char *directory, int *status);
void cjournal_close(cjournal *journal);
/// Goes to just behind the entry with this cursor; 0 or -errno.
int cjournal_seek_after(cjournal *journal, const char *cursor);
/// Goes to the first entry at or behind a time, microseconds since the epoch; 0 or -errno.
int cjournal_seek_time(cjournal *journal, uint64_t microseconds);
/// The next entry: 1, 0 at the end, or -errno.
int cjournal_next(cjournal *journal);
/// Takes note of files that came or went since the last call; 0 or more, or -errno.
int cjournal_process(cjournal *journal);
/// Time of the entry, microseconds since the epoch; 0 or -errno.
int cjournal_time(cjournal *journal, uint64_t *microseconds);
/// The entry's cursor, to be freed with free(3); NULL on failure.
char *cjournal_cursor(cjournal *journal);
/// The entry's next field as `NAME=value`, valid until the next call: 1, 0 behind the last, or -errno.
int cjournal_field(cjournal *journal, const void **data, size_t *length);
