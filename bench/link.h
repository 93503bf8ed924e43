/*
 * A load's way to the wire, behind one page: requests of played clients go out, what comes for them comes in.
 * Two kinds: bench/link_dpdk.c, any ethdev, whose clients have addresses of their own choice, and
 * bench/link_socket.c, the kernel's UDP, which needs no privilege.
 *
 * A link is opened by the main thread; then each of its cores is used by one thread, which calls link_begin
 * first. Replies to a client come to the core that the client belongs to: client % cores.
 */
#ifndef BENCH_LINK_H
#define BENCH_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/population.h"
#include "bench/target.h"

enum {
	LINK_BURST = 32,
	LINK_CORES_MAX = 64,
	LINK_REQUEST_MAX = 1280 - 40 - 8, /* NTS_CLIENT_REQUEST_MAX */
	LINK_NO_CLIENT = UINT32_MAX,
};

struct link_settings {
	const struct target *target;
	const struct population *population;
	const char *interface; /* "eth0", "pci:...", "vdev:..."; NULL: sockets */
	const char *driver;    /* "auto", "af_xdp", "af_packet" */
	unsigned cores;        /* wanted; link->cores says how many it became */
	const unsigned *cpu;   /* of each core */
	uint16_t vlan;         /* identifier; 0: none */
	bool has_mac;
	uint8_t mac[6];      /* next hop */
	const char *gateway; /* address of the next hop, where the kernel does not know it; NULL: the target
				itself */
	bool verbose;
};

/* One request to be sent. */
struct link_request {
	const uint8_t *octets; /* of NTP */
	uint16_t size;         /* at most LINK_REQUEST_MAX */
	uint16_t port; /* source port, host order; sockets have a few of their own and take one by it */
	uint32_t client;
};

enum link_datagram_kind {
	LINK_REPLY,   /* UDP to a client of ours, from anybody */
	LINK_REFUSED, /* ICMP unreachable for one of our requests */
	LINK_FOREIGN, /* anything else that was let through to us */
};

/* One that came. The octets may be written, and are valid until the core's next receive. */
struct link_datagram {
	enum link_datagram_kind kind;
	uint8_t *octets; /* of UDP's payload, whole: a cut one is FOREIGN */
	uint16_t size;
	uint16_t port;    /* destination port, host order */
	uint32_t client;  /* that it went to; LINK_NO_CLIENT where that is none of ours */
	bool from_target; /* from the address and port of the target */
	uint16_t ports; /* not 0: of the port asked for only the remainder by this is known, and is `port` */
	int64_t age_ns; /* how long before receive returned it was stamped, where the port or the kernel
			   stamps; else 0 */
};

struct link;

/* False with a sentence in text[size] that says what to do. Root where an interface is given. */
bool link_open(struct link **link, const struct link_settings *settings, char *text, size_t size);
void link_close(struct link *link); /* NULL is harmless */

unsigned link_cores(const struct link *link);
const char *link_driver(const struct link *link); /* "net_af_xdp", "udp sockets" ... */
const char *link_stamps(
	const struct link *link); /* for people: "when the burst was read", "the kernel's", ... */

/* "DPDK 22.11.5" or the like: what --interface runs on. */
const char *link_dpdk_version(void);

/* The thread of a core says that it is. False where the thread cannot be used. */
bool link_begin(struct link *link, unsigned core);
void link_end(struct link *link, unsigned core);

/*
 * Send the first requests of a burst that the port takes, how many it took. Those not taken have left nothing
 * behind. At most LINK_BURST.
 */
unsigned link_send(struct link *link, unsigned core, const struct link_request *requests, unsigned count);

/* What has come, at most LINK_BURST; never waits. ARP and ND for played addresses are answered inside. */
unsigned link_receive(struct link *link, unsigned core, struct link_datagram *datagrams);

/* Wait until something may have come or so many ns have passed; where the link cannot, at once. For low
 * rates. */
void link_wait(struct link *link, unsigned core, uint64_t ns);

/*
 * Replies that came and were lost on this side, since the link was opened: the port's ring or a socket's
 * buffer was full. The judge takes them for the server's losses. Main thread, while no core is at work.
 */
uint64_t link_missed(struct link *link);

/* Whether the link is up; a sentence in text[size] where it is not. Main thread, any time. */
bool link_is_up(struct link *link, char *text, size_t size);

#endif
