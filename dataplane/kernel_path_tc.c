#include "dataplane/kernel_path_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <libmnl/libmnl.h>

#include "dataplane/xdp.h"

enum {
	TC_PRIORITY = 1,        /* before other filters, which might accept a frame */
	TC_HANDLE = 0x74696b77, /* marks ours */
};

/* The tc program at our place in the filters: a descriptor, -1 with errno = ENOENT for none. */
static int open_tc(int ifindex, char name[KERNEL_NAME_SIZE])
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, where, .handle = TC_HANDLE, .priority = TC_PRIORITY);
	int error = bpf_tc_query(&hook, &where);

	if (error) {
		/* No qdisc, no interface, no filter: in all these cases nothing of ours is there. */
		errno = error == -EINVAL || error == -ENODEV ? ENOENT : -error;
		return -1;
	}
	return kernel_path_open_program(where.prog_id, name);
}

static bool qdisc_was_made(int program)
{
	struct kernel_path_program p;
	struct xdp_lease lease = {0};
	uint32_t first = 0;

	kernel_path_init(&p);
	p.program = fcntl(program, F_DUPFD_CLOEXEC, 0);
	if (p.program >= 0 && kernel_path_take_maps(&p) && p.lease >= 0)
		(void)bpf_map_lookup_elem(p.lease, &first, &lease);
	kernel_path_close(&p);
	return lease.made_qdisc;
}

static struct bpf_program *only_tc(struct bpf_object *o)
{
	struct bpf_program *program, *tc = NULL;

	bpf_object__for_each_program(program, o)
	{
		bool is_tc = strcmp(bpf_program__name(program), XDP_TC_PROGRAM) == 0;

		(void)bpf_program__set_autoload(program, is_tc);
		tc = is_tc ? program : tc;
	}
	return tc;
}

/* Load the tc program; its maps and itself live on in the descriptors of p. 0, or a negative errno. */
static int load_tc(struct kernel_path_program *p)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "tickwire");
	libbpf_print_fn_t before = libbpf_set_print(kernel_path_quiet);
	size_t size;
	const void *octets = kernel_path_object(&size);
	struct bpf_object *o = bpf_object__open_mem(octets, size, &opts);
	struct bpf_program *tc;
	int error = -errno;

	if (o) {
		tc = only_tc(o);
		error = tc ? bpf_object__load(o) : -ENOENT;
		if (!error) {
			p->program = fcntl(bpf_program__fd(tc), F_DUPFD_CLOEXEC, 0);
			error = p->program >= 0 ? 0 : -errno;
		}
		bpf_object__close(o);
	}
	libbpf_set_print(before);
	if (!error && (!kernel_path_take_maps(p) || p->lease < 0))
		error = -ENOENT;
	return error;
}

static int see_filter(const struct nlmsghdr *header, void *found)
{
	(void)header;
	*(bool *)found = true;
	return MNL_CB_OK;
}

/* Whether filters hang on one side of the clsact qdisc. On doubt there are some: the qdisc then stays. */
static bool has_filters(struct mnl_socket *socket, int ifindex, uint32_t parent)
{
	char buffer[16384] __attribute__((aligned(8)));
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct tcmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	bool found = false;
	int result;

	header->nlmsg_type = RTM_GETTFILTER;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	message->tcm_family = AF_UNSPEC;
	message->tcm_ifindex = ifindex;
	message->tcm_parent = parent;
	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		return true;
	do {
		ssize_t n = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));

		if (n < 0)
			return true;
		result = mnl_cb_run(buffer, (size_t)n, 0, 0, see_filter, &found);
	} while (result > MNL_CB_STOP);
	return result < 0 || found;
}

static bool qdisc_is_empty(int ifindex)
{
	struct mnl_socket *socket = mnl_socket_open(NETLINK_ROUTE);
	bool empty = false;

	if (!socket)
		return false;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0)
		empty = !has_filters(socket, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)) &&
			!has_filters(socket, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS));
	mnl_socket_close(socket);
	return empty;
}

/* 0, or a negative errno. One with filters stays, as they are not ours. */
static int remove_empty_qdisc(int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	return qdisc_is_empty(ifindex) ? bpf_tc_hook_destroy(&hook) : 0;
}

/* Make the clsact qdisc where there is none; *made turns true if so. 0, or a negative errno. */
static int make_qdisc(int ifindex, bool *made)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	int error = bpf_tc_hook_create(&hook);

	*made |= !error;
	return error == -EEXIST ? 0 : error;
}

