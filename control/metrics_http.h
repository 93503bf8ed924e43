/*
 * A server of one page, /metrics, by HTTP (libmicrohttpd): GET and HEAD, and nothing else. A connection is
 * for one request, and lasts METRICS_HTTP_MS at most, whatever its peer sends or takes meanwhile, so that
 * METRICS_HTTP_CONNECTIONS slow ones keep nobody out for longer. One thread.
 */
#ifndef CONTROL_METRICS_HTTP_H
#define CONTROL_METRICS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	METRICS_HTTP_CONNECTIONS = 16, /* at a time; others wait */
	METRICS_HTTP_MS = 10000,
	METRICS_HTTP_REQUEST = 8192, /* octets of memory for a request's head: beyond it is refused */
};

/* Give the page and its size in octets; it may change with the next call. NULL where there is none. */
typedef const char *metrics_http_page(void *opaque, size_t *size);

struct metrics_http;

/* Serve at a listening socket, which stays the caller's. NULL where it cannot be. */
struct metrics_http *metrics_http_start(int listener, metrics_http_page *page, void *opaque);

/* To be polled for input. */
int metrics_http_descriptor(const struct metrics_http *http);

/* Do what there is to do; `now_ms` is of any steady clock. Milliseconds until it is to be called again, or -1
 * for when there is input. */
int metrics_http_run(struct metrics_http *http, int64_t now_ms);

void metrics_http_stop(struct metrics_http *http);

#endif
