#include "bench/next_hop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "bench/wire.h"

enum {
	BUFFER_SIZE = 32768, /* what the kernel fills at most for one read of a dump */
	PORT_DISCARD = 9,
	PAUSE_NS = 5000000, /* between two looks at the kernel's neighbours */
};

/* With a MAC that can be used; it may be asked about anew meanwhile. */
static const unsigned known_states =
	NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY;

/* What the kernel says of a route. */
struct route {
	unsigned type; /* RTN_* */
	int interface;
	bool has_gateway, has_source;
	uint8_t gateway[16], source[16];
};

struct neighbour {
	unsigned state; /* NUD_*; 0: the kernel knows none */
	size_t mac_size;
	uint8_t mac[6];
};

__attribute__((format(printf, 4, 5))) static enum next_hop_result say(
	enum next_hop_result result, char *text, size_t size, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, size, format, arguments);
	va_end(arguments);
	return result;
}

static const char *write_address(const uint8_t address[16], char out[INET6_ADDRSTRLEN])
{
	if (wire_is_mapped(address))
		return inet_ntop(AF_INET, address + 12, out, INET6_ADDRSTRLEN);
	return inet_ntop(AF_INET6, address, out, INET6_ADDRSTRLEN);
}

static uint8_t family_of(const uint8_t address[16])
{
	return wire_is_mapped(address) ? AF_INET : AF_INET6;
}

static bool is_link_local(const uint8_t address[16])
{
	return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

/* The address as an attribute of its family. */
static void put_address(struct nlmsghdr *message, uint16_t type, const uint8_t address[16])
{
	if (wire_is_mapped(address))
		mnl_attr_put(message, type, 4, address + 12);
	else
		mnl_attr_put(message, type, 16, address);
}

static bool take_octets(const void *octets, size_t size, uint8_t address[16])
{
	if (size == 4)
		wire_map_ipv4(address, octets);
	else if (size == 16)
		memcpy(address, octets, 16);
	return size == 4 || size == 16;
}

static bool take_address(const struct nlattr *attribute, uint8_t address[16])
{
	return take_octets(mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute), address);
}

/* A question and all that is answered, to the callback: 0, or the error that the kernel or the socket gives.
 * The callback of a question that is no dump gives MNL_CB_STOP. */
static int exchange(struct mnl_socket *socket, struct nlmsghdr *question, mnl_cb_t callback, void *opaque)
{
	char buffer[BUFFER_SIZE] __attribute__((aligned(8)));
	int result = MNL_CB_OK;

	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) != 0 ||
		mnl_socket_sendto(socket, question, question->nlmsg_len) < 0)
		return errno;
	while (result > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));

		if (n < 0)
			return errno;
		result = mnl_cb_run(buffer, (size_t)n, question->nlmsg_seq, mnl_socket_get_portid(socket),
			callback, opaque);
	}
	return result == MNL_CB_STOP ? 0 : errno;
}

static int ask(struct nlmsghdr *question, mnl_cb_t callback, void *opaque)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int error;

	if (!socket)
		return errno;
	error = exchange(socket, question, callback, opaque);
	mnl_socket_close(socket);
	return error;
}

static struct nlmsghdr *begin(char *buffer, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *question = mnl_nlmsg_put_header(buffer);

	question->nlmsg_type = type;
	question->nlmsg_flags = NLM_F_REQUEST | flags;
	question->nlmsg_seq = type;
	return question;
}

static int take_route(const struct nlmsghdr *message, void *opaque)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	struct route *route = opaque;
	struct nlattr *a;

	route->type = header->rtm_type;
	mnl_attr_for_each(a, message, sizeof(*header))
	{
		const struct rtvia *via = mnl_attr_get_payload(a);
		size_t size = mnl_attr_get_payload_len(a);

		if (mnl_attr_get_type(a) == RTA_OIF && size == sizeof(uint32_t))
			route->interface = (int)mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == RTA_GATEWAY)
			route->has_gateway = take_address(a, route->gateway);
		else if (mnl_attr_get_type(a) == RTA_VIA && size > sizeof(*via)) /* of another family */
			route->has_gateway =
				take_octets(via->rtvia_addr, size - sizeof(*via), route->gateway);
		else if (mnl_attr_get_type(a) == RTA_PREFSRC)
			route->has_source = take_address(a, route->source);
	}
	return MNL_CB_STOP;
}

