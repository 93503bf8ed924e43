#include "control/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

/* The alias of a TAP of ours, as `ip link` shows it. */
#define MARK "tickwire"

static bool tap_fail(char *text, size_t size, const char *what, const char *name, int error)
{
	const char *remedy = "see the kernel's log";

	if (error == EPERM || error == EACCES)
		remedy = "run as root";
	else if (error == ENOENT || error == ENODEV)
		remedy = "load the kernel's module tun and see that /dev/net/tun is there";
	else if (error == EINVAL || error == EBUSY || error == EEXIST)
		remedy = "choose another name, or remove the interface that has it";
	snprintf(text, size, "Cannot %s the TAP %s: %s; %s.", what, name, strerror(error), remedy);
	return false;
}

/*
 * A queue of the TAP, which is made where there is none of this name. net_tap attaches with packet
 * information and several queues; the kernel refuses a second opener whose IFF_MULTI_QUEUE differs.
 */
static int open_queue(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_MULTI_QUEUE};
	int fd, error;

	if (strlen(name) >= IFNAMSIZ) {
		errno = EINVAL;
		return -1;
	}
	strcpy(request.ifr_name, name);
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* An ioctl about an interface. 0, or a negative errno. */
static int interface_request(const char *name, unsigned long code, struct ifreq *request)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), result;

	if (s < 0)
		return -errno;
	memset(request->ifr_name, 0, sizeof(request->ifr_name));
	strncpy(request->ifr_name, name, sizeof(request->ifr_name) - 1);
	result = ioctl(s, code, request) == 0 ? 0 : -errno;
	close(s);
	return result;
}

static int set_mac(const char *name, const uint8_t *mac)
{
	struct ifreq request = {.ifr_hwaddr.sa_family = ARPHRD_ETHER};

	memcpy(request.ifr_hwaddr.sa_data, mac, 6);
	return interface_request(name, SIOCSIFHWADDR, &request);
}

static int set_flags(const char *name, int set, int clear)
{
	struct ifreq request;
	int error = interface_request(name, SIOCGIFFLAGS, &request);

	if (error)
		return error;
	request.ifr_flags = (short)((request.ifr_flags | set) & ~clear);
	return interface_request(name, SIOCSIFFLAGS, &request);
}

/* Send a request and read what the kernel says to it. 0, or a negative errno. */
static int netlink_request(struct nlmsghdr *message, mnl_cb_t callback, void *opaque)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char buffer[32768] __attribute__((aligned(8)));
	ssize_t n = -1;
	int error;

	if (!socket)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
		mnl_socket_sendto(socket, message, message->nlmsg_len) >= 0)
		n = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	/* An acknowledgement is an error message of 0, on which mnl_cb_run stops. */
	error = n < 0 || mnl_cb_run(buffer, (size_t)n, 0, 0, callback, opaque) < 0 ? -errno : 0;
	mnl_socket_close(socket);
	return error;
}

static struct nlmsghdr *put_link_request(void *buffer, uint16_t type, const char *name)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | (type == RTM_NEWLINK ? NLM_F_ACK : 0);
	mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	return message;
}

static int mark(const char *name)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *message = put_link_request(buffer, RTM_NEWLINK, name);

	mnl_attr_put_strz(message, IFLA_IFALIAS, MARK);
	return netlink_request(message, NULL, NULL);
}

static int look_at_alias(const struct nlattr *attribute, void *opaque)
{
	if (mnl_attr_get_type(attribute) == IFLA_IFALIAS)
		*(bool *)opaque = mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0 &&
				  strcmp(mnl_attr_get_str(attribute), MARK) == 0;
	return MNL_CB_OK;
}

static int look_for_mark(const struct nlmsghdr *message, void *opaque)
{
	return mnl_attr_parse(message, sizeof(struct ifinfomsg), look_at_alias, opaque);
}

static bool is_marked(const char *name)
{
	char buffer[256] __attribute__((aligned(8)));
	bool marked = false;

	return netlink_request(put_link_request(buffer, RTM_GETLINK, name), look_for_mark, &marked) == 0 &&
	       marked;
}

/* Before it becomes persistent, so that a failure leaves nothing behind. */
static int prepare(int queue, const char *name, const uint8_t *mac)
{
	int error = set_flags(name, 0, IFF_UP);

	if (!error && mac)
		error = set_mac(name, mac);
	if (!error && ioctl(queue, TUNSETPERSIST, 1) != 0)
		error = -errno;
	return error;
}

bool tap_create(const char *name, const uint8_t *mac, bool *made, char *text, size_t size)
{
	int queue, error;

	*made = if_nametoindex(name) == 0;
	queue = open_queue(name);
	if (queue < 0)
		return tap_fail(text, size, "make", name, errno);
	error = prepare(queue, name, mac);
	if (!error && *made)
		error = mark(name);
	if (error && *made)
		(void)ioctl(queue, TUNSETPERSIST, 0);
	close(queue);
	if (error)
		return tap_fail(text, size, "set up", name, -error);
	/* One that a killed supervisor has left is ours as well. */
	*made = *made || is_marked(name);
	return true;
}

bool tap_set_up(const char *name, char *text, size_t size)
{
	int error = set_flags(name, IFF_UP, 0);

	return error ? tap_fail(text, size, "bring up", name, -error) : true;
}

static void put_address(struct nlmsghdr *message, unsigned index, const struct config_address *address)
{
	const uint8_t *octets = address->ipv6 ? address->address : address->address + 12;
	struct ifaddrmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	size_t length = address->ipv6 ? 16 : 4;

	message->nlmsg_type = RTM_NEWADDR;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
	header->ifa_family = address->ipv6 ? AF_INET6 : AF_INET;
	header->ifa_prefixlen = address->prefix;
	header->ifa_index = index;
	mnl_attr_put(message, IFA_LOCAL, length, octets);
	mnl_attr_put(message, IFA_ADDRESS, length, octets);
}

bool tap_add_address(const char *name, const struct config_address *address, char *text, size_t size)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	unsigned index = if_nametoindex(name);
	int error;

	if (!index)
		return tap_fail(text, size, "add an address to", name, ENODEV);
	put_address(message, index, address);
	error = netlink_request(message, NULL, NULL);
	return error && error != -EEXIST ? tap_fail(text, size, "add an address to", name, -error) : true;
}

bool tap_remove(const char *name, char *text, size_t size)
{
	int queue, error = 0;

	if (if_nametoindex(name) == 0)
		return true;
	queue = open_queue(name);
	if (queue < 0)
		return tap_fail(text, size, "open", name, errno);
	if (ioctl(queue, TUNSETPERSIST, 0) != 0)
		error = errno;
	close(queue);
	return error ? tap_fail(text, size, "remove", name, error) : true;
}
