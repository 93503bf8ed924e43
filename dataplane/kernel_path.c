#include "dataplane/kernel_path_private.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "dataplane/xdp.h"

static_assert((int)XDP_VLAN_PRESENT == (int)SERVED_VLAN_PRESENT, "one meaning of a VLAN key");
static_assert(XDP_ANY_VLAN == (uint32_t)SERVED_ANY_VLAN, "one meaning of a VLAN key");
static_assert((int)KERNEL_NAME_SIZE == BPF_OBJ_NAME_LEN, "names as the kernel gives them");
static_assert((int)XDP_SERVED_ENTRIES >= 2 * (int)SERVED_MAX, "old and new addresses fit side by side");

enum { MAPS_MAX = 8 }; /* of a program of ours */

/* clang's output for the BPF target, as octets. */
static const uint8_t object[] __attribute__((aligned(8))) = {
#include "dataplane/xdp_object.h"
};

bool kernel_path_fail(char *text, size_t size, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, size, format, arguments);
	va_end(arguments);
	return false;
}

const char *kernel_path_remedy(int error)
{
	switch (error) {
	case EPERM:
	case EACCES:
		return "run as root, and where the kernel is locked down allow it BPF";
	case ENOMEM:
	case ENOSPC:
	case E2BIG:
		return "free memory for BPF maps or raise its limit";
	case ENODEV:
	case ENOENT:
		return "see whether the interface or program has been removed meanwhile";
	case EBUSY:
	case EEXIST:
		return "remove the other program from the interface first";
	case EOPNOTSUPP:
	case EINVAL:
		return "see whether kernel and driver support this program";
	}
	return "see the kernel's log";
}

bool kernel_path_system_fail(char *text, size_t size, const char *what, const char *interface, int error)
{
	return kernel_path_fail(
		text, size, "%s %s: %s; %s.", what, interface, strerror(error), kernel_path_remedy(error));
}

const void *kernel_path_object(size_t *size)
{
	*size = sizeof(object);
	return object;
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

bool kernel_path_write_object(const char *path, const void *octets, size_t length, char *text, size_t size)
{
	char part[4096];
	int fd, error;
	bool good;

	if (snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part))
		return kernel_path_fail(
			text, size, "The name %s is too long; choose a shorter directory.", path);
	unlink(part);
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return kernel_path_fail(text, size, "Cannot write %s: %s; make the directory writable.", part,
			strerror(errno));
	good = write_all(fd, octets, length);
	error = errno;
	good = close(fd) == 0 && good;
	if (good && rename(part, path) == 0)
		return true;
	error = good ? errno : error;
	unlink(part);
	return kernel_path_fail(
		text, size, "Cannot write %s: %s; free some space there.", path, strerror(error));
}

bool kernel_path_write_program(const char *dir, char *path, size_t path_size, char *text, size_t size)
{
	if (snprintf(path, path_size, "%s/tickwire_xdp.o", dir) >= (int)path_size)
		return kernel_path_fail(
			text, size, "The name of the directory %s is too long; choose a shorter one.", dir);
	return kernel_path_write_object(path, object, sizeof(object), text, size);
}

void kernel_path_init(struct kernel_path_program *p)
{
	*p = (struct kernel_path_program){
		.program = -1, .served = -1, .settings = -1, .counts = -1, .lease = -1};
}

void kernel_path_close(struct kernel_path_program *p)
{
	const int fds[] = {p->program, p->served, p->settings, p->counts, p->lease};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	kernel_path_init(p);
}

bool kernel_path_same_name(const char *in_kernel, const char *name)
{
	return strncmp(in_kernel, name, BPF_OBJ_NAME_LEN - 1) == 0;
}

/* The calls named after programs and maps came with libbpf 1.2; bpf_obj_get_info_by_fd is in every version.
 */
int kernel_path_open_program(uint32_t id, char name[KERNEL_NAME_SIZE])
{
	struct bpf_prog_info info = {};
	uint32_t length = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0)
		return -1;
	if (bpf_obj_get_info_by_fd(fd, &info, &length) != 0) {
		close(fd);
		return -1;
	}
	memcpy(name, info.name, BPF_OBJ_NAME_LEN);
	return fd;
}