/* A link-local address is on every interface: there the question names the one. */
static int find_route(const uint8_t address[16], unsigned interface, struct route *route)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *question = begin(buffer, RTM_GETROUTE, 0);
	struct rtmsg *header = mnl_nlmsg_put_extra_header(question, sizeof(*header));

	header->rtm_family = family_of(address);
	header->rtm_dst_len = wire_is_mapped(address) ? 32 : 128;
	put_address(question, RTA_DST, address);
	if (is_link_local(address))
		mnl_attr_put_u32(question, RTA_OIF, interface);
	*route = (struct route){0};
	return ask(question, take_route, route);
}

static int take_neighbour(const struct nlmsghdr *message, void *opaque)
{
	const struct ndmsg *header = mnl_nlmsg_get_payload(message);
	struct neighbour *neighbour = opaque;
	struct nlattr *a;

	neighbour->state = header->ndm_state;
	mnl_attr_for_each(a, message, sizeof(*header))
	{
		if (mnl_attr_get_type(a) != NDA_LLADDR)
			continue;
		neighbour->mac_size = mnl_attr_get_payload_len(a);
		if (neighbour->mac_size == sizeof(neighbour->mac))
			memcpy(neighbour->mac, mnl_attr_get_payload(a), sizeof(neighbour->mac));
	}
	return MNL_CB_STOP;
}

/* That the kernel knows none is no error. */
static int find_neighbour(const uint8_t address[16], unsigned interface, struct neighbour *neighbour)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *question = begin(buffer, RTM_GETNEIGH, 0);
	struct ndmsg *header = mnl_nlmsg_put_extra_header(question, sizeof(*header));
	int error;

	header->ndm_family = family_of(address);
	header->ndm_ifindex = (int)interface;
	put_address(question, NDA_DST, address);
	*neighbour = (struct neighbour){0};
	error = ask(question, take_neighbour, neighbour);
	return error == ENOENT ? 0 : error;
}

/* An empty datagram to the next hop itself, by this interface and no other; 0 or an error. */
static int provoke(const char *interface, unsigned index, const uint8_t address[16])
{
	struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(PORT_DISCARD)};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(PORT_DISCARD)};
	bool is_ipv4 = wire_is_mapped(address);
	int fd = socket(family_of(address), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
	ssize_t sent;

	if (fd < 0)
		return errno;
	memcpy(&ipv4.sin_addr, address + 12, 4);
	memcpy(&ipv6.sin6_addr, address, 16);
	ipv6.sin6_scope_id = is_link_local(address) ? index : 0;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface) + 1) != 0)
		error = errno;
	sent = sendto(fd, "", 0, 0, is_ipv4 ? (const void *)&ipv4 : (const void *)&ipv6,
		is_ipv4 ? sizeof(ipv4) : sizeof(ipv6));
	if (error == 0 && sent < 0)
		error = errno;
	close(fd);
	return error;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct search {
	const char *interface;
	unsigned index;
	char name[INET6_ADDRSTRLEN]; /* of what is looked for */
	char *text;
	size_t size;
};

static enum next_hop_result judge_neighbour(
	const struct search *s, const struct neighbour *neighbour, uint8_t mac[6])
{
	if (neighbour->mac_size != sizeof(neighbour->mac))
		return say(NEXT_HOP_ERROR, s->text, s->size,
			"%s on %s has no MAC address: frames need an Ethernet interface", s->name,
			s->interface);
	memcpy(mac, neighbour->mac, sizeof(neighbour->mac));
	return NEXT_HOP_FOUND;
}

/* The kernel gives up after some seconds, its neighbour then being NUD_FAILED: it is made to ask again until
 * the time is over. An IPv6 interface that has just come up refuses to send at first. */
static enum next_hop_result resolve(
	const struct search *s, const uint8_t address[16], double seconds, uint8_t mac[6])
{
	const double end = now() + seconds;
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	struct neighbour neighbour;
	int refused = 0, error;

	for (;;) {
		error = find_neighbour(address, s->index, &neighbour);
		if (error != 0)
			return say(NEXT_HOP_ERROR, s->text, s->size,
				"the kernel does not tell its neighbour %s on %s: %s", s->name, s->interface,
				strerror(error));
		if (neighbour.state & known_states)
			return judge_neighbour(s, &neighbour, mac);
		if (now() >= end)
			break;
		if (!(neighbour.state & NUD_INCOMPLETE))
			refused = provoke(s->interface, s->index, address);
		nanosleep(&pause, NULL);
	}
	if (refused != 0)
		return say(NEXT_HOP_ERROR, s->text, s->size, "cannot send to %s by %s: %s", s->name,
			s->interface, strerror(refused));
	return say(NEXT_HOP_SILENT, s->text, s->size, "%s on %s did not answer %s for %g s", s->name,
		s->interface, wire_is_mapped(address) ? "ARP" : "neighbour solicitations", seconds);
}

