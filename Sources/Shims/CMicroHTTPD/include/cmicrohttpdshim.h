#pragma once
// libmicrohttpd behind plain functions: its start-up and look-ups are variadic, its flags are macros that Swift cannot see.
#include <microhttpd.h>
#include <stdint.h>
#include <sys/socket.h>

/// How to run a daemon. It has no timeouts: those are the server's. It closes the listening socket when it stops, unless `cmhd_quiesce` has given it back.
typedef struct {
    int listener;
    unsigned threads;
    unsigned connections_max;
    size_t connection_memory;
    /// PEM texts, or NULL: certificate chain, private key, authorities that sign client certificates.
    const char *certificate;
    const char *key;
    const char *client_authorities;
} cmhd_settings;

/// What a daemon calls, on its event-loop threads; all of one connection's calls come from one thread.
typedef struct {
    /// Whether to take a connection from this address: 1 or 0.
    int (*admit)(void *server, const struct sockaddr *address);
    /// A connection was accepted; returns its context, passed back below.
    void *(*opened)(void *server, struct MHD_Connection *connection, int socket, const struct sockaddr *address);
    /// The connection is about to be closed; its socket is still open.
    void (*closed)(void *context);
    /// A request line has arrived, with its target as sent.
    void (*line)(void *context, const char *target);
    /// Headers are complete (`first`), body bytes have come (`*count` > 0, to be set to 0), or an answer is wanted. 0 closes the connection.
    int (*request)(void *context, const char *method, const char *version, const char *data, size_t *count, int first);
    /// The request is over; `clean` tells whether the answer was sent whole.
    void (*completed)(void *context, int clean);
    /// A line from the library's log.
    void (*log)(void *server, const char *text);
} cmhd_callbacks;

/// A running daemon.
typedef struct cmhd_server cmhd_server;

/// Starts `threads` event-loop threads; NULL on failure (the log tells why).
cmhd_server *cmhd_start(const cmhd_settings *settings, const cmhd_callbacks *callbacks, void *server);
/// Stops accepting and hands back the listening socket.
int cmhd_quiesce(cmhd_server *server);
/// Closes all connections, joins the threads, frees the server. No connection may be suspended.
void cmhd_stop(cmhd_server *server);
/// Calls `field` with each header field of the request, until it returns 0.
void cmhd_headers(
    struct MHD_Connection *connection,
    int (*field)(void *context, const char *name, size_t name_length, const char *value, size_t value_length), void *context);
/// An answer whose `length` bytes are copied.
struct MHD_Response *cmhd_response(const void *bytes, size_t length);
/// An answer whose body comes piece by piece: `read` fills `room` and returns how many bytes it wrote, 0 after it has suspended the
/// connection, -1 at the end, -2 when the body can't be had. `release` is called once, when the answer is no longer needed.
struct MHD_Response *cmhd_streamed_response(
    ssize_t (*read)(void *context, uint64_t position, char *room, size_t size), void (*release)(void *context), void *context);
/// An answer that hands the connection over: `upgraded` gets the connection's context, its socket, the `early_length` bytes that came
/// behind the request, and what `cmhd_close_upgraded` takes.
struct MHD_Response *cmhd_upgrade_response(
    void (*upgraded)(void *context, int socket, const void *early, size_t early_length, void *handle));
/// Gives a connection that was handed over back, to be closed. Its socket must not be used afterwards.
void cmhd_close_upgraded(void *handle);
/// Writes the text that answers a websocket's `Sec-WebSocket-Key` (RFC 6455 4.2.2) into `accept`, which has room for 29 bytes: 1 or 0.
int cmhd_websocket_accept(const char *key, char *accept);
/// Adds a header field, unless it can't be one.
void cmhd_add_header(struct MHD_Response *response, const char *name, const char *value);
/// Sends `response` as the answer of the current request: 1 or 0.
int cmhd_answer(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response);
/// Whether the peer sent a certificate that the daemon's authorities signed: 1 or 0.
int cmhd_peer_verified(struct MHD_Connection *connection);
/// Whether the peer of each of `count` sockets has gone or stopped sending; writes 1 or 0 into `gone`.
void cmhd_hung_up(const int *sockets, unsigned char *gone, size_t count);
