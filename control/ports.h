/*
 * The kernel's side of the dataplane's ports, kept by the supervisor: locks, exception TAPs, the programs
 * that steer frames, and the policy that says which addresses are served. Root; one thread.
 */
#ifndef CONTROL_PORTS_H
#define CONTROL_PORTS_H

#include <stdbool.h>
#include <stddef.h>

#include "control/addresses.h"
#include "control/config.h"
#include "dataplane/counters.h"
#include "dataplane/kernel_path.h"
#include "dataplane/policy.h"
#include "ntp/shm.h"

struct port_side {
	char kernel_name[16]; /* the interface whose addresses are served, or "" */
	bool is_tap;          /* that one is a TAP of ours */
	bool tap_made;        /* by us: to be removed at the end */
	bool copies;          /* AF_PACKET: the tc program drops the kernel's copies */
	bool told_of_vlan;    /* the warning of tags that the device strips has been given */
	int lock;
	int ifindex; /* when the dataplane was started */
	struct kernel_path_program program;
	struct kernel_path_counts counts;
};

struct ports {
	const struct config *config;
	const char *run_dir;
	struct addresses *addresses;
	struct shm policy_segment;
	struct policy policy;
	bool published;
	unsigned count;
	struct port_side side[CONFIG_INTERFACES];
};

/*
 * Take the interfaces of the configuration: lock them, refuse foreign XDP programs, clear leftovers of a
 * crash, make TAPs, and publish the first policy. False with a sentence in text[size]; ports_leave undoes
 * what was done.
 */
bool ports_take(struct ports *p, const struct config *config, const char *run_dir, char *text, size_t size);

/* Before each start of the dataplane: nothing of ours may be attached. */
bool ports_prepare(struct ports *p, char *text, size_t size);

/* Once the dataplane polls: open or attach the programs and tell them what is served. */
bool ports_connect(struct ports *p, const struct dataplane_facts *facts, char *text, size_t size);

/* The dataplane is gone: from now on the kernel gets every frame. */
void ports_disconnect(struct ports *p);

/* Once a second while the dataplane runs: renew leases, read counts. */
void ports_tick(struct ports *p);

/* Netlink has news, or the configuration is another: publish and sync what has changed. */
void ports_refresh(struct ports *p);

/* An interface that the dataplane has open and that is no longer there (or is another of its name); NULL for
 * none. */
const char *ports_missing(const struct ports *p);

/* Whether an interface of the configuration is not there now, so that a start of the dataplane would be in
 * vain. */
bool ports_gone(const struct ports *p);

/* Detach, remove TAPs, unlock. Harmless at any point. */
void ports_leave(struct ports *p);

#endif
