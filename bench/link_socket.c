/*
 * A load over the kernel's UDP: no privilege, a lower rate. Requests go out from the clients' addresses where
 * these are the host's own (all of 127.0.0.0/8 is; others with `ip route add local PREFIX dev lo`), each from
 * one of a few sockets of its core, chosen by the port that the request asks for. Replies carry the kernel's
 * receive stamps.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/link_private.h"

enum {
	SOCKETS = 8, /* of a core */
	ROOM = 2048, /* octets of a datagram; a longer one is no reply to ours */
	CONTROL = 256,
	BUFFER = 8 << 20, /* of a socket, where the kernel grants it */
};

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

struct core {
	int epoll;
	int fd[SOCKETS];
	uint32_t dropped[SOCKETS]; /* datagrams that found no room in the socket's buffer, as the last one
				      that did says */
	uint8_t octets[LINK_BURST][ROOM];
};

struct socket_link {
	struct link link;
	struct link_settings settings;
	int family;
	int error; /* errno of a send that no waiting mends; written by any core, read by the main thread */
	struct core *core;
};

static struct socket_link *socket_link_of(struct link *link)
{
	return (struct socket_link *)link;
}

static void set_option(int fd, int level, int option, int value)
{
	setsockopt(fd, level, option, &value, sizeof(value));
}

/* What cannot be had makes figures a little worse, and nothing fail. */
static void set_options(int fd, int family)
{
	set_option(fd, SOL_SOCKET, SO_RCVBUF, BUFFER);
	set_option(fd, SOL_SOCKET, SO_SNDBUF, BUFFER);
	set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	set_option(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
	if (family == AF_INET) {
		set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
		set_option(fd, IPPROTO_IP, IP_RECVERR, 1);
	} else {
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
		set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
	}
}

static bool open_socket(struct socket_link *l, struct core *core, unsigned i)
{
	struct sockaddr_storage any = {.ss_family = (sa_family_t)l->family};
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
	const int fd = socket(l->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	core->fd[i] = fd;
	if (fd < 0)
		return false;
	set_options(fd, l->family);
	return bind(fd, (const struct sockaddr *)&any,
		       l->family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)) ==
		       0 &&
	       epoll_ctl(core->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void reset(struct core *core)
{
	core->epoll = -1;
	for (unsigned i = 0; i < SOCKETS; i++)
		core->fd[i] = -1;
}

static bool open_core(struct socket_link *l, struct core *core)
{
	core->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned i = 0; core->epoll >= 0 && i < SOCKETS; i++)
		if (!open_socket(l, core, i))
			return false;
	return core->epoll >= 0;
}

static void socket_close(struct link *link)
{
	struct socket_link *l = socket_link_of(link);

	for (unsigned c = 0; l->core && c < link->cores; c++) {
		for (unsigned i = 0; i < SOCKETS; i++)
			if (l->core[c].fd[i] >= 0)
				close(l->core[c].fd[i]);
		if (l->core[c].epoll >= 0)
			close(l->core[c].epoll);
	}
	free(l->core);
	free(l);
}

/* A client's address as the kernel wants it. */
static socklen_t address_of(const struct socket_link *l, uint32_t client, struct sockaddr_storage *address)
{
	uint8_t octets[16];

	population_address(l->settings.population, client, octets);
	*address = (struct sockaddr_storage){.ss_family = (sa_family_t)l->family};
	if (l->family == AF_INET) {
		memcpy(&((struct sockaddr_in *)(void *)address)->sin_addr, octets + sizeof(mapped), 4);
		return sizeof(struct sockaddr_in);
	}
	memcpy(&((struct sockaddr_in6 *)(void *)address)->sin6_addr, octets, sizeof(octets));
	return sizeof(struct sockaddr_in6);
}

/* Whether the clients' addresses are this host's, by the first and the last of each prefix. */
static bool are_own(struct socket_link *l, char *text, size_t size)
{
	const struct population *p = l->settings.population;

	for (unsigned i = 0; i < 2 * p->prefixes; i++) {
		const struct population_prefix *prefix = &p->prefix[i / 2];
		struct sockaddr_storage address;
		socklen_t length = address_of(l, prefix->first + (i % 2 ? prefix->count - 1 : 0), &address);
		const int fd = socket(l->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		const bool own = fd >= 0 && bind(fd, (const struct sockaddr *)&address, length) == 0;
		const int error = errno;

		if (fd >= 0)
			close(fd);
		if (own)
			continue;
		snprintf(text, size,
			"clients' addresses: %s; sockets can only ask from addresses of this host: give it "
			"the prefix (ip "
			"route add local PREFIX dev lo) or use --interface",
			strerror(error));
		return false;
	}
	return true;
}

static bool check(struct socket_link *l, char *text, size_t size)
{
	const struct link_settings *s = &l->settings;

	if (!s->vlan && !s->has_mac && !s->gateway)
		return are_own(l, text, size);
	snprintf(text, size,
		"--vlan, --mac and --gateway are for --interface: sockets leave frames to the kernel");
	return false;
}

static bool open_cores(struct socket_link *l, char *text, size_t size)
{
	l->core = calloc(l->link.cores, sizeof(*l->core));
	for (unsigned i = 0; l->core && i < l->link.cores; i++)
		reset(&l->core[i]);
	for (unsigned i = 0; l->core && i < l->link.cores; i++)
		if (!open_core(l, &l->core[i])) {
			snprintf(text, size, "sockets: %s", strerror(errno));
			return false;
		}
	return l->core != NULL;
}

static bool socket_open(struct link **link, const struct link_settings *settings, char *text, size_t size)
{
	struct socket_link *l = calloc(1, sizeof(*l));

	snprintf(text, size, "not enough memory");
	if (!l)
		return false;
	l->settings = *settings;
	l->family = settings->target->address.ss_family;
	l->link.cores = settings->cores < LINK_CORES_MAX ? settings->cores : LINK_CORES_MAX;
	snprintf(l->link.driver, sizeof(l->link.driver), "UDP sockets");
	snprintf(l->link.stamps, sizeof(l->link.stamps), "when the kernel took the reply from the device");
	*link = &l->link;
	if (check(l, text, size) && open_cores(l, text, size))
		return true;
	socket_close(&l->link);
	*link = NULL;
	return false;
}

static bool socket_begin(struct link *link, unsigned core)
{
	(void)link;
	(void)core;
	return true;
}

static void socket_end(struct link *link, unsigned core)
{
	(void)link;
	(void)core;
}

/* The source address travels beside the datagram. */
static void put_source(const struct socket_link *l, uint32_t client, struct msghdr *message)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(message);
	uint8_t octets[16];

	population_address(l->settings.population, client, octets);
	if (l->family == AF_INET) {
		struct in_pktinfo info = {0};

		memcpy(&info.ipi_spec_dst, octets + sizeof(mapped), sizeof(info.ipi_spec_dst));
		*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(info)),
			.cmsg_level = IPPROTO_IP,
			.cmsg_type = IP_PKTINFO};
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		message->msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		struct in6_pktinfo info = {0};

		memcpy(&info.ipi6_addr, octets, sizeof(octets));
		*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(info)),
			.cmsg_level = IPPROTO_IPV6,
			.cmsg_type = IPV6_PKTINFO};
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		message->msg_controllen = CMSG_SPACE(sizeof(info));
	}
}

