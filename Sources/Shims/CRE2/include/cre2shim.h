#pragma once
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef struct cre2_regex cre2_regex;

/// Compiles `pattern`, anchored at both ends and with `.` matching newline when `anchored` is not 0. `max_memory` bounds the program, in bytes.
/// Never returns NULL; ask `cre2_error`.
cre2_regex *cre2_compile(const char *pattern, size_t length, int anchored, int64_t max_memory);
/// The error text, or NULL when the pattern compiled. Owned by the regex.
const char *cre2_error(const cre2_regex *regex);
void cre2_free(cre2_regex *regex);
/// 1 when `text` matches (the whole of it when anchored). Thread-safe.
int cre2_matches(const cre2_regex *regex, const char *text, size_t length);
/// Fills `count` pairs of start and end offsets (group 0 first; -1 when a group took no part); returns 1 on a match.
int cre2_captures(const cre2_regex *regex, const char *text, size_t length, int64_t *offsets, int count);
/// Like `cre2_captures`, starting the search at `from`.
int cre2_captures_from(const cre2_regex *regex, const char *text, size_t length, size_t from, int64_t *offsets, int count);
int cre2_group_count(const cre2_regex *regex);
/// The index of the group called `name`, or -1.
int cre2_group_index(const cre2_regex *regex, const char *name, size_t length);
/// Copies the name of group `index` into `buffer`, and returns its length; 0 when it has none.
size_t cre2_group_name(const cre2_regex *regex, int index, char *buffer, size_t capacity);
#ifdef __cplusplus
}
#endif
