#define _GNU_SOURCE
#include "cmicrohttpdshim.h"
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cmhd_server {
    struct MHD_Daemon *daemon;
    cmhd_callbacks callbacks;
    void *server;
};

static void *context_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static enum MHD_Result on_admit(void *cls, const struct sockaddr *address, socklen_t length) {
    (void)length;
    cmhd_server *link = cls;
    return link->callbacks.admit(link->server, address) ? MHD_YES : MHD_NO;
}

static void on_connection(
    void *cls, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code) {
    cmhd_server *link = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *socket = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        int fd = socket ? socket->connect_fd : -1;
        const union MHD_ConnectionInfo *peer = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        *context = link->callbacks.opened(link->server, connection, fd, peer ? peer->client_addr : NULL);
    } else if (*context) {
        link->callbacks.closed(*context);
        *context = NULL;
    }
}

static void *on_line(void *cls, const char *target, struct MHD_Connection *connection) {
    cmhd_server *link = cls;
    void *context = context_of(connection);
    if (context) link->callbacks.line(context, target);
    return NULL;
}

static enum MHD_Result on_request(
    void *cls, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
    const char *data, size_t *count, void **state) {
    (void)url;
    cmhd_server *link = cls;
    void *context = context_of(connection);
    if (!context) return MHD_NO;
    int first = *state == NULL;
    *state = link;
    return link->callbacks.request(context, method, version, data, count, first) ? MHD_YES : MHD_NO;
}

static void on_completed(
    void *cls, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code) {
    (void)state;
    cmhd_server *link = cls;
    void *context = context_of(connection);
    if (context) link->callbacks.completed(context, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
}

static void on_log(void *cls, const char *format, va_list arguments) {
    cmhd_server *link = cls;
    char text[512];
    vsnprintf(text, sizeof text, format, arguments);
    link->callbacks.log(link->server, text);
}

// Targets are decoded by the server itself, so that an encoded slash can be told from a real one.
static size_t keep_encoded(void *cls, struct MHD_Connection *connection, char *text) {
    (void)cls;
    (void)connection;
    size_t length = 0;
    while (text[length]) length++;
    return length;
}

cmhd_server *cmhd_start(const cmhd_settings *settings, const cmhd_callbacks *callbacks, void *server) {
    cmhd_server *link = malloc(sizeof *link);
    if (!link) return NULL;
    link->callbacks = *callbacks;
    link->server = server;

    struct MHD_OptionItem options[20];
    int n = 0;
#define OPTION(option, number, pointer) options[n++] = (struct MHD_OptionItem){option, (intptr_t)(number), pointer}
    // First, so that the options after it are complained about in the right place.
    OPTION(MHD_OPTION_EXTERNAL_LOGGER, on_log, link);
    OPTION(MHD_OPTION_LISTEN_SOCKET, settings->listener, NULL);
    OPTION(MHD_OPTION_NOTIFY_CONNECTION, on_connection, link);
    OPTION(MHD_OPTION_NOTIFY_COMPLETED, on_completed, link);
    OPTION(MHD_OPTION_URI_LOG_CALLBACK, on_line, link);
    OPTION(MHD_OPTION_UNESCAPE_CALLBACK, keep_encoded, link);
    OPTION(MHD_OPTION_CONNECTION_LIMIT, settings->connections_max, NULL);
    OPTION(MHD_OPTION_CONNECTION_MEMORY_LIMIT, settings->connection_memory, NULL);
    OPTION(MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL);
    if (settings->threads > 1) OPTION(MHD_OPTION_THREAD_POOL_SIZE, settings->threads, NULL);
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG;
    if (settings->certificate) {
        flags |= MHD_USE_TLS;
        OPTION(MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)settings->certificate);
        OPTION(MHD_OPTION_HTTPS_PRIORITIES, 0, "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1");
        OPTION(MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)settings->key);
        if (settings->client_authorities)
            OPTION(MHD_OPTION_HTTPS_MEM_TRUST, 0, (void *)settings->client_authorities);
    }
    OPTION(MHD_OPTION_END, 0, NULL);
