#include "control/ke_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "control/ke_connection.h"
#include "control/ke_worker.h"
#include "dataplane/log.h"

enum { OTHER_DESCRIPTORS = 64 /* of the process: stdio, the channel, a set of identities on its way */ };

struct address {
	struct sockaddr_storage octets;
	socklen_t size;
};

struct ke_server {
	struct ke_shared shared;
	const struct ke_server_options *options;
	bool listening;
	unsigned addresses;
	struct address address[KE_SERVER_ADDRESSES];
	unsigned workers;
	struct ke_worker *worker[KE_SERVER_THREADS];
	int socket[KE_SERVER_THREADS][KE_SERVER_ADDRESSES];
};
static_assert((int)KE_SERVER_ADDRESSES <= (int)KE_LISTENERS, "a thread has a socket for each");

static void describe(const struct address *a, char text[KE_SERVER_ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "", port[8] = "";

	(void)getnameinfo((const struct sockaddr *)&a->octets, a->size, host, sizeof(host), port,
		sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(text, KE_SERVER_ADDRESS_TEXT, a->octets.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
		port);
}

bool ke_server_address(const struct ke_server *server, unsigned index, char text[KE_SERVER_ADDRESS_TEXT])
{
	if (index >= server->addresses)
		return false;
	describe(&server->address[index], text);
	return true;
}

/* Addresses. */

static bool add_address(struct ke_server *s, const char *name, char *text, size_t size)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct address *a = &s->address[s->addresses];
	struct addrinfo *found;
	char port[8];

	snprintf(port, sizeof(port), "%u", (unsigned)s->options->port);
	if (getaddrinfo(name, port, &hints, &found) != 0) {
		snprintf(text, size, "--address %s: expected an IPv4 or IPv6 address", name);
		return false;
	}
	memcpy(&a->octets, found->ai_addr, found->ai_addrlen);
	a->size = found->ai_addrlen;
	freeaddrinfo(found);
	s->addresses++;
	return true;
}

static bool has_family(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool find_addresses(struct ke_server *s, char *text, size_t size)
{
	const struct ke_server_options *o = s->options;

	for (unsigned i = 0; i < o->addresses; i++)
		if (!add_address(s, o->address[i], text, size))
			return false;
	if (o->addresses > 0)
		return true;
	/* A kernel without IPv6 is none the worse. */
	return add_address(s, "0.0.0.0", text, size) &&
	       (!has_family(AF_INET6) || add_address(s, "::", text, size));
}

/* Sockets. */

static bool set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* What accepted sockets inherit, they need not be told. */
static bool set_options(int fd, int family, bool shared)
{
	bool ok = set(fd, SOL_SOCKET, SO_REUSEADDR, 1) && (!shared || set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
		  set(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
		  set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, KE_PATIENCE_MS / 1000);

	if (family == AF_INET6)
		return ok && set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) && set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
	return ok && set(fd, IPPROTO_IP, IP_FREEBIND, 1);
}

static int bind_socket(const struct address *a, bool shared)
{
	const int family = a->octets.ss_family;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error;

	if (fd >= 0 && set_options(fd, family, shared) &&
		bind(fd, (const struct sockaddr *)&a->octets, a->size) == 0)
		return fd;
	error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return -1;
}

static void explain_bind(const struct address *a, char *text, size_t size)
{
	const int error = errno;
	char address[KE_SERVER_ADDRESS_TEXT];

	describe(a, address);
	snprintf(text, size, "cannot listen on TCP %s: %s%s", address, strerror(error),
		error == EADDRINUSE
			? "; another program has the port (`ss -ltnp` shows it): stop it, or choose "
			  "another `ntsport`"
		: error == EACCES || error == EPERM ? "; ports below 1024 are opened as root"
		: error == EAFNOSUPPORT             ? "; this kernel does not have this kind of address"
						    : "");
}

/*
 * Sockets that share a port are told nothing of each other: that nobody else has it is found out by one that
 * does not share.
 */
static bool is_free(const struct address *a)
{
	int fd = bind_socket(a, false);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool bind_all(struct ke_server *s, char *text, size_t size)
{
	for (unsigned i = 0; i < s->addresses; i++) {
		bool ok = is_free(&s->address[i]);

		for (unsigned t = 0; ok && t < s->options->threads; t++) {
			s->socket[t][i] = bind_socket(&s->address[i], true);
			ok = s->socket[t][i] >= 0;
		}
		if (!ok) {
			explain_bind(&s->address[i], text, size);
			return false;
		}
	}
	return true;
}

/* Descriptors for all connections, or connections for all descriptors. */
static void reserve_descriptors(struct ke_server *s)
{
	const struct ke_server_options *o = s->options;
	const rlim_t others = OTHER_DESCRIPTORS + o->threads * (KE_WORKER_DESCRIPTORS + s->addresses),
		     needed = others + o->connections;
	struct rlimit limit;

	s->shared.most = o->connections;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
		return;
	limit.rlim_cur = needed;
	if (limit.rlim_max < needed)
		limit.rlim_max = needed;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	s->shared.most = limit.rlim_cur > others ? (unsigned)(limit.rlim_cur - others) : 1;
	log_warning("%u connections at a time instead of %u: this process may have no more than %llu "
		    "descriptors; raise the limit (LimitNOFILE=%llu of the service)",
		s->shared.most, o->connections, (unsigned long long)limit.rlim_cur,
		(unsigned long long)needed);
}

/* Opening and closing. */

static bool make_limiter(struct ke_server *s, char *text, size_t size)
{
	uint8_t key[KE_LIMITER_KEY];

	if (!s->options->limited)
		return true;
	if (getrandom(key, sizeof(key), 0) == sizeof(key))
		s->shared.limiter = ke_limiter_new(&s->options->rate, key);
	OPENSSL_cleanse(key, sizeof(key));
	if (!s->shared.limiter)
		snprintf(text, size, "cannot set up the limit of `ntsratelimit`: %s", strerror(errno));
	return s->shared.limiter != NULL;
}

static bool make_workers(struct ke_server *s, char *text, size_t size)
{
	for (unsigned t = 0; t < s->options->threads; t++) {
		s->worker[t] = ke_worker_new(&s->shared, s->socket[t], s->addresses, text, size);
		if (!s->worker[t])
			return false;
		s->workers++;
	}
	return true;
}

static void init(struct ke_server *s, const struct ke_server_options *options)
{
	s->options = options;
	s->shared.offer = (struct ke_offer){.aeads = options->aeads,
		.server = options->ntp_server,
		.port = options->ntp_port,
		.export_keys = ke_connection_export_keys,
		.make_cookies = ke_connection_make_cookies};
	pthread_mutex_init(&s->shared.lock, NULL);
	for (unsigned t = 0; t < KE_SERVER_THREADS; t++)
		for (unsigned i = 0; i < KE_SERVER_ADDRESSES; i++)
			s->socket[t][i] = -1;
	ke_ring_init(&s->shared.ring);
}

struct ke_server *ke_server_open(const struct ke_server_options *options, char *text, size_t size)
{
	struct ke_server *s = calloc(1, sizeof(*s));

	if (!s) {
		snprintf(text, size, "cannot set up the server: %s", strerror(errno));
		return NULL;
	}
	init(s, options);
	if (options->port == 0)
		return s;
	if (find_addresses(s, text, size)) {
		reserve_descriptors(s);
		if (bind_all(s, text, size) && make_limiter(s, text, size) && make_workers(s, text, size))
			return s;
	}
	ke_server_close(s);
	return NULL;
}

bool ke_server_start(struct ke_server *s, char *text, size_t size)
{
	for (unsigned t = 0; t < s->workers; t++)
		if (!ke_worker_start(s->worker[t])) {
			snprintf(text, size, "cannot start a thread: %s", strerror(errno));
			return false;
		}
	return true;
}

bool ke_server_listen(struct ke_server *s, char *text, size_t size)
{
	if (s->listening || !s->shared.server)
		return true;
	for (unsigned t = 0; t < s->workers; t++)
		if (!ke_worker_listen(s->worker[t])) {
			explain_bind(&s->address[0], text, size);
			return false;
		}
	s->listening = true;
	return true;
}

void ke_server_identities(struct ke_server *s, struct tls_server *identities)
{
	struct tls_server *old;

	pthread_mutex_lock(&s->shared.lock);
	old = s->shared.server;
	s->shared.server = tls_server_hold(identities);
	pthread_mutex_unlock(&s->shared.lock);
	if (old)
		tls_server_release(old);
}

void ke_server_keyring(struct ke_server *s, const struct keyring *ring)
{
	ke_ring_set(&s->shared.ring, ring);
	for (unsigned t = 0; t < s->workers; t++)
		ke_worker_wake(s->worker[t]);
}

unsigned ke_server_held(const struct ke_server *s)
{
	return __atomic_load_n(&s->shared.held, __ATOMIC_RELAXED);
}

uint64_t ke_server_count(const struct ke_server *s, enum ke_outcome outcome)
{
	uint64_t sum = 0;

	for (unsigned t = 0; t < s->workers; t++)
		sum += ke_worker_count(s->worker[t], outcome);
	return sum;
}

void ke_server_close(struct ke_server *s)
{
	if (!s)
		return;
	__atomic_store_n(&s->shared.stopping, true, __ATOMIC_RELEASE);
	for (unsigned t = 0; t < s->workers; t++)
		ke_worker_free(s->worker[t]);
	for (unsigned t = 0; t < KE_SERVER_THREADS; t++)
		for (unsigned i = 0; i < s->addresses; i++)
			if (s->socket[t][i] >= 0)
				close(s->socket[t][i]);
	if (s->shared.server)
		tls_server_release(s->shared.server);
	ke_limiter_free(s->shared.limiter);
	pthread_mutex_destroy(&s->shared.lock);
	ke_ring_end(&s->shared.ring);
	free(s);
}
