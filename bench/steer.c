#include "bench/steer.h"

#include <endian.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bench/steer_map.h"
#include "dataplane/kernel_path_private.h"
#include "dataplane/xdp.h"

enum { MAPS_MAX = 8 };

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* clang's output for the BPF target, as octets. */
static const uint8_t object[] __attribute__((aligned(8))) = {
#include "bench/steer_object.h"
};

const void *steer_object(size_t *size)
{
	*size = sizeof(object);
	return object;
}

/* An abstract socket's name is of one network namespace, as an interface is, and goes with the process. */
static bool take_lock(struct steer *steer, char *text, size_t size)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int length =
		snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "tickwire-load-%s", steer->interface);

	steer->lock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (steer->lock >= 0 &&
		bind(steer->lock, (struct sockaddr *)&name,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == 0)
		return true;
	if (steer->lock >= 0)
		close(steer->lock);
	steer->lock = -1;
	return kernel_path_fail(
		text, size, "interface %s: another load uses it; wait for its end", steer->interface);
}

/* What a killed load has left goes, anything else stays. */
static bool make_room(int ifindex, const char *interface, char *text, size_t size)
{
	char name[KERNEL_NAME_SIZE] = "";
	uint32_t id, mode;
	int fd;

	if (!kernel_path_query_xdp(ifindex, &id, &mode))
		return kernel_path_system_fail(
			text, size, "Cannot look for the XDP program of", interface, errno);
	if (id == 0)
		return true;
	fd = kernel_path_open_program(id, name);
	if (fd >= 0)
		close(fd);
	if (kernel_path_same_name(name, STEER_PROGRAM))
		return kernel_path_detach_xdp(ifindex, interface, STEER_PROGRAM, text, size);
	if (kernel_path_same_name(name, XDP_PROGRAM))
		return kernel_path_fail(text, size,
			"interface %s: a tickwire answers on it; stop that, or load it from another host",
			interface);
	return kernel_path_fail(text, size,
		"interface %s: another XDP program, \"%.15s\", is attached to it; remove it (ip link set dev "
		"%s xdp "
		"off), or use the driver af_packet",
		interface, name, interface);
}

static bool write_object(struct steer *steer, char *text, size_t size)
{
	snprintf(steer->dir, sizeof(steer->dir), "/tmp/tickwire-load-XXXXXX");
	if (!mkdtemp(steer->dir)) {
		steer->dir[0] = '\0';
		return kernel_path_fail(text, size, "cannot make a directory in /tmp: %s", strerror(errno));
	}
	snprintf(steer->object, sizeof(steer->object), "%s/steer.o", steer->dir);
	return kernel_path_write_object(steer->object, object, sizeof(object), text, size);
}

static void remove_object(struct steer *steer)
{
	if (!steer->dir[0])
		return;
	unlink(steer->object);
	rmdir(steer->dir);
	steer->dir[0] = '\0';
}

bool steer_prepare(struct steer *steer, const char *interface, char *text, size_t size)
{
	const int ifindex = (int)if_nametoindex(interface);

	*steer = (struct steer){.lock = -1};
	if (ifindex == 0)
		return kernel_path_fail(text, size,
			"interface %s: there is no such interface (ip link shows what there is)", interface);
	snprintf(steer->interface, sizeof(steer->interface), "%s", interface);
	return take_lock(steer, text, size) && make_room(ifindex, interface, text, size) &&
	       write_object(steer, text, size);
}

/* 16 octets of a socket's address; false for other families. */
static bool take_address(const struct sockaddr *from, uint8_t address[16])
{
	const void *any = from;

	if (from && from->sa_family == AF_INET6) {
		memcpy(address, &((const struct sockaddr_in6 *)any)->sin6_addr, 16);
		return true;
	}
	if (!from || from->sa_family != AF_INET)
		return false;
	memcpy(address, mapped, sizeof(mapped));
	memcpy(address + sizeof(mapped), &((const struct sockaddr_in *)any)->sin_addr, 4);
	return true;
}

unsigned steer_own_clients(const struct population *population, uint32_t *clients, unsigned max)
{
	struct ifaddrs *all = NULL;
	uint8_t address[16];
	unsigned count = 0;

	if (getifaddrs(&all) != 0)
		return 0;
	for (const struct ifaddrs *i = all; i && count < max; i = i->ifa_next)
		if (take_address(i->ifa_addr, address) &&
			population_client(population, address, &clients[count]))
			count++;
	freeifaddrs(all);
	return count;
}