/* What goes by itself: a full buffer, and the news of an earlier datagram that was refused. */
static bool passes(int error)
{
	return error == EAGAIN || error == ENOBUFS || error == EINTR || error == ECONNREFUSED;
}

static bool send_one(struct socket_link *l, const struct core *core, const struct link_request *request)
{
	_Alignas(struct cmsghdr) uint8_t control[CONTROL] = {0};
	struct iovec part = {(void *)(uintptr_t)request->octets, request->size};
	struct msghdr message = {.msg_name = (void *)(uintptr_t)&l->settings.target->address,
		.msg_namelen = l->settings.target->address_length,
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};

	put_source(l, request->client, &message);
	if (sendmsg(core->fd[request->port % SOCKETS], &message, 0) >= 0)
		return true;
	if (!passes(errno))
		__atomic_store_n(&l->error, errno, __ATOMIC_RELAXED);
	return false;
}

static unsigned socket_send(
	struct link *link, unsigned core, const struct link_request *requests, unsigned count)
{
	struct socket_link *l = socket_link_of(link);
	unsigned sent = 0;

	while (sent < count && send_one(l, &l->core[core], &requests[sent]))
		sent++;
	return sent;
}

static bool is_target(const struct socket_link *l, const struct sockaddr_storage *from)
{
	if (l->family == AF_INET) {
		const struct sockaddr_in *a = (const void *)from,
					 *b = (const void *)&l->settings.target->address;

		return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
	}
	const struct sockaddr_in6 *a = (const void *)from, *b = (const void *)&l->settings.target->address;

	return a->sin6_port == b->sin6_port &&
	       memcmp(&a->sin6_addr, &b->sin6_addr, sizeof(a->sin6_addr)) == 0;
}

