#include "control/control_socket.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/daemon.h"
#include "control/monotonic.h"

enum { PATIENCE_MS = 1000 /* with a client, each way: the supervisor has leases to renew */ };

static bool make_address(struct sockaddr_un *address, const char *run_dir)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	return snprintf(address->sun_path, sizeof(address->sun_path), "%s/control.sock", run_dir) <
	       (int)sizeof(address->sun_path);
}

static void set_timeout(int fd, int seconds)
{
	const struct timeval limit = {.tv_sec = seconds};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

int control_listen(const char *run_dir, char *text, size_t size)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (!make_address(&address, run_dir)) {
		snprintf(text, size, "%s: too long a name for a run directory", run_dir);
		goto fail;
	}
	unlink(address.sun_path);
	/* Linux makes the file with the mode that the socket has before it is bound. */
	if (fd >= 0 && fchmod(fd, 0600) == 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		listen(fd, 8) == 0)
		return fd;
	snprintf(text, size, "%s: %s", address.sun_path, strerror(errno));
fail:
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Whether the descriptor is ready before the end, of CLOCK_MONOTONIC. */
static bool wait_for(int fd, short events, int64_t end)
{
	struct pollfd p = {.fd = fd, .events = events};
	const int64_t left = end - monotonic_ms();

	return left > 0 && poll(&p, 1, (int)left) > 0;
}

int control_accept(int listener, char request[CONTROL_REQUEST_MAX])
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	const int64_t end = monotonic_ms() + PATIENCE_MS;
	size_t used = 0;

	if (fd < 0)
		return -1;
	request[0] = 0;
	while (used < CONTROL_REQUEST_MAX - 1 && !strchr(request, '\n') && wait_for(fd, POLLIN, end)) {
		ssize_t n = read(fd, request + used, CONTROL_REQUEST_MAX - 1 - used);

		if (n <= 0)
			break;
		used += (size_t)n;
		request[used] = 0;
	}
	request[strcspn(request, "\n")] = 0;
	return fd;
}

void control_reply(int connection, const char *reply, size_t size)
{
	const int64_t end = monotonic_ms() + PATIENCE_MS;

	while (size > 0 && wait_for(connection, POLLOUT, end)) {
		ssize_t n = send(connection, reply, size, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		reply += n;
		size -= (size_t)n;
	}
	close(connection);
}

bool control_ask(
	const char *run_dir, const char *request, char reply[CONTROL_REPLY_MAX], char *text, size_t size)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t used = 0;
	ssize_t n = 0;

	if (fd < 0 || !make_address(&address, run_dir) ||
		connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		snprintf(text, size, "no tickwire answers at %s: %s", run_dir,
			errno == EACCES ? "permission denied; run this as root"
					: "is one running with this --run-dir?");
		if (fd >= 0)
			close(fd);
		return false;
	}
	set_timeout(fd, 30);
	if (dprintf(fd, "%s\n", request) > 0)
		while (used < CONTROL_REPLY_MAX - 1 &&
			(n = read(fd, reply + used, CONTROL_REPLY_MAX - 1 - used)) > 0)
			used += (size_t)n;
	reply[used] = 0;
	close(fd);
	if (used == 0)
		snprintf(text, size, "tickwire at %s gave no answer", run_dir);
	return used > 0;
}
