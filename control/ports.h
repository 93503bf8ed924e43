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
	int ifindex;        /* of kernel_name as the dataplane knows or should know it; 0: it is not there */
	int port;           /* the dataplane's number for it, -1: it was started without */
	uint64_t no_socket; /* counts.no_socket when the dataplane was connected */
	bool saw_no_socket; /* since then: requests went to the kernel */
	bool told_of_no_socket; /* since then: the warning of queues that nobody serves has been given */
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
 * Take the interfaces of the configuration: lock them, refuse foreign XDP programs, make TAPs, and publish
 * the first policy. False with a sentence in text[size]; ports_leave undoes what was done.
 */
bool ports_take(struct ports *p, const struct config *config, const char *run_dir, char *text, size_t size);

/*
 * Before each start of the dataplane: see which interfaces are there, make a TAP again that somebody has
 * deleted, and clear leftovers of a crash, as nothing of ours may be attached. there[i] says of each
 * interface of the configuration whether the dataplane shall open it.
 */
bool ports_prepare(struct ports *p, bool there[CONFIG_INTERFACES], char *text, size_t size);

/* Once the dataplane polls: open or attach the programs and tell them what is served. */
bool ports_connect(struct ports *p, const struct dataplane_facts *facts, char *text, size_t size);

/* The dataplane is gone: from now on the kernel gets every frame. */
void ports_disconnect(struct ports *p);

/* Once a second while the dataplane runs: renew leases, read counts. */
void ports_tick(struct ports *p);

/* Netlink has news, or the configuration is another: publish and sync what has changed. */
void ports_refresh(struct ports *p);

/* Whether interfaces have gone, come back or become others of their name since the last call, so
 * that the dataplane must be started anew. Logs each. */
bool ports_moved(struct ports *p);

/* Whether there is anything to open: not all ports are kernel interfaces that are gone. */
bool ports_any(const struct ports *p);

/* Detach, remove TAPs, unlock. Harmless at any point. */
void ports_leave(struct ports *p);

#endif