/* Keep the descriptor of a map where its name and shape are those of one that we know. */
static bool take_map(struct kernel_path_program *p, int fd)
{
	struct bpf_map_info info = {};
	uint32_t length = sizeof(info);
	const struct {
		const char *name;
		uint32_t type, key, value;
		int *place;
	} maps[] = {
		{XDP_MAP_SERVED, BPF_MAP_TYPE_HASH, sizeof(struct xdp_served), 1, &p->served},
		{XDP_MAP_SETTINGS, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct xdp_settings), &p->settings},
		{XDP_MAP_COUNTS, BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(uint64_t), &p->counts},
		{XDP_MAP_LEASE, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct xdp_lease), &p->lease},
	};

	if (bpf_obj_get_info_by_fd(fd, &info, &length) != 0)
		return false;
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		if (!kernel_path_same_name(info.name, maps[i].name) || info.type != maps[i].type ||
			info.key_size != maps[i].key || info.value_size != maps[i].value ||
			*maps[i].place >= 0)
			continue;
		*maps[i].place = fd;
		return true;
	}
	return false;
}

bool kernel_path_take_maps(struct kernel_path_program *p)
{
	uint32_t ids[MAPS_MAX] = {0};
	struct bpf_prog_info info = {.nr_map_ids = MAPS_MAX, .map_ids = (uint64_t)(uintptr_t)ids};
	uint32_t length = sizeof(info);

	if (bpf_obj_get_info_by_fd(p->program, &info, &length) != 0)
		return false;
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++) {
		int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd >= 0 && !take_map(p, fd))
			close(fd);
	}
	return p->served >= 0 && p->settings >= 0 && p->counts >= 0;
}

bool kernel_path_query_xdp(int ifindex, uint32_t *id, uint32_t *mode)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	*id = 0;
	*mode = 0;
	errno = 0;
	if (bpf_xdp_query(ifindex, 0, &query) != 0)
		return false;
	if (query.drv_prog_id) {
		*id = query.drv_prog_id;
		*mode = XDP_FLAGS_DRV_MODE;
	} else if (query.skb_prog_id) {
		*id = query.skb_prog_id;
		*mode = XDP_FLAGS_SKB_MODE;
	} else if (query.hw_prog_id) {
		*id = query.hw_prog_id;
		*mode = XDP_FLAGS_HW_MODE;
	}
	return true;
}

bool kernel_path_open(struct kernel_path_program *p, const char *interface, char *text, size_t size)
{
	char name[KERNEL_NAME_SIZE];
	uint32_t id, mode;

	kernel_path_init(p);
	p->ifindex = (int)if_nametoindex(interface);
	if (!p->ifindex)
		return kernel_path_fail(
			text, size, "There is no interface %s; name one that exists.", interface);
	if (!kernel_path_query_xdp(p->ifindex, &id, &mode))
		return kernel_path_system_fail(
			text, size, "Cannot look for the XDP program of", interface, errno);
	if (!id)
		return kernel_path_fail(text, size,
			"No XDP program is attached to %s; start the dataplane first.", interface);
	p->program = kernel_path_open_program(id, name);
	if (p->program < 0)
		return kernel_path_system_fail(
			text, size, "Cannot open the XDP program of", interface, errno);
	if (kernel_path_same_name(name, XDP_PROGRAM) && kernel_path_take_maps(p))
		return true;
	kernel_path_close(p);
	return kernel_path_fail(text, size,
		"The XDP program on %s, \"%s\", is not ours or of another version; remove it with "
		"\"ip link set dev %s xdp off\".",
		interface, name, interface);
}

static struct xdp_served key_of(const struct served *s)
{
	struct xdp_served key = {.vlan = s->vlan};

	memcpy(key.address, s->address, sizeof(key.address));
	return key;
}

static bool in_policy(const struct policy *policy, const struct xdp_served *key)
{
	for (size_t i = 0; i < SERVED_SLOTS; i++) {
		struct xdp_served wanted = key_of(&policy->served[i]);

		if (policy->served[i].used && memcmp(&wanted, key, sizeof(wanted)) == 0)
			return true;
	}
	return false;
}

static bool add_missing(int map, const struct policy *policy)
{
	const uint8_t one = 1;

	for (size_t i = 0; i < SERVED_SLOTS; i++) {
		struct xdp_served key = key_of(&policy->served[i]);

		if (policy->served[i].used && bpf_map_update_elem(map, &key, &one, BPF_ANY) != 0)
			return false;
	}
	return true;
}

