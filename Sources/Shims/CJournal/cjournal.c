#define _GNU_SOURCE
#include "cjournal.h"
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// sd_journal is opaque here, as it is there.
typedef struct sd_journal sd_journal;

struct cjournal {
    sd_journal *handle;
};

static struct {
    int (*open)(sd_journal **, int);
    int (*open_directory)(sd_journal **, const char *, int);
    void (*close)(sd_journal *);
    int (*seek_cursor)(sd_journal *, const char *);
    int (*test_cursor)(sd_journal *, const char *);
    int (*seek_realtime)(sd_journal *, uint64_t);
    int (*next)(sd_journal *);
    int (*previous)(sd_journal *);
    int (*process)(sd_journal *);
    int (*get_fd)(sd_journal *);
    int (*realtime)(sd_journal *, uint64_t *);
    int (*get_cursor)(sd_journal *, char **);
    int (*enumerate)(sd_journal *, const void **, size_t *);
    void (*restart)(sd_journal *);
    int (*set_threshold)(sd_journal *, size_t);
} lib;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int is_loaded;

static void load(void) {
    void *library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library) return;
    is_loaded = 1;
#define SYMBOL(field, name) if (!(*(void **)&lib.field = dlsym(library, name))) is_loaded = 0
    SYMBOL(open, "sd_journal_open");
    SYMBOL(open_directory, "sd_journal_open_directory");
    SYMBOL(close, "sd_journal_close");
    SYMBOL(seek_cursor, "sd_journal_seek_cursor");
    SYMBOL(test_cursor, "sd_journal_test_cursor");
    SYMBOL(seek_realtime, "sd_journal_seek_realtime_usec");
    SYMBOL(next, "sd_journal_next");
    SYMBOL(previous, "sd_journal_previous");
    SYMBOL(process, "sd_journal_process");
    SYMBOL(get_fd, "sd_journal_get_fd");
    SYMBOL(realtime, "sd_journal_get_realtime_usec");
    SYMBOL(get_cursor, "sd_journal_get_cursor");
    SYMBOL(enumerate, "sd_journal_enumerate_data");
    SYMBOL(restart, "sd_journal_restart_data");
    SYMBOL(set_threshold, "sd_journal_set_data_threshold");
#undef SYMBOL
}

cjournal *cjournal_open(const char *directory, int *status) {
    pthread_once(&once, load);
    *status = -ENOSYS;
    if (!is_loaded) return NULL;
    cjournal *journal = calloc(1, sizeof *journal);
    if (!journal) {
        *status = -ENOMEM;
        return NULL;
    }
    // 1: only files of this machine.
    *status = directory ? lib.open_directory(&journal->handle, directory, 0) : lib.open(&journal->handle, 1);
    if (*status < 0) {
        free(journal);
        return NULL;
    }
    *status = 0;
    // Fields are not to be cut; and asking for the descriptor makes the journal watch for new files.
    lib.set_threshold(journal->handle, 0);
    lib.get_fd(journal->handle);
    return journal;
}

void cjournal_close(cjournal *journal) {
    if (!journal) return;
    lib.close(journal->handle);
    free(journal);
}

int cjournal_seek_after(cjournal *journal, const char *cursor) {
    int status = lib.seek_cursor(journal->handle, cursor);
    if (status < 0) return status;
    status = lib.next(journal->handle);
    if (status <= 0) return status;
    // Where the entry is gone, the next one stands here instead, and must not be passed over.
    if (lib.test_cursor(journal->handle, cursor) > 0) return 0;
    status = lib.previous(journal->handle);
    return status < 0 ? status : 0;
}

int cjournal_seek_time(cjournal *journal, uint64_t microseconds) {
    return lib.seek_realtime(journal->handle, microseconds);
}

int cjournal_next(cjournal *journal) {
    int status = lib.next(journal->handle);
    if (status > 0) lib.restart(journal->handle);
    return status;
}

int cjournal_process(cjournal *journal) { return lib.process(journal->handle); }

int cjournal_time(cjournal *journal, uint64_t *microseconds) { return lib.realtime(journal->handle, microseconds); }

char *cjournal_cursor(cjournal *journal) {
    char *cursor = NULL;
    return lib.get_cursor(journal->handle, &cursor) < 0 ? NULL : cursor;
}

int cjournal_field(cjournal *journal, const void **data, size_t *length) {
    return lib.enumerate(journal->handle, data, length);
}