/* Whom it went to, and how long ago. */
static void read_control(const struct socket_link *l, struct msghdr *message, const struct timespec *now,
	struct link_datagram *datagram, uint32_t *dropped)
{
	uint8_t octets[16];

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		struct in_pktinfo v4;
		struct timespec stamp;

		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&v4, CMSG_DATA(c), sizeof(v4));
			memcpy(octets, mapped, sizeof(mapped));
			memcpy(octets + sizeof(mapped), &v4.ipi_addr, 4);
			population_client(l->settings.population, octets, &datagram->client);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(octets, CMSG_DATA(c), sizeof(octets));
			population_client(l->settings.population, octets, &datagram->client);
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
			memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
			datagram->age_ns =
				(now->tv_sec - stamp.tv_sec) * 1000000000 + (now->tv_nsec - stamp.tv_nsec);
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
			memcpy(dropped, CMSG_DATA(c), sizeof(*dropped));
		}
	}
	/* a clock that was set in between says nothing of the age */
	if (datagram->age_ns < 0 || datagram->age_ns > 1000000000)
		datagram->age_ns = 0;
}

static unsigned refused(const struct core *core, unsigned i, struct link_datagram *datagrams, unsigned room)
{
	uint8_t control[CONTROL];
	unsigned count = 0;

	while (count < room) {
		struct msghdr message = {.msg_control = control, .msg_controllen = sizeof(control)};

		if (recvmsg(core->fd[i], &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			break;
		datagrams[count++] = (struct link_datagram){.kind = LINK_REFUSED, .client = LINK_NO_CLIENT};
	}
	return count;
}

static unsigned receive_from(
	struct socket_link *l, struct core *core, unsigned i, unsigned used, struct link_datagram *datagrams)
{
	const unsigned room = LINK_BURST - used;
	struct mmsghdr messages[LINK_BURST] = {0};
	struct iovec parts[LINK_BURST];
	struct sockaddr_storage from[LINK_BURST];
	_Alignas(struct cmsghdr) uint8_t control[LINK_BURST][CONTROL];
	struct timespec now;
	int count;

	for (unsigned m = 0; m < room; m++) {
		parts[m] = (struct iovec){core->octets[used + m], ROOM};
		messages[m].msg_hdr = (struct msghdr){.msg_name = &from[m],
			.msg_namelen = sizeof(from[m]),
			.msg_iov = &parts[m],
			.msg_iovlen = 1,
			.msg_control = control[m],
			.msg_controllen = sizeof(control[m])};
	}
	count = recvmmsg(core->fd[i], messages, room, MSG_DONTWAIT, NULL);
	clock_gettime(CLOCK_REALTIME, &now);
	for (int m = 0; m < count; m++) {
		struct link_datagram *d = &datagrams[m];

		*d = (struct link_datagram){.kind = LINK_REPLY,
			.octets = core->octets[used + (unsigned)m],
			.size = (uint16_t)messages[m].msg_len,
			.port = (uint16_t)i,
			.ports = SOCKETS,
			.client = LINK_NO_CLIENT,
			.from_target = is_target(l, &from[m])};
		if (messages[m].msg_hdr.msg_flags & MSG_TRUNC)
			d->kind = LINK_FOREIGN;
		read_control(l, &messages[m].msg_hdr, &now, d, &core->dropped[i]);
	}
	return count > 0 ? (unsigned)count : 0;
}

static unsigned socket_receive(struct link *link, unsigned core, struct link_datagram *datagrams)
{
	struct socket_link *l = socket_link_of(link);
	struct core *c = &l->core[core];
	struct epoll_event events[SOCKETS];
	const int ready = epoll_wait(c->epoll, events, SOCKETS, 0);
	unsigned count = 0;

	for (int i = 0; i < ready && count < LINK_BURST; i++) {
		if (events[i].events & EPOLLERR)
			count += refused(c, events[i].data.u32, datagrams + count, LINK_BURST - count);
		if (events[i].events & EPOLLIN && count < LINK_BURST)
			count += receive_from(l, c, events[i].data.u32, count, datagrams + count);
	}
	return count;
}

static void socket_wait(struct link *link, unsigned core, uint64_t ns)
{
	struct epoll_event event;
	const struct timespec time = {.tv_nsec = (long)ns};

	epoll_pwait2(socket_link_of(link)->core[core].epoll, &event, 1, &time, NULL);
}

static uint64_t socket_missed(struct link *link)
{
	const struct socket_link *l = socket_link_of(link);
	uint64_t missed = 0;

	for (unsigned c = 0; c < link->cores; c++)
		for (unsigned i = 0; i < SOCKETS; i++)
			missed += l->core[c].dropped[i];
	return missed;
}

static bool socket_is_up(struct link *link, char *text, size_t size)
{
	const int error = __atomic_load_n(&socket_link_of(link)->error, __ATOMIC_RELAXED);

	if (error == 0)
		return true;
	snprintf(text, size,
		"the kernel does not send: %s; is there a route (ip route get ADDRESS), and does a firewall "
		"of this host let it through?",
		strerror(error));
	return false;
}

const struct link_ops link_socket_ops = {
	.open = socket_open,
	.close = socket_close,
	.begin = socket_begin,
	.end = socket_end,
	.send = socket_send,
	.receive = socket_receive,
	.wait = socket_wait,
	.missed = socket_missed,
	.is_up = socket_is_up,
};
