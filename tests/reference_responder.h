/*
 * A second responder, written to be read beside the RFCs and not to be fast: what the packet path must agree
 * with, verdict by verdict and octet by octet. Shares nothing with it but the names of verdicts and the
 * structs that come in.
 */
#ifndef TESTS_REFERENCE_RESPONDER_H
#define TESTS_REFERENCE_RESPONDER_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/policy.h"
#include "dataplane/verdict.h"
#include "refclock/timebase.h"

/* What reply_prepare takes, and the packet's place in its burst. */
struct reference_moment {
	const struct timebase *timebase;
	int8_t precision;
	bool checksum_offload;
	uint64_t received, sent, random;
	unsigned index;
};

/*
 * Judge a frame and, where it is VERDICT_ANSWERED, write its reply: *reply_length octets. `reply` has room
 * for `length` octets.
 */
enum verdict reference_respond(const struct policy *policy, const struct reference_moment *moment,
	unsigned flags, uint16_t vlan_tci, const uint8_t *frame, uint16_t length, uint8_t *reply,
	uint16_t *reply_length);

#endif
