/*
 * A VLAN interface in user space, for kernels without 8021q: what real programs send by a TAP leaves by an
 * Ethernet interface with one or two tags, and what comes with just these tags reaches the TAP without them.
 *
 *   vlan_tap TAP INTERFACE SECONDS TPID:VLAN [TPID:VLAN]      the outer tag first; 8100:100, 88a8:7
 *
 * Prints "vlan_tap: ready"; ends after so many seconds or with its parent, and the TAP with it.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TAGS_MAX = 2, TAG = 4, MACS = 12, FRAME_MAX = 4096, SECONDS_MAX = 3600 };

struct tags {
	unsigned count;
	uint8_t octets[TAGS_MAX * TAG]; /* as on the wire */
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int open_tap(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0)
		fail("TAP");
	return fd;
}

static int open_interface(const char *name)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int one = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	address.sll_ifindex = (int)if_nametoindex(name);
	/* The kernel takes the outer tag out of a frame and tells of it beside. */
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) != 0 ||
		bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		fail(name);
	return fd;
}

static bool parse_tag(struct tags *tags, const char *text)
{
	char *end;
	unsigned long type = strtoul(text, &end, 16), vlan;

	if (*end != ':' || type > 0xffff || tags->count == TAGS_MAX)
		return false;
	vlan = strtoul(end + 1, &end, 10);
	if (*end || vlan > 0x0fff)
		return false;
	tags->octets[tags->count * TAG] = (uint8_t)(type >> 8);
	tags->octets[tags->count * TAG + 1] = (uint8_t)type;
	tags->octets[tags->count * TAG + 2] = (uint8_t)(vlan >> 8);
	tags->octets[tags->count * TAG + 3] = (uint8_t)vlan;
	tags->count++;
	return true;
}

static void push(int tap, int interface, const struct tags *tags)
{
	uint8_t frame[FRAME_MAX + TAGS_MAX * TAG];
	const size_t room = tags->count * TAG;
	ssize_t n = read(tap, frame + room, FRAME_MAX);

	if (n < ETH_HLEN)
		return;
	memmove(frame, frame + room, MACS);
	memcpy(frame + MACS, tags->octets, room);
	/* Like a wire, it may lose a frame. */
	if (send(interface, frame, (size_t)n + room, 0) < 0)
		perror("send");
}

/* Put back the tag that the kernel has taken out. Gives the new length. */
static size_t restore(struct msghdr *message, uint8_t *frame, size_t n)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		struct tpacket_auxdata aux;
		uint16_t tag[2];

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (!(aux.tp_status & TP_STATUS_VLAN_VALID))
			continue;
		tag[0] = htons(aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid : ETH_P_8021Q);
		tag[1] = htons(aux.tp_vlan_tci);
		memmove(frame + MACS + TAG, frame + MACS, n - MACS);
		memcpy(frame + MACS, tag, TAG);
		return n + TAG;
	}
	return n;
}

static void pop(int interface, int tap, const struct tags *tags)
{
	uint8_t frame[FRAME_MAX + TAG], control[128] __attribute__((aligned(8)));
	struct sockaddr_ll from;
	struct iovec part = {frame, FRAME_MAX};
	struct msghdr message = {.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	const size_t room = tags->count * TAG;
	ssize_t got = recvmsg(interface, &message, 0);
	size_t n;

	if (got < ETH_HLEN || from.sll_pkttype == PACKET_OUTGOING)
		return;
	n = restore(&message, frame, (size_t)got);
	if (n < ETH_HLEN + room || memcmp(frame + MACS, tags->octets, room) != 0)
		return;
	memmove(frame + room, frame, MACS);
	if (write(tap, frame + room, n - room) < 0)
		perror("write");
}

int main(int argc, char **argv)
{
	struct tags tags = {0};
	struct pollfd fds[2];
	long seconds;
	bool ok = argc >= 5;

	for (int i = 4; i < argc; i++)
		ok = ok && parse_tag(&tags, argv[i]);
	seconds = ok ? strtol(argv[3], NULL, 10) : 0;
	if (!ok || seconds < 1 || seconds > SECONDS_MAX) {
		fputs("usage: vlan_tap TAP INTERFACE SECONDS TPID:VLAN [TPID:VLAN]\n", stderr);
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm((unsigned)seconds);
	fds[0] = (struct pollfd){.fd = open_tap(argv[1]), .events = POLLIN};
	fds[1] = (struct pollfd){.fd = open_interface(argv[2]), .events = POLLIN};
	puts("vlan_tap: ready");
	fflush(stdout);
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			fail("poll");
		if (fds[0].revents & POLLIN)
			push(fds[0].fd, fds[1].fd, &tags);
		if (fds[1].revents & POLLIN)
			pop(fds[1].fd, fds[0].fd, &tags);
		if ((fds[0].revents | fds[1].revents) & (POLLERR | POLLHUP | POLLNVAL))
			return 1;
	}
}
