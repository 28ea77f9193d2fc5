#include "cre2shim.h"
#include <re2/re2.h>
#include <cstring>
#include <string>

struct cre2_regex {
    RE2 re;
    std::string error;
    cre2_regex(const std::string &p, const RE2::Options &o) : re(p, o), error(re.ok() ? "" : re.error()) {}
};

extern "C" {

cre2_regex *cre2_compile(const char *pattern, size_t length, int anchored, int64_t max_memory) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(max_memory);
    std::string text(pattern, length);
    if (anchored) {
        options.set_dot_nl(true);
        text = "^(?s:" + text + ")$";
        // A pattern such as ")(" must not escape its group.
        RE2::Options plain = options;
        RE2 alone(re2::StringPiece(pattern, length), plain);
        if (!alone.ok()) return new cre2_regex(std::string(pattern, length), options);
    }
    return new cre2_regex(text, options);
}

const char *cre2_error(const cre2_regex *regex) { return regex->re.ok() ? nullptr : regex->error.c_str(); }

void cre2_free(cre2_regex *regex) { delete regex; }

int cre2_matches(const cre2_regex *regex, const char *text, size_t length) {
    return regex->re.Match(re2::StringPiece(text, length), 0, length, RE2::UNANCHORED, nullptr, 0);
}

int cre2_captures_from(const cre2_regex *regex, const char *text, size_t length, size_t from, int64_t *offsets, int count) {
    re2::StringPiece small[32];
    re2::StringPiece *groups = count <= 32 ? small : new re2::StringPiece[count];
    int hit = regex->re.Match(re2::StringPiece(text, length), from, length, RE2::UNANCHORED, groups, count);
    if (hit)
        for (int i = 0; i < count; i++) {
            offsets[2 * i] = groups[i].data() ? groups[i].data() - text : -1;
            offsets[2 * i + 1] = groups[i].data() ? groups[i].data() - text + (int64_t)groups[i].size() : -1;
        }
    if (groups != small) delete[] groups;
    return hit;
}

int cre2_captures(const cre2_regex *regex, const char *text, size_t length, int64_t *offsets, int count) {
    return cre2_captures_from(regex, text, length, 0, offsets, count);
}

int cre2_group_count(const cre2_regex *regex) { return regex->re.NumberOfCapturingGroups(); }

int cre2_group_index(const cre2_regex *regex, const char *name, size_t length) {
    const auto &names = regex->re.NamedCapturingGroups();
    auto found = names.find(std::string(name, length));
    return found == names.end() ? -1 : found->second;
}

size_t cre2_group_name(const cre2_regex *regex, int index, char *buffer, size_t capacity) {
    const auto &names = regex->re.CapturingGroupNames();
    auto found = names.find(index);
    if (found == names.end()) return 0;
    size_t n = found->second.size() < capacity ? found->second.size() : capacity;
    std::memcpy(buffer, found->second.data(), n);
    return n;
}
}
