/*
 * What a client of NTS sees in a reply: an opinion of its own, with nothing taken from nts/fields.c or the
 * packet path. For tests and fuzz targets.
 */
#ifndef TESTS_NTS_JUDGE_H
#define TESTS_NTS_JUDGE_H

#include <stdbool.h>

#include "dataplane/packet.h"
#include "nts/keyring.h"
#include "tests/nts_golden.h"

enum { NTS_JUDGE_ANY_COOKIES = 0 };

/*
 * What is wrong with the reply to a request of nts_golden_keys; NULL: nothing. The reply stays as it is.
 * cookies: how many it must have. The ring is what they must open under. offload: checksums are left to the
 * port.
 */
const char *nts_judge_reply(const struct nts_golden_case *request, const struct packet *reply,
	const struct keyring *ring, unsigned cookies, bool offload);

/* The same of a reply that echoes the identifier without authentication. */
const char *nts_judge_echo(const struct nts_golden_case *request, const struct packet *reply, bool offload);

/* ... and of a Kiss-o'-Death NTSN. */
const char *nts_judge_kiss(const struct nts_golden_case *request, const struct packet *reply, bool offload);

#endif