/* For whoever removes the program, which may be the supervisor after this one. 0, or a negative errno. */
static int note_qdisc(const struct kernel_path_program *p, bool made)
{
	const struct xdp_lease lease = {.made_qdisc = made};
	uint32_t first = 0;

	return bpf_map_update_elem(p->lease, &first, &lease, BPF_ANY) ? -errno : 0;
}

static int attach_tc(const struct kernel_path_program *p)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = p->ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, where, .prog_fd = p->program, .flags = BPF_TC_F_REPLACE, .handle = TC_HANDLE,
		.priority = TC_PRIORITY);

	return bpf_tc_attach(&hook, &where);
}

/* Whether no filter of somebody else has our place; *made: an earlier program of ours came with the qdisc. */
static bool place_is_ours(int ifindex, bool *made)
{
	char name[KERNEL_NAME_SIZE];
	int old = open_tc(ifindex, name);
	bool ours;

	*made = false;
	if (old < 0)
		return true;
	ours = kernel_path_same_name(name, XDP_TC_PROGRAM);
	*made = ours && qdisc_was_made(old);
	close(old);
	return ours;
}

/* 0, or a negative errno. */
static int load_and_attach_tc(struct kernel_path_program *p)
{
	libbpf_print_fn_t before = libbpf_set_print(kernel_path_quiet);
	bool made;
	int error = place_is_ours(p->ifindex, &made) ? 0 : -EEXIST;

	if (!error)
		error = load_tc(p);
	if (!error)
		error = make_qdisc(p->ifindex, &made);
	if (!error)
		error = note_qdisc(p, made);
	if (!error)
		error = attach_tc(p);
	if (error && made)
		(void)remove_empty_qdisc(p->ifindex);
	libbpf_set_print(before);
	return error;
}

bool kernel_path_attach_tc(struct kernel_path_program *p, const char *interface, char *text, size_t size)
{
	int error;

	kernel_path_init(p);
	p->ifindex = (int)if_nametoindex(interface);
	if (!p->ifindex)
		return kernel_path_fail(
			text, size, "There is no interface %s; name one that exists.", interface);
	error = load_and_attach_tc(p);
	if (!error)
		return true;
	kernel_path_close(p);
	return kernel_path_system_fail(text, size, "Cannot attach the tc program to", interface, -error);
}

static bool set_lease(const struct kernel_path_program *p, uint64_t until, char *text, size_t size)
{
	struct xdp_lease lease;
	uint32_t first = 0;

	if (p->lease < 0)
		return true; /* an XDP program needs none */
	if (bpf_map_lookup_elem(p->lease, &first, &lease) == 0) {
		lease.until = until;
		if (bpf_map_update_elem(p->lease, &first, &lease, BPF_ANY) == 0)
			return true;
	}
	return kernel_path_fail(text, size, "Cannot set the lease of the tc program: %s; %s.",
		strerror(errno), kernel_path_remedy(errno));
}

bool kernel_path_renew_lease(const struct kernel_path_program *p, char *text, size_t size)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now); /* the clock of bpf_ktime_get_ns */
	return set_lease(p,
		(uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec +
			KERNEL_PATH_LEASE_MS * UINT64_C(1000000),
		text, size);
}

bool kernel_path_end_lease(const struct kernel_path_program *p, char *text, size_t size)
{
	return set_lease(p, 0, text, size);
}

bool kernel_path_detach_tc(int ifindex, const char *interface, char *text, size_t size)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, where, .handle = TC_HANDLE, .priority = TC_PRIORITY);
	char name[KERNEL_NAME_SIZE];
	int program = open_tc(ifindex, name), error = 0;
	bool ours, made;

	if (program < 0)
		return errno == ENOENT || kernel_path_system_fail(text, size,
						  "Cannot look for the tc program of", interface, errno);
	ours = kernel_path_same_name(name, XDP_TC_PROGRAM);
	made = ours && qdisc_was_made(program);
	close(program);
	if (ours)
		error = bpf_tc_detach(&hook, &where);
	if (!error && made)
		error = remove_empty_qdisc(ifindex);
	if (!error || error == -ENODEV || error == -ENOENT)
		return true;
	return kernel_path_system_fail(text, size, "Cannot remove the tc program of", interface, -error);
}
