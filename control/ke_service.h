/*
 * What tickwire-ke does for its supervisor (control/ke_channel.h): identities come in, keys go out, questions
 * are answered. The main thread's.
 */
#ifndef CONTROL_KE_SERVICE_H
#define CONTROL_KE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "control/ke_channel.h"
#include "control/ke_keys.h"
#include "control/ke_server.h"
#include "ntp/shm.h"
#include "nts/tls.h"

enum {
	KE_CERTIFICATE_MAX = 65536, /* octets of a file, the chain included */
	KE_KEY_MAX = 16384,
};

struct ke_service {
	int channel;
	unsigned threads;
	struct shm segment;
	struct ke_server *server;
	struct ke_keys keys;
	uint64_t published, saved;         /* keys.changes then */
	struct tls_server *identities;     /* NULL: none yet */
	char *certificate[TLS_IDENTITIES]; /* their files' names */
	bool ready;                        /* said */
	struct ke_message message;
};

/* Take and answer what the supervisor has sent. False where it is gone, or the ports cannot be opened. */
bool ke_service_hear(struct ke_service *service);

/* Do what is due with the keys. Milliseconds until there is more, at most a second: the clock may be set. */
int ke_service_tick(struct ke_service *service);

/* Erase keys and let go of identities; server, segment and channel stay the caller's. */
void ke_service_end(struct ke_service *service);

/* The status, see control/ke_channel.h: a text to be freed; NULL where memory is short. */
char *ke_status_text(const struct ke_service *service);

#endif