/* A walk over a hash may start anew after a removal: first all keys are read, then the stale ones go. */
static bool remove_stale(int map, const struct policy *policy)
{
	struct xdp_served keys[XDP_SERVED_ENTRIES];
	size_t count = 0;

	while (count < XDP_SERVED_ENTRIES &&
		bpf_map_get_next_key(map, count ? &keys[count - 1] : NULL, &keys[count]) == 0)
		count++;
	for (size_t i = 0; i < count; i++)
		if (!in_policy(policy, &keys[i]) && bpf_map_delete_elem(map, &keys[i]) != 0 &&
			errno != ENOENT)
			return false;
	return true;
}

static bool set_port(int map, uint16_t port)
{
	const struct xdp_settings settings = {.ntp_port = htobe16(port)};
	uint32_t first = 0;

	return bpf_map_update_elem(map, &first, &settings, BPF_ANY) == 0;
}

bool kernel_path_sync(
	const struct kernel_path_program *p, const struct policy *policy, char *text, size_t size)
{
	if (add_missing(p->served, policy) && set_port(p->settings, policy->ntp_port) &&
		remove_stale(p->served, policy))
		return true;
	return kernel_path_fail(text, size, "Cannot tell the kernel which addresses are served: %s; %s.",
		strerror(errno), kernel_path_remedy(errno));
}

static bool read_count(int map, enum xdp_count which, uint64_t *sum)
{
	int cpus = libbpf_num_possible_cpus();
	uint32_t key = which;
	uint64_t *values;
	bool good;

	*sum = 0;
	values = cpus > 0 ? calloc((size_t)cpus, sizeof(*values)) : NULL;
	if (!values)
		return false;
	good = bpf_map_lookup_elem(map, &key, values) == 0;
	for (int i = 0; i < cpus; i++)
		*sum += values[i];
	free(values);
	return good;
}

bool kernel_path_read_counts(
	const struct kernel_path_program *p, struct kernel_path_counts *counts, char *text, size_t size)
{
	if (read_count(p->counts, XDP_COUNT_REDIRECTED, &counts->redirected) &&
		read_count(p->counts, XDP_COUNT_NO_SOCKET, &counts->no_socket) &&
		read_count(p->counts, XDP_COUNT_DROPPED, &counts->dropped))
		return true;
	return kernel_path_fail(text, size, "Cannot read the counters of the kernel's program: %s; %s.",
		strerror(errno), kernel_path_remedy(errno));
}

bool kernel_path_detach_xdp(int ifindex, const char *interface, const char *program, char *text, size_t size)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	char name[KERNEL_NAME_SIZE];
	uint32_t id, mode;
	int error = 0;

	if (!kernel_path_query_xdp(ifindex, &id, &mode))
		return errno == ENODEV || kernel_path_system_fail(text, size,
						  "Cannot look for the XDP program of", interface, errno);
	if (!id)
		return true;
	opts.old_prog_fd = kernel_path_open_program(id, name);
	if (opts.old_prog_fd < 0)
		return errno == ENOENT || kernel_path_system_fail(text, size,
						  "Cannot open the XDP program of", interface, errno);
	/* Replacing just the program that was looked at: another that came meanwhile stays. */
	if (kernel_path_same_name(name, program))
		error = bpf_xdp_detach(ifindex, mode, &opts);
	close(opts.old_prog_fd);
	if (!error || error == -ENODEV || error == -EEXIST)
		return true;
	return kernel_path_system_fail(text, size, "Cannot remove the XDP program of", interface, -error);
}

int kernel_path_quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

bool kernel_path_detach(const char *interface, char *text, size_t size)
{
	int ifindex = (int)if_nametoindex(interface);
	libbpf_print_fn_t before;
	bool good;

	if (!ifindex)
		return true;
	before = libbpf_set_print(kernel_path_quiet);
	good = kernel_path_detach_xdp(ifindex, interface, XDP_PROGRAM, text, size);
	good = kernel_path_detach_tc(ifindex, interface, text, size) && good;
	libbpf_set_print(before);
	return good;
}

bool kernel_path_foreign(const char *interface, char *name, size_t name_size)
{
	char in_kernel[KERNEL_NAME_SIZE];
	int ifindex = (int)if_nametoindex(interface), fd;
	uint32_t id, mode;

	if (!ifindex || !kernel_path_query_xdp(ifindex, &id, &mode) || !id)
		return false;
	fd = kernel_path_open_program(id, in_kernel);
	if (fd < 0) {
		snprintf(name, name_size, "number %u", id);
		return true;
	}
	close(fd);
	snprintf(name, name_size, "%s", in_kernel[0] ? in_kernel : "without a name");
	return !kernel_path_same_name(in_kernel, XDP_PROGRAM);
}
