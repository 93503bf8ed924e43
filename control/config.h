/*
 * The configuration: what the directives of tickwire.conf and the options of `tickwire run` say, checked.
 * Pure but for config_load, which reads one file. Not thread-safe on one struct config.
 */
#ifndef CONTROL_CONFIG_H
#define CONTROL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/clock_settings.h"

enum {
	CONFIG_INTERFACES = 16, /* at most, as ports of the dataplane */
	CONFIG_ADDRESSES = 8,   /* of one interface's TAP */
	CONFIG_BIND_ADDRESSES = 64,
	CONFIG_LINE = 2048,          /* octets of one line, its end included */
	CONFIG_FILE = 1024 * 1024,   /* octets of a file */
	CONFIG_IDLE_AFTER_US = 1000, /* default of idle_after_us */
	CONFIG_IDENTITIES = 16,      /* pairs of ntsservercert and ntsserverkey */
	CONFIG_PATH = 256,           /* octets of a file's name, its NUL included */
	CONFIG_METRICS_PORT = 9123,
};

/* An IPv4 (v4-mapped) or IPv6 address in the order of the wire, with a prefix length where one was given. */
struct config_address {
	uint8_t address[16];
	uint8_t prefix; /* 0-32 or 0-128; the full length where none was given */
	bool ipv6;
};

enum config_driver { CONFIG_DRIVER_AUTO = 0, CONFIG_DRIVER_AF_XDP, CONFIG_DRIVER_AF_PACKET };

/* One `interface` directive. */
struct config_interface {
	char name[256];    /* "eth0", "pci:0000:03:00.0" or "vdev:net_memif0,role=client" */
	uint16_t queues;   /* 0: as many as the port has, at most one a worker */
	uint8_t driver;    /* enum config_driver, for a kernel interface */
	char tap[16];      /* exception TAP's name, for pci: and vdev:; "" for none */
	uint8_t addresses; /* in use below */
	struct config_address address[CONFIG_ADDRESSES]; /* to be put on the TAP */
};

enum config_choice { CONFIG_AUTO = 0, CONFIG_YES, CONFIG_NO };
/* Names of nts/siv.h's back-ends, in directive.c. */
enum config_aead_backend {
	CONFIG_AEAD_AUTO = 0,
	CONFIG_AEAD_VAES512,
	CONFIG_AEAD_VAES256,
	CONFIG_AEAD_AESNI,
	CONFIG_AEAD_OPENSSL,
	CONFIG_AEAD_BACKENDS
};
/* Names of dataplane/packet_lane.h's lanes, in directive.c. */
enum config_packet_lane {
	CONFIG_PACKET_LANE_AUTO = 0,
	CONFIG_PACKET_LANE_AVX512,
	CONFIG_PACKET_LANE_GENERIC,
	CONFIG_PACKET_LANES
};
enum config_idle { CONFIG_IDLE_SLEEP = 0, CONFIG_IDLE_POLL };
/* DEFAULT: kill, but errno for the dataplane where a port is `pci:`. */
enum config_seccomp {
	CONFIG_SECCOMP_DEFAULT = 0,
	CONFIG_SECCOMP_KILL,
	CONFIG_SECCOMP_ERRNO,
	CONFIG_SECCOMP_OFF
};

/* Network time security; what chrony's directives nts* say. */
struct config_nts {
	uint8_t certificates, keys; /* as many of the one as of the other: config_finish sees to it */
	char certificate[CONFIG_IDENTITIES][CONFIG_PATH];
	char key[CONFIG_IDENTITIES][CONFIG_PATH];
	char dump_dir[CONFIG_PATH]; /* directive ntsdumpdir; "" for none */
	char server[CONFIG_PATH];   /* directive ntsntpserver; "" for none */
	uint16_t port;              /* directive ntsport */
	uint16_t threads;           /* directive ntsprocesses: 1-64 */
	uint32_t connections;       /* directive maxntsconnections: at a time */
	uint8_t gcm_siv;            /* directive ntsaeads: AEAD_AES_128_GCM_SIV is offered, too */
	uint32_t rotate_s;          /* directive ntsrotate; 0: keys are kept by somebody else, in dump_dir */
	/* Directive ntsratelimit: 2^interval seconds a connection of an address, `burst` at once; of those
	 * beyond, 1 in 2^leak is served (0: none). */
	uint8_t limited;
	int8_t interval;
	uint8_t burst, leak;
};

