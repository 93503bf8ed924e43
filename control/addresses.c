#include "control/addresses.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

enum {
	BUFFER_SIZE = 32768, /* what the kernel fills at most for one read of a dump */
	DUMP_ATTEMPTS = 10,  /* a table that changes while it is read is read anew */
};

struct addresses {
	struct mnl_socket *notifications;
	struct address_table table;
	bool stale; /* notifications have been lost since the table was read */
	char buffer[BUFFER_SIZE] __attribute__((aligned(8)));
};

static int apply_dumped(const struct nlmsghdr *message, void *opaque)
{
	if (address_table_apply(opaque, message) != ADDRESS_NO_MEMORY)
		return MNL_CB_OK;
	errno = ENOMEM;
	return MNL_CB_ERROR;
}

static bool ask(struct mnl_socket *socket, uint16_t type, uint32_t sequence)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	message->nlmsg_seq = sequence;
	if (type == RTM_GETLINK)
		mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	else
		mnl_nlmsg_put_extra_header(message, sizeof(struct ifaddrmsg));
	return mnl_socket_sendto(socket, message, message->nlmsg_len) >= 0;
}

/* False with errno; EINTR where the kernel's table changed meanwhile. */
static bool dump(struct addresses *a, struct mnl_socket *socket, uint16_t type, struct address_table *table)
{
	unsigned port = mnl_socket_get_portid(socket);
	int result = MNL_CB_OK;

	if (!ask(socket, type, type))
		return false;
	while (result > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(socket, a->buffer, sizeof(a->buffer));

		if (n < 0)
			return false;
		result = mnl_cb_run(a->buffer, (size_t)n, type, port, apply_dumped, table);
	}
	return result == MNL_CB_STOP;
}

static bool dump_all(struct addresses *a, struct address_table *table)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	bool good;
	int error;

	if (!socket)
		return false;
	good = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 && dump(a, socket, RTM_GETLINK, table) &&
	       dump(a, socket, RTM_GETADDR, table);
	error = errno;
	mnl_socket_close(socket);
	errno = error;
	return good;
}

/*
 * Read everything into a new table, which takes the place of the old one only when it is whole. Notifications
 * that queue up meanwhile are applied on top later: the last one about each interface or address is never
 * older than what was read.
 */
static bool read_anew(struct addresses *a, bool *changed)
{
	int error = 0;

	for (int attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
		struct address_table fresh = {0};

		if (dump_all(a, &fresh)) {
			*changed = !address_table_equal(&a->table, &fresh);
			address_table_clear(&a->table);
			a->table = fresh;
			a->stale = false;
			return true;
		}
		error = errno;
		address_table_clear(&fresh);
		if (error != EINTR)
			break;
	}
	a->stale = true;
	errno = error;
	return false;
}

static struct mnl_socket *subscribe(void)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (socket && mnl_socket_bind(socket, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
			      MNL_SOCKET_AUTOPID) == 0)
		return socket;
	if (socket)
		mnl_socket_close(socket);
	return NULL;
}

struct addresses *addresses_open(char *text, size_t size)
{
	struct addresses *a = calloc(1, sizeof(*a));
	bool changed;

	if (a) {
		a->notifications = subscribe();
		if (a->notifications && read_anew(a, &changed))
			return a;
	}
	snprintf(text, size,
		"Cannot read the addresses of the interfaces through netlink: %s; allow AF_NETLINK sockets "
		"where "
		"something like RestrictAddressFamilies= forbids them.",
		strerror(errno));
	addresses_close(a);
	return NULL;
}

int addresses_fd(const struct addresses *a)
{
	return mnl_socket_get_fd(a->notifications);
}

struct applied {
	struct addresses *addresses;
	bool changed;
};

static int apply_notified(const struct nlmsghdr *message, void *opaque)
{
	struct applied *applied = opaque;

	switch (address_table_apply(&applied->addresses->table, message)) {
	case ADDRESS_CHANGED:
		applied->changed = true;
		break;
	case ADDRESS_NO_MEMORY:
		applied->addresses->stale = true;
		break;
	case ADDRESS_UNCHANGED:
		break;
	}
	return MNL_CB_OK;
}

bool addresses_process(struct addresses *a)
{
	struct applied applied = {.addresses = a};
	bool changed = false;

	for (;;) {
		ssize_t n = mnl_socket_recvfrom(a->notifications, a->buffer, sizeof(a->buffer));

		if (n > 0) {
			(void)mnl_cb_run(a->buffer, (size_t)n, 0, 0, apply_notified, &applied);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		/* ENOBUFS is told once; what still queues is read on, and all is read anew after it. */
		if (n == 0 || errno == EAGAIN)
			break;
		a->stale = true;
		if (errno != ENOBUFS)
			break;
	}
	if (a->stale)
		(void)read_anew(a, &changed);
	return changed || applied.changed;
}

void addresses_list(
	const struct addresses *a, const char *interface, address_callback *callback, void *opaque)
{
	address_table_list(&a->table, interface, callback, opaque);
}

bool addresses_interface_exists(const struct addresses *a, const char *interface)
{
	return addresses_interface_index(a, interface) != 0;
}

int addresses_interface_index(const struct addresses *a, const char *interface)
{
	return address_table_index(&a->table, interface);
}

void addresses_close(struct addresses *a)
{
	if (!a)
		return;
	if (a->notifications)
		mnl_socket_close(a->notifications);
	address_table_clear(&a->table);
	free(a);
}
