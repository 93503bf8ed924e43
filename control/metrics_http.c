#include "control/metrics_http.h"

#include <limits.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct slot {
	int fd; /* -1: free */
	int64_t ends_ms;
};

struct metrics_http {
	struct MHD_Daemon *daemon;
	int epoll;
	metrics_http_page *page;
	void *opaque;
	int64_t now_ms;
	struct slot slot[METRICS_HTTP_CONNECTIONS];
};

/* Takes the response over. */
static enum MHD_Result reply(
	struct MHD_Connection *connection, unsigned status, struct MHD_Response *response)
{
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static struct MHD_Response *make_text(const char *text, size_t size, const char *type)
{
	/* Copied, all the same. */
	struct MHD_Response *response =
		MHD_create_response_from_buffer(size, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);

	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	return response;
}

static enum MHD_Result refuse(
	struct MHD_Connection *connection, unsigned status, const char *text, const char *allow)
{
	struct MHD_Response *response = make_text(text, strlen(text), "text/plain; charset=utf-8");

	if (response && allow)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
	return reply(connection, status, response);
}

/* Once the head of a request is there. Answered at once, so that no body is waited for. */
static enum MHD_Result answer(void *opaque, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size, void **context)
{
	struct metrics_http *http = opaque;
	const char *text;
	size_t size;

	(void)version;
	(void)upload;
	(void)upload_size;
	(void)context;
	if (strcmp(url, "/metrics") != 0)
		return refuse(connection, MHD_HTTP_NOT_FOUND, "there is nothing but /metrics\n", NULL);
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "/metrics can be read, no more\n",
			MHD_HTTP_METHOD_GET ", " MHD_HTTP_METHOD_HEAD);
	text = http->page(http->opaque, &size);
	if (!text)
		return refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR,
			"the page cannot be put together; see the log of tickwire-metrics\n", NULL);
	return reply(connection, MHD_HTTP_OK, make_text(text, size, CONTENT_TYPE));
}

static int descriptor_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

/* *context is the connection's slot. */
static void note_connection(void *opaque, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct metrics_http *http = opaque;
	struct slot *slot = *context;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED && slot)
		slot->fd = -1;
	for (size_t i = 0; code == MHD_CONNECTION_NOTIFY_STARTED && i < METRICS_HTTP_CONNECTIONS; i++) {
		if (http->slot[i].fd >= 0)
			continue;
		http->slot[i] = (struct slot){
			.fd = descriptor_of(connection), .ends_ms = http->now_ms + METRICS_HTTP_MS};
		*context = &http->slot[i];
		break;
	}
}

struct metrics_http *metrics_http_start(int listener, metrics_http_page *page, void *opaque)
{
	struct metrics_http *http = calloc(1, sizeof(*http));
	const union MHD_DaemonInfo *info = NULL;

	if (!http)
		return NULL;
	http->page = page;
	http->opaque = opaque;
	for (size_t i = 0; i < METRICS_HTTP_CONNECTIONS; i++)
		http->slot[i].fd = -1;
	http->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, http, MHD_OPTION_LISTEN_SOCKET,
		listener, MHD_OPTION_CONNECTION_LIMIT, (unsigned)METRICS_HTTP_CONNECTIONS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)METRICS_HTTP_REQUEST,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(METRICS_HTTP_MS / 1000),
		MHD_OPTION_NOTIFY_CONNECTION, note_connection, http, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_END);
	if (http->daemon)
		info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info) {
		metrics_http_stop(http);
		return NULL;
	}
	http->epoll = info->epoll_fd;
	return http;
}

int metrics_http_descriptor(const struct metrics_http *http)
{
	return http->epoll;
}

/* End what has lasted too long. Milliseconds until the next one has; -1: none is open. */
static int64_t end_old(struct metrics_http *http)
{
	int64_t next = -1;

	for (size_t i = 0; i < METRICS_HTTP_CONNECTIONS; i++) {
		struct slot *slot = &http->slot[i];
		const int64_t left = slot->ends_ms - http->now_ms;

		if (slot->fd < 0)
			continue;
		/* The library then finds it closed by its peer. */
		if (left <= 0)
			(void)shutdown(slot->fd, SHUT_RDWR);
		else if (next < 0 || left < next)
			next = left;
	}
	return next;
}

static bool is_full(const struct metrics_http *http)
{
	for (size_t i = 0; i < METRICS_HTTP_CONNECTIONS; i++)
		if (http->slot[i].fd < 0)
			return false;
	return true;
}

int metrics_http_run(struct metrics_http *http, int64_t now_ms)
{
	const bool was_full = is_full(http);
	MHD_UNSIGNED_LONG_LONG library = 0;
	int64_t next;

	http->now_ms = now_ms;
	MHD_run(http->daemon);
	/* A library that is full does not look for connections, and begins to again in its next run. */
	if (was_full && !is_full(http))
		MHD_run(http->daemon);
	next = end_old(http);
	if (MHD_get_timeout(http->daemon, &library) == MHD_YES && (next < 0 || (int64_t)library < next))
		next = (int64_t)library;
	return next > INT_MAX ? INT_MAX : (int)next;
}

/* The library closes the socket that it listens at. */
void metrics_http_stop(struct metrics_http *http)
{
	if (http && http->daemon)
		MHD_stop_daemon(http->daemon);
	free(http);
}
