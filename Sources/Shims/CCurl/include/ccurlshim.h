#pragma once
// curl_easy_setopt and curl_easy_getinfo are variadic, which Swift cannot call.
#include <curl/curl.h>

CURLcode ccurl_set_long(CURL *handle, CURLoption option, long value);
CURLcode ccurl_set_offset(CURL *handle, CURLoption option, curl_off_t value);
CURLcode ccurl_set_string(CURL *handle, CURLoption option, const char *value);
CURLcode ccurl_set_pointer(CURL *handle, CURLoption option, void *value);
CURLcode ccurl_set_list(CURL *handle, CURLoption option, struct curl_slist *value);
CURLcode ccurl_set_callback(CURL *handle, CURLoption option, size_t (*value)(char *, size_t, size_t, void *));
/// Sends a copy of `length` bytes as the request body.
CURLcode ccurl_copy_body(CURL *handle, const void *bytes, size_t length);
CURLcode ccurl_get_long(CURL *handle, CURLINFO info, long *value);
CURLcode ccurl_get_string(CURL *handle, CURLINFO info, char **value);
CURLcode ccurl_get_pointer(CURL *handle, CURLINFO info, void **value);
CURLMcode ccurl_multi_set_long(CURLM *multi, CURLMoption option, long value);
CURLcode ccurl_global_init(void);
/// The next finished transfer and how it went, or NULL.
CURL *ccurl_next_done(CURLM *multi, CURLcode *result);
