#include "control/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/daemon_arguments.h"
#include "control/monotonic.h"
#include "control/supervisor.h"
#include "dataplane/log.h"
#include "refclock/sources.h"

enum { BACKLOG = 16, RETRY_MS = 1000, WHERE = INET6_ADDRSTRLEN + sizeof("[]:65535") };

/* "127.0.0.1:9123" or "[::1]:9123" */
static void show(const struct config_metrics *at, char where[WHERE])
{
	char address[INET6_ADDRSTRLEN] = "?";

	inet_ntop(at->ipv6 ? AF_INET6 : AF_INET, at->address, address, sizeof(address));
	snprintf(where, WHERE, at->ipv6 ? "[%s]:%u" : "%s:%u", address, at->port);
}

static socklen_t make_address(const struct config_metrics *at, struct sockaddr_storage *to)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *in = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	if (at->ipv6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(at->port);
		memcpy(&in6->sin6_addr, at->address, sizeof(in6->sin6_addr));
		return sizeof(*in6);
	}
	in->sin_family = AF_INET;
	in->sin_port = htons(at->port);
	memcpy(&in->sin_addr, at->address, sizeof(in->sin_addr));
	return sizeof(*in);
}

int metrics_listen(const struct config_metrics *at, char *text, size_t size)
{
	struct sockaddr_storage address;
	const socklen_t length = make_address(at, &address);
	const int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
	char where[WHERE];
	int error;

	/* After a restart, connections that were closed may not keep us from our port. */
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
		(!at->ipv6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0) &&
		bind(fd, (struct sockaddr *)&address, length) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	error = errno;
	show(at, where);
	snprintf(text, size,
		"no metrics yet: %s cannot be listened at: %s; all else goes on, and it is tried again each "
		"second. `metrics ADDRESS:PORT` names another, `metrics off` goes without",
		where, strerror(error));
	if (fd >= 0)
		close(fd);
	return -1;
}

bool metrics_take(struct metrics *m, const struct config *config, const char *run_dir, bool verbose,
	char *text, size_t size)
{
	const struct shm_contract contract = INSTANCE_CONTRACT;
	const enum shm_error error = shm_create(&m->segment, run_dir, &contract);

	m->config = config;
	m->run_dir = run_dir;
	m->verbose = verbose;
	if (error != SHM_OK)
		shm_explain(error, run_dir, &contract, text, size);
	return error == SHM_OK;
}

static void open_listener(struct metrics *m)
{
	char text[512], where[WHERE];

	m->listener = metrics_listen(&m->at, text, sizeof(text));
	if (m->listener >= 0) {
		show(&m->at, where);
		log_notice("metrics are at http://%s/metrics", where);
	} else if (!m->told) {
		log_warning("%s", text);
	}
	m->told = m->listener < 0;
}

static void close_listener(struct metrics *m)
{
	if (m->listener >= 0)
		close(m->listener);
	m->listener = -1;
}

/* Its inode; 0: there is none. */
static ino_t sources_segment(const struct metrics *m)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", m->run_dir, SOURCES_CONTRACT.file);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static void start(struct metrics *m)
{
	char text[512] = SUPERVISOR_NO_ROOM;

	if (m->daemon.started_ms)
		m->daemon.restarts++;
	m->sources = sources_segment(m);
	m->daemon.passed = m->listener;
	if (daemon_arguments_metrics(&m->daemon, m->config, m->run_dir, m->verbose) &&
		daemon_start(&m->daemon, text, sizeof(text)))
		return;
	log_error("%s", text);
	m->daemon.restart_ms = monotonic_ms() + RETRY_MS;
}

void metrics_keep(struct metrics *m)
{
	const bool expected = m->daemon.told_to_end;

	if (daemon_reap(&m->daemon) && !expected)
		daemon_log_end(&m->daemon);
	if (m->daemon.pid == 0 && m->listener >= 0 && monotonic_ms() >= m->daemon.restart_ms)
		start(m);
}

/* The daemon holds the socket, too: until it has ended, the port of the old configuration is taken by us. */
static void follow_configuration(struct metrics *m)
{
	if (memcmp(&m->at, &m->config->metrics, sizeof(m->at)) != 0) {
		close_listener(m);
		daemon_restart(&m->daemon);
		m->at = m->config->metrics;
		m->told = false;
	}
	if (m->at.on && m->listener < 0 && m->daemon.pid == 0)
		open_listener(m);
}

void metrics_tick(struct metrics *m, const struct instance *instance)
{
	shm_publish(&m->segment, instance);
	follow_configuration(m);
	/* The daemon can open no file: where `refclock` has come or gone by a reload, another one is to. */
	if (m->daemon.pid && !m->daemon.told_to_end && sources_segment(m) != m->sources)
		daemon_restart(&m->daemon);
}

void metrics_stop(struct metrics *m, int patience_ms)
{
	close_listener(m);
	daemon_stop(&m->daemon, patience_ms);
	shm_close(&m->segment);
}