/* Whether the route goes by the interface, and straight where it has to. */
static enum next_hop_result judge_route(
	const struct search *s, int error, const struct route *route, bool straight)
{
	char name[IF_NAMESIZE], gateway[INET6_ADDRSTRLEN];

	if (error != 0)
		return say(NEXT_HOP_OTHER_INTERFACE, s->text, s->size, "there is no route to %s: %s", s->name,
			strerror(error));
	if (route->type == RTN_LOCAL)
		return say(
			NEXT_HOP_OTHER_INTERFACE, s->text, s->size, "%s is an address of this host", s->name);
	if (route->type != RTN_UNICAST)
		return say(NEXT_HOP_OTHER_INTERFACE, s->text, s->size, "%s is not the address of one host",
			s->name);
	if (route->interface != (int)s->index)
		return say(NEXT_HOP_OTHER_INTERFACE, s->text, s->size, "the route to %s leaves by %s, not %s",
			s->name, if_indextoname((unsigned)route->interface, name) ? name : "no interface",
			s->interface);
	if (straight && route->has_gateway)
		return say(NEXT_HOP_ERROR, s->text, s->size, "%s is no gateway on %s: it is behind %s",
			s->name, s->interface, write_address(route->gateway, gateway));
	return NEXT_HOP_FOUND;
}

enum next_hop_result next_hop_find(const char *interface, const uint8_t address[16], const uint8_t *gateway,
	double seconds, uint8_t mac[6], uint8_t source[16], char *text, size_t size)
{
	const uint8_t *hop = gateway ? gateway : address;
	struct search s = {
		.interface = interface, .index = if_nametoindex(interface), .text = text, .size = size};
	struct route route;
	enum next_hop_result result;

	if (s.index == 0)
		return say(NEXT_HOP_ERROR, text, size, "there is no interface %s", interface);
	write_address(hop, s.name);
	result = judge_route(&s, find_route(hop, s.index, &route), &route, gateway != NULL);
	if (result != NEXT_HOP_FOUND)
		return result;
	if (route.has_source && family_of(route.source) == family_of(address))
		memcpy(source, route.source, 16);
	else if (!next_hop_own_address(interface, !wire_is_mapped(address), source))
		return say(NEXT_HOP_ERROR, text, size, "%s has no %s address of its own", interface,
			wire_is_mapped(address) ? "IPv4" : "IPv6");
	if (route.has_gateway)
		hop = route.gateway;
	write_address(hop, s.name);
	return resolve(&s, hop, seconds, mac);
}

struct own_address {
	unsigned interface;
	bool found;
	uint8_t *address;
};

static int take_own_address(const struct nlmsghdr *message, void *opaque)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	struct own_address *own = opaque;
	struct nlattr *a;
	bool local = false;

	if (own->found || header->ifa_index != own->interface || header->ifa_scope != RT_SCOPE_UNIVERSE ||
		header->ifa_flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED))
		return MNL_CB_OK;
	mnl_attr_for_each(a, message, sizeof(*header))
	{
		/* of a pair IFA_ADDRESS is the other end */
		if (mnl_attr_get_type(a) == IFA_LOCAL)
			own->found = local = take_address(a, own->address);
		else if (mnl_attr_get_type(a) == IFA_ADDRESS && !local)
			own->found = take_address(a, own->address);
	}
	return MNL_CB_OK;
}

bool next_hop_own_address(const char *interface, bool ipv6, uint8_t address[16])
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *question = begin(buffer, RTM_GETADDR, NLM_F_DUMP);
	struct ifaddrmsg *header = mnl_nlmsg_put_extra_header(question, sizeof(*header));
	struct own_address own = {.interface = if_nametoindex(interface), .address = address};

	header->ifa_family = ipv6 ? AF_INET6 : AF_INET;
	return own.interface != 0 && ask(question, take_own_address, &own) == 0 && own.found;
}
