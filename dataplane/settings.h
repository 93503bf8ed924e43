/*
 * What the supervisor tells the dataplane when it starts it: its command line, parsed. Pure.
 */
#ifndef DATAPLANE_SETTINGS_H
#define DATAPLANE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/counters.h"
#include "dataplane/cpu_list.h"
#include "dataplane/sandbox.h"

enum port_driver { PORT_DRIVER_AUTO = 0, PORT_DRIVER_AF_XDP, PORT_DRIVER_AF_PACKET };
enum huge_pages { HUGE_PAGES_AUTO = 0, HUGE_PAGES_YES, HUGE_PAGES_NO };

struct port_settings {
	const char *name; /* "eth0", "pci:ADDRESS", "vdev:NAME[,ARGUMENTS]" */
	const char *tap;  /* exception TAP, or NULL */
	uint16_t queues;  /* 0: what the port has, at most one a worker */
	enum port_driver driver;
};

struct settings {
	const char *run_dir;
	const char *user; /* "" for the default */
	unsigned ports;
	struct port_settings port[PORTS_MAX];
	uint64_t cpus[CPU_LIST_MAX / 64]; /* for workers; none set: automatic */
	enum huge_pages huge_pages;
	const char *aead_backend; /* of nts/siv.h; NULL: the best */
	const char *packet_lane;  /* of dataplane/packet_lane.h; NULL: the best */
	enum sandbox_mode seccomp;
	bool seccomp_given;
	bool idle_poll;         /* never sleep */
	uint32_t idle_after_us; /* else sleep after this long without a packet */
	bool verbose;
};

/*
 * --run-dir DIR, --user NAME, --port NAME followed by --queues N, --driver auto|af_xdp|af_packet and --tap
 * NAME of that port, --workers LIST, --huge-pages auto|yes|no, --aead-backend NAME, --packet-lane NAME,
 * --seccomp kill|errno|off, --idle poll|USEC, --verbose. Keeps pointers into argv. False with a sentence in
 * text[size].
 */
bool settings_parse(struct settings *settings, int argc, char **argv, char *text, size_t size);

#endif
