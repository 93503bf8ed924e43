/*
 * How frames that are not NTP stay with the kernel: the programs of dataplane/xdp.bpf.c, put on an interface,
 * fed with the addresses served, and taken off again. For the supervisor: CAP_SYS_ADMIN (or CAP_BPF and
 * CAP_NET_ADMIN with it) in the network namespace of the interface. Nothing here is thread-safe on the same
 * struct or interface.
 *
 * With AF_XDP, net_af_xdp loads and attaches the XDP program (xdp_prog=FILE, map xsks_map); the supervisor
 * then opens what is attached. The program outlives the dataplane: without its sockets it passes every frame,
 * until kernel_path_detach. With AF_PACKET, the supervisor attaches the tc program itself and renews its
 * lease while the dataplane lives.
 *
 * Where a function returns false, text[size] has a sentence that says what failed and what to do about it.
 */
#ifndef DATAPLANE_KERNEL_PATH_H
#define DATAPLANE_KERNEL_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/policy.h"

/* A program on an interface, by the descriptors that hold it and its maps; -1 for none. */
struct kernel_path_program {
	int ifindex;
	int program;
	int served;
	int settings;
	int counts;
	int lease; /* tc only */
};

/* Frames since the program was attached, over all CPUs. */
struct kernel_path_counts {
	uint64_t redirected; /* to the dataplane */
	uint64_t no_socket;  /* NTP of ours, but left to the kernel: the dataplane is gone or does not serve
				their queue */
	uint64_t dropped;    /* by the tc program: the dataplane has its own copy */
};

enum { KERNEL_PATH_LEASE_MS = 3000 }; /* renew each second: one late renewal is no gap */

/* The compiled programs, as an ELF object. */
const void *kernel_path_object(size_t *size);

/* Write the object to DIR/tickwire_xdp.o (mode 0600, replaced at once) for xdp_prog=, and its name to
 * path[path_size]. */
bool kernel_path_write_program(const char *dir, char *path, size_t path_size, char *text, size_t size);

/* A struct that holds nothing, for kernel_path_close. */
void kernel_path_init(struct kernel_path_program *p);

/*
 * Open the XDP program that is attached to the interface, in whatever mode. False where there is none, or
 * where it is not ours or of another version.
 */
bool kernel_path_open(struct kernel_path_program *p, const char *interface, char *text, size_t size);

/*
 * Attach the tc program to the ingress of the interface (clsact), in place of one of ours that a crash has
 * left. It drops nothing until the addresses are there (kernel_path_sync) and a lease runs.
 */
bool kernel_path_attach_tc(struct kernel_path_program *p, const char *interface, char *text, size_t size);

/* Let the tc program drop what the dataplane answers for KERNEL_PATH_LEASE_MS from now on. */
bool kernel_path_renew_lease(const struct kernel_path_program *p, char *text, size_t size);

/* End the lease: from now on the kernel gets every frame. */
bool kernel_path_end_lease(const struct kernel_path_program *p, char *text, size_t size);

/*
 * Make the program serve the addresses and the port of the policy: what is missing is added before what is
 * stale goes, so that an address that stays is served throughout.
 */
bool kernel_path_sync(
	const struct kernel_path_program *p, const struct policy *policy, char *text, size_t size);

bool kernel_path_read_counts(
	const struct kernel_path_program *p, struct kernel_path_counts *counts, char *text, size_t size);

/* Let go of the descriptors; the program stays attached. */
void kernel_path_close(struct kernel_path_program *p);

/*
 * Take whatever is ours off the interface: the XDP program, the tc program, and the clsact qdisc if it came
 * with the tc program and is empty. Nothing attached, or no such interface, is no error.
 */
bool kernel_path_detach(const char *interface, char *text, size_t size);

/* Whether an XDP program that is not ours is attached, and its name (or number) if so. */
bool kernel_path_foreign(const char *interface, char *name, size_t name_size);

#endif