static int put(int map, const uint8_t address[16], uint32_t length, uint32_t owner)
{
	struct steer_key key = {.length = length};

	memcpy(key.address, address, sizeof(key.address));
	return bpf_map_update_elem(map, &key, &owner, BPF_ANY) == 0 ? 0 : -errno;
}

/* The kernel's own addresses within what is played. */
static int put_own(int map)
{
	struct ifaddrs *all = NULL;
	int error = getifaddrs(&all) == 0 ? 0 : -errno;

	for (const struct ifaddrs *i = all; i && error == 0; i = i->ifa_next) {
		struct steer_key key = {.length = STEER_ADDRESS_BITS};
		uint32_t owner;

		if (take_address(i->ifa_addr, key.address) && bpf_map_lookup_elem(map, &key, &owner) == 0 &&
			owner == STEER_PLAYED)
			error = put(map, key.address, STEER_ADDRESS_BITS, STEER_OWN);
	}
	freeifaddrs(all);
	return error;
}

int steer_fill_maps(int addresses, int target_map, const struct population *population,
	const uint8_t target[16], uint16_t port, uint16_t vlan)
{
	struct steer_target value = {.port = htobe16(port), .vlan = vlan};
	const uint8_t ipv4[16] = {[10] = 0xff, [11] = 0xff};
	uint32_t first = 0;
	/* an IPv6 prefix of nearly all addresses has no part in IPv4 */
	int error = put(addresses, ipv4, 8 * sizeof(mapped), STEER_KERNEL);

	for (unsigned i = 0; i < population->prefixes && error == 0; i++)
		error = put(
			addresses, population->prefix[i].address, population->prefix[i].length, STEER_PLAYED);
	if (error == 0)
		error = put_own(addresses);
	memcpy(value.address, target, sizeof(value.address));
	if (error == 0 && bpf_map_update_elem(target_map, &first, &value, BPF_ANY) != 0)
		error = -errno;
	return error;
}

/* Descriptor of a map of a program by its name, or -1. */
static int open_map(int program, const char *name)
{
	uint32_t ids[MAPS_MAX] = {0}, length;
	struct bpf_prog_info info = {.nr_map_ids = MAPS_MAX, .map_ids = (uint64_t)(uintptr_t)ids};

	length = sizeof(info);
	if (bpf_obj_get_info_by_fd(program, &info, &length) != 0)
		return -1;
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++) {
		struct bpf_map_info map = {0};
		int fd = bpf_map_get_fd_by_id(ids[i]);

		length = sizeof(map);
		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &map, &length) == 0 &&
			kernel_path_same_name(map.name, name))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

static int open_attached(const char *interface)
{
	char name[KERNEL_NAME_SIZE];
	uint32_t id, mode;
	int fd = -1;

	if (kernel_path_query_xdp((int)if_nametoindex(interface), &id, &mode) && id != 0)
		fd = kernel_path_open_program(id, name);
	if (fd >= 0 && kernel_path_same_name(name, STEER_PROGRAM))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

bool steer_fill(struct steer *steer, const struct population *population, const uint8_t target[16],
	uint16_t port, uint16_t vlan, char *text, size_t size)
{
	int program = open_attached(steer->interface), addresses = -1, target_map = -1, error = -ENOENT;

	remove_object(steer);
	if (program >= 0) {
		addresses = open_map(program, STEER_MAP_ADDRESSES);
		target_map = open_map(program, STEER_MAP_TARGET);
	}
	if (addresses >= 0 && target_map >= 0)
		error = steer_fill_maps(addresses, target_map, population, target, port, vlan);
	for (size_t i = 0; i < 3; i++) {
		const int fds[] = {program, addresses, target_map};

		if (fds[i] >= 0)
			close(fds[i]);
	}
	return error == 0 || kernel_path_system_fail(text, size, "Cannot tell the kernel what is played on",
				     steer->interface, -error);
}

void steer_close(struct steer *steer)
{
	const int ifindex = (int)if_nametoindex(steer->interface);
	char text[256];

	/* net_af_xdp takes it off as well, but not after a start that failed half-way */
	if (steer->lock >= 0 && ifindex != 0)
		kernel_path_detach_xdp(ifindex, steer->interface, STEER_PROGRAM, text, sizeof(text));
	remove_object(steer);
	if (steer->lock >= 0)
		close(steer->lock);
	steer->lock = -1;
}