#undef OPTION
    link->daemon =
        MHD_start_daemon(flags, 0, on_admit, link, on_request, link, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (link->daemon) return link;
    free(link);
    return NULL;
}

int cmhd_quiesce(cmhd_server *server) { return MHD_quiesce_daemon(server->daemon); }

void cmhd_stop(cmhd_server *server) {
    MHD_stop_daemon(server->daemon);
    free(server);
}

struct fields {
    int (*field)(void *, const char *, size_t, const char *, size_t);
    void *context;
};

static enum MHD_Result on_field(
    void *cls, enum MHD_ValueKind kind, const char *name, size_t name_length, const char *value, size_t value_length) {
    (void)kind;
    struct fields *fields = cls;
    return fields->field(fields->context, name, name_length, value, value_length) ? MHD_YES : MHD_NO;
}

void cmhd_headers(
    struct MHD_Connection *connection, int (*field)(void *, const char *, size_t, const char *, size_t), void *context) {
    struct fields fields = {field, context};
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, on_field, &fields);
}

void cmhd_add_header(struct MHD_Response *response, const char *name, const char *value) {
    MHD_add_response_header(response, name, value);
}

int cmhd_answer(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response) {
    return MHD_queue_response(connection, status, response) == MHD_YES;
}

struct MHD_Response *cmhd_response(const void *bytes, size_t length) {
    return MHD_create_response_from_buffer(length, (void *)bytes, MHD_RESPMEM_MUST_COPY);
}

struct MHD_Response *cmhd_streamed_response(
    ssize_t (*read)(void *, uint64_t, char *, size_t), void (*release)(void *), void *context) {
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 32 << 10, read, context, release);
}

typedef void (*upgraded)(void *, int, const void *, size_t, void *);

static void on_upgrade(
    void *cls, struct MHD_Connection *connection, void *state, const char *early, size_t early_length, MHD_socket socket,
    struct MHD_UpgradeResponseHandle *handle) {
    (void)state;
    ((upgraded)cls)(context_of(connection), socket, early, early_length, handle);
}

struct MHD_Response *cmhd_upgrade_response(upgraded upgraded) {
    return MHD_create_response_for_upgrade(on_upgrade, (void *)upgraded);
}

void cmhd_close_upgraded(void *handle) { MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE); }

int cmhd_websocket_accept(const char *key, char *accept) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[128];
    int length = snprintf(text, sizeof text, "%s%s", key, guid);
    if (length < 0 || (size_t)length >= sizeof text) return 0;
    unsigned char digest[20];
    if (gnutls_hash_fast(GNUTLS_DIG_SHA1, text, (size_t)length, digest) != 0) return 0;
    gnutls_datum_t plain = {digest, sizeof digest}, coded;
    if (gnutls_base64_encode2(&plain, &coded) != 0) return 0;
    int fits = coded.size == 28;
    if (fits) {
        memcpy(accept, coded.data, 28);
        accept[28] = 0;
    }
    gnutls_free(coded.data);
    return fits;
}

int cmhd_peer_verified(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (!info || !info->tls_session) return 0;
    gnutls_session_t session = info->tls_session;
    unsigned certificates = 0, status = 0;
    if (!gnutls_certificate_get_peers(session, &certificates) || certificates == 0) return 0;
    return gnutls_certificate_verify_peers2(session, &status) == GNUTLS_E_SUCCESS && status == 0;
}

void cmhd_hung_up(const int *sockets, unsigned char *gone, size_t count) {
    struct pollfd some[64];
    for (size_t from = 0; from < count; from += 64) {
        size_t n = count - from < 64 ? count - from : 64;
        for (size_t i = 0; i < n; i++) some[i] = (struct pollfd){sockets[from + i], POLLRDHUP, 0};
        poll(some, n, 0);
        for (size_t i = 0; i < n; i++) gone[from + i] = (some[i].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
    }
}
