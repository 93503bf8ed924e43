/*
 * chrony's SOCK protocol, as the server: "SOCK /run/chrony.ttyS0.sock". Any program that may write to the
 * socket feeds samples; gpsd does so by itself where it finds the socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "refclock/drivers.h"
#include "refclock/sock_sample.h"
#include "refclock/stamped.h"

struct sock {
	const struct driver_world *world;
	int socket;
	struct sockaddr_un address;
	struct stamped sample;
};

/* Whether the socket is nobody's any more: all other answers than a refusal are somebody's. */
static bool is_abandoned(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool refused = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
		       errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return refused;
}

/* A socket that nobody holds is what a killed daemon has left. */
static bool make_room(const struct sockaddr_un *address, char *text, size_t size)
{
	struct stat st;

	if (lstat(address->sun_path, &st) != 0)
		return true;
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(text, size, "%s is there and no socket; remove it or name another path",
			address->sun_path);
		return false;
	}
	if (!is_abandoned(address)) {
		snprintf(text, size, "%s is another program's socket (chronyd's?); name another path",
			address->sun_path);
		return false;
	}
	if (unlink(address->sun_path) == 0)
		return true;
	snprintf(text, size, "cannot remove the old socket %s: %s", address->sun_path, strerror(errno));
	return false;
}

/* Nobody but its owner can ever write to it: the mode is there before the name is. */
static bool bind_private(int fd, const struct sockaddr_un *address)
{
	const mode_t before = umask(0177);
	int result = bind(fd, (const struct sockaddr *)address, sizeof(*address)), error = errno;

	umask(before);
	errno = error;
	return result == 0;
}

static bool start(struct sock *sock, const char *path, char *text, size_t size)
{
	if (path[0] != '/' || strlen(path) >= sizeof(sock->address.sun_path)) {
		snprintf(text, size, "SOCK \"%s\": expected an absolute path of at most %zu octets", path,
			sizeof(sock->address.sun_path) - 1);
		return false;
	}
	sock->address.sun_family = AF_UNIX;
	memcpy(sock->address.sun_path, path, strlen(path) + 1);
	if (!make_room(&sock->address, text, size))
		return false;
	sock->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock->socket >= 0 && bind_private(sock->socket, &sock->address))
		return true;
	snprintf(text, size, "cannot make the socket %s: %s", path, strerror(errno));
	if (sock->socket >= 0)
		close(sock->socket);
	return false;
}

static void *sock_open(
	const struct source_options *options, const struct driver_world *world, char *text, size_t size)
{
	struct sock *sock = calloc(1, sizeof(*sock));

	snprintf(text, size, "%s", "");
	if (!sock) {
		snprintf(text, size, "out of memory");
		return NULL;
	}
	*sock = (struct sock){.world = world, .socket = -1};
	if (start(sock, options->parameter, text, size))
		return sock;
	free(sock);
	return NULL;
}

static void sock_close(void *state)
{
	struct sock *sock = state;

	close(sock->socket);
	/* The daemon may not be allowed to any more; then the next start does. */
	unlink(sock->address.sun_path);
	free(sock);
}

static int sock_descriptor(const void *state)
{
	return ((const struct sock *)state)->socket;
}

/* One datagram a call: who floods us gets no more of the daemon's time than others. False when the socket has
 * gone. */
static bool receive(struct sock *sock, char *text, size_t size)
{
	uint8_t octets[SOCK_SAMPLE_MAX];
	/* With its whole length, so that a long one is not taken for a sample. */
	ssize_t n = recv(sock->socket, octets, sizeof(octets), MSG_TRUNC | MSG_DONTWAIT);
	enum sock_sample_verdict verdict;
	struct measurement sample;
	ntp64 kernel;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	verdict = sock_sample_parse(octets, (size_t)n, &kernel, &sample);
	if (verdict == SOCK_SAMPLE_GOOD)
		stamped_put(&sock->sample, sock->world, kernel, &sample);
	else
		snprintf(text, size, "%s: %s", sock->address.sun_path, sock_sample_text(verdict));
	return true;
}

static enum driver_news sock_take(void *state, struct measurement *m, char *text, size_t size)
{
	struct sock *sock = state;
	enum driver_news news;

	snprintf(text, size, "%s", "");
	news = stamped_take(&sock->sample, sock->world, m, text, size);
	if (news != DRIVER_SILENT || text[0])
		return news;
	if (!receive(sock, text, size)) {
		snprintf(text, size, "the socket %s has gone: %s", sock->address.sun_path, strerror(errno));
		return DRIVER_GONE;
	}
	return stamped_take(&sock->sample, sock->world, m, text, size);
}

const struct driver_functions driver_sock = {
	.open = sock_open, .close = sock_close, .descriptor = sock_descriptor, .take = sock_take};
