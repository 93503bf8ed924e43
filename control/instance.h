/*
 * What the supervisor alone knows of a running tickwire, for tickwire-metrics: its daemons, the programs in
 * the kernel, the verdict that the health file has, and what tickwire-ke has said of itself.
 *
 * Writer: the supervisor, once a second. Readers: tickwire-metrics. Texts are cut off where they do not fit,
 * and have a NUL.
 */
#ifndef CONTROL_INSTANCE_H
#define CONTROL_INSTANCE_H

#include <assert.h>
#include <stdint.h>

#include "control/config.h"
#include "control/ke_outcome.h"
#include "ntp/shm.h"
#include "nts/keyring.h"

enum { INSTANCE_DAEMONS = 4 };

struct instance_daemon {
	char name[28];
	uint32_t restarts; /* since the supervisor's start */
	int64_t pid;       /* 0: it does not run */
	double uptime;     /* s */
};

struct instance_path {
	char interface[16];
	uint64_t redirected, no_socket, dropped; /* dataplane/kernel_path.h */
};

struct instance_certificate {
	char file[CONFIG_PATH];
	char kind[32];                 /* of the key, as "EC prime256v1" */
	int64_t not_before, not_after; /* Unix time */
};

struct instance_key {
	char id[9];                    /* hexadecimal */
	char state[15];                /* "future", "current", "old" or "expired" */
	int64_t not_before, not_after; /* Unix time */
};

/* What is wrong with network time security, from the supervisor's side. */
enum instance_nts_failure {
	INSTANCE_NTS_IDENTITY, /* certificates and private keys that cannot be used */
	INSTANCE_NTS_KEYS,     /* cookie keys that somebody else keeps and that cannot be used */
	INSTANCE_NTS_DUMP,     /* cookie keys are not safe on the disk */
	INSTANCE_NTS_FAILURES
};

struct instance_nts {
	uint8_t on; /* the rest is zeros else */
	uint8_t running;
	uint8_t failure[INSTANCE_NTS_FAILURES]; /* 1: yes */
	uint8_t reserved[3];
	uint64_t rotations, connections, accepted;
	uint64_t outcome[KE_OUTCOME_COUNT]; /* connections that ended so */
	uint32_t certificates, keys;        /* in use below */
	struct instance_certificate certificate[CONFIG_IDENTITIES];
	struct instance_key key[KEYRING_KEYS];
};

struct instance {
	uint8_t ready;              /* the workers answer */
	uint8_t rung;               /* of control/health.h: enum ladder_rung */
	uint8_t health_file_failed; /* 1: it could not be written */
	uint8_t reserved[5];
	char reason[128];        /* of the rung, a sentence */
	uint32_t daemons, paths; /* in use below */
	struct instance_daemon daemon[INSTANCE_DAEMONS];
	struct instance_path path[CONFIG_INTERFACES];
	struct instance_nts nts;
};
static_assert(sizeof(struct instance) % 8 == 0, "copied by words");

#define INSTANCE_CONTRACT       \
	((struct shm_contract){ \
		"instance", SHM_MAGIC('T', 'W', 'I', 'N', 'S', 'T', 'N', 'C'), 1, sizeof(struct instance)})

#endif