/*
 * Whether requests with NTS are answered at all: there are certificates, or somebody's keys. A directory
 * alone does not do: distributions' chrony.conf name one for chronyd as a client.
 */
#define CONFIG_NTS_IS_ON(config) \
	((config)->nts.certificates > 0 || ((config)->nts.rotate_s == 0 && (config)->nts.dump_dir[0] != '\0'))

/* Directive metrics: where the page for Prometheus is served. */
struct config_metrics {
	uint8_t on;
	uint8_t ipv6;        /* else IPv4 */
	uint16_t port;       /* host order */
	uint8_t address[16]; /* in the order of the wire; of IPv4 the first four octets */
};

struct config {
	uint8_t interfaces;
	struct config_interface interface[CONFIG_INTERFACES];
	char workers[256]; /* a CPU list as "2-5,8"; "" for automatic */
	uint8_t bind_addresses;
	struct config_address bind_address[CONFIG_BIND_ADDRESSES];
	uint16_t port;
	int8_t min_poll;          /* directive minpoll: the least poll value in replies, log2 seconds */
	uint8_t local_stratum;    /* 1-15; 0: no `local` directive */
	uint8_t huge_pages;       /* enum config_choice */
	uint8_t aead_backend;     /* enum config_aead_backend */
	uint8_t packet_lane;      /* enum config_packet_lane */
	uint8_t idle;             /* enum config_idle */
	uint8_t seccomp;          /* enum config_seccomp */
	uint32_t idle_after_us;   /* microseconds without a packet before a worker sleeps */
	uint32_t refresh_us;      /* directive clockrefresh: interval of the clock's line, 1000-10000 */
	uint32_t holdover_s;      /* directive holdover: seconds until an abandoned timebase turns to LI=3 */
	char user[33];            /* "" for the default */
	char chrony_run_dir[256]; /* directive chronyrundir; "" for automatic */
	struct config_nts nts;
	struct clock_settings clock;
	struct config_metrics metrics;
	int line; /* of the directive that is being applied; 0 at any other time */
};

/*
 * One problem or remark of a file. `text` is a whole sentence without a full stop: what was found and what
 * was expected. It is printable ASCII whatever the file held.
 */
struct config_message {
	bool error; /* else a warning */
	int line;   /* 1-based; 0: of the whole file or the command line */
	char text[384];
};

/* Called for each message in the order of the lines. */
typedef void config_report(void *opaque, const struct config_message *message);

/* The defaults of the directive table. */
void config_init(struct config *config);

/*
 * Apply the text of a configuration file. Every line is looked at even after an error. True where there was
 * no error; otherwise the struct is indeterminate and must not be used.
 */
bool config_parse(struct config *config, const char *text, size_t size, config_report *report, void *opaque);

/*
 * One directive as it stands in a file, from the command line ("interface eth0"); it replaces what a file
 * said, but repeatable ones add. Its messages have line 0. True where there was no error.
 */
bool config_directive(struct config *config, const char *line, config_report *report, void *opaque);

/* What can only be judged of the whole: that there is an interface, that NTS has all it needs. True where
 * there was no error. */
bool config_finish(const struct config *config, config_report *report, void *opaque);

/* Read a file (at most 1 MiB) and config_parse it. A file that cannot be read is a message at line 0. */
bool config_load(struct config *config, const char *file, config_report *report, void *opaque);

/*
 * The names of the directives, separated by ", ", whose values differ so that only a restart applies them; ""
 * for none. Cut off where size is too small.
 */
void config_restart_needed(const struct config *old, const struct config *new, char *names, size_t size);

/* Likewise those whose `applied` in the table is this one (APPLIED_BY_* in control/directive.h). */
void config_changed(
	const struct config *old, const struct config *new, const char *applied, char *names, size_t size);

/* Indexed by enum config_aead_backend: "auto", and what tickwire-dataplane knows the others by. */
extern const char *const config_aead_backend_name[CONFIG_AEAD_BACKENDS];

/* Likewise, by enum config_packet_lane. */
extern const char *const config_packet_lane_name[CONFIG_PACKET_LANES];

#endif
