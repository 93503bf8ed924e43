/* What the kinds of link have in common: bench/link.c hands every call on to one of them. */
#ifndef BENCH_LINK_PRIVATE_H
#define BENCH_LINK_PRIVATE_H

#include "bench/link.h"

/* As the functions of bench/link.h. `open` leaves nothing behind where it fails; `link` of it begins with a
 * struct link, whose `ops` it need not set. */
struct link_ops {
	bool (*open)(struct link **link, const struct link_settings *settings, char *text, size_t size);
	void (*close)(struct link *link);
	bool (*begin)(struct link *link, unsigned core);
	void (*end)(struct link *link, unsigned core);
	unsigned (*send)(
		struct link *link, unsigned core, const struct link_request *requests, unsigned count);
	unsigned (*receive)(struct link *link, unsigned core, struct link_datagram *datagrams);
	void (*wait)(struct link *link, unsigned core, uint64_t ns);
	uint64_t (*missed)(struct link *link);
	bool (*is_up)(struct link *link, char *text, size_t size);
};

/* The first member of each kind's own struct. */
struct link {
	const struct link_ops *ops;
	unsigned cores;
	char driver[64];
	char stamps[128];
};

extern const struct link_ops link_dpdk_ops, link_socket_ops;

#endif
