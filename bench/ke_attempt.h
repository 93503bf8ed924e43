/*
 * One key establishment with a server, from its first octet to the judgement of the response, on a socket
 * that never blocks: it is told of epoll's events (edge-triggered) and goes as far as it can. Or a connection
 * that is left at some stage, to see what the server makes of it. One thread.
 */
#ifndef BENCH_KE_ATTEMPT_H
#define BENCH_KE_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "bench/ke_reason.h"
#include "nts/ke_client.h"
#include "nts/tls.h"

/* Where a connection is left. */
enum ke_hold {
	KE_HOLD_NONE,      /* nowhere: it goes on to the end */
	KE_HOLD_TCP,       /* nothing is sent */
	KE_HOLD_HELLO,     /* our hello is sent, and nothing read */
	KE_HOLD_HANDSHAKE, /* hands are shaken, and nothing is asked */
};

enum ke_stage { KE_STAGE_CONNECT, KE_STAGE_HANDSHAKE, KE_STAGE_RESPONSE, KE_STAGE_HELD };

enum ke_progress {
	KE_PROGRESS_PENDING, /* more is to come; also while held */
	KE_PROGRESS_GOOD,    /* the response gives what NTS needs */
	KE_PROGRESS_FAILED,
	KE_PROGRESS_DROPPED, /* held, until the server closed it */
};

struct ke_failure {
	enum ke_reason reason;
	char detail[256]; /* TLS's or the system's sentence, or "" */
};

/* Keys can be exported from `tls`; called before the connection ends. False where that failed. */
typedef bool ke_established(void *opaque, struct tls *tls, const struct ke_client_response *response);

/* What all attempts share; not changed by them. */
struct ke_terms {
	struct sockaddr_storage address;
	socklen_t address_length;
	const char *name;      /* whom the certificate must be for: a name or a numeric address */
	struct ke_aeads aeads; /* offered */
	struct tls_client *tls;
	enum ke_hold hold;
	ke_established *established; /* NULL: keys are of no interest */
	void *opaque;                /* for it */
};

/* Zeroed before the first use, with fd -1. The buffer is kept from one attempt to the next. */
struct ke_attempt {
	int fd; /* -1: none */
	enum ke_stage stage;
	unsigned cookies; /* of a GOOD one */
	struct tls *tls;
	uint8_t *response;
	size_t used, room;
	/* ns of ke_attempt_now; 0: not reached */
	uint64_t begun, connected, open, ended;
};

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t ke_attempt_now(void);

/* Open a socket and connect; the caller then watches attempt->fd. False where that failed at once; the
 * attempt is then ended. */
bool ke_attempt_begin(struct ke_attempt *attempt, const struct ke_terms *terms, struct ke_failure *failure);

/* Go on after epoll's events. Whatever but PENDING comes of it, the attempt is then ended. */
enum ke_progress ke_attempt_serve(struct ke_attempt *attempt, const struct ke_terms *terms, uint32_t events,
	struct ke_failure *failure);

/* What has come too late. */
enum ke_reason ke_attempt_late(const struct ke_attempt *attempt);

/* Close it, wherever it is; nothing to do where it has ended. */
void ke_attempt_end(struct ke_attempt *attempt);

/* End it, and give back the buffer. */
void ke_attempt_free(struct ke_attempt *attempt);

#endif
