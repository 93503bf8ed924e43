/*
 * Step three of a packet's way: turn each request of a burst into its reply, in place (RFC 5905 section 9.2).
 * Pure; a struct reply belongs to one worker.
 */
#ifndef DATAPLANE_ANSWER_H
#define DATAPLANE_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/packet.h"
#include "dataplane/policy.h"
#include "refclock/timebase.h"

/* log2 seconds: the finest precision that has as many stamps below it as a burst has replies. */
enum { REPLY_PRECISION_FINEST = -27 };

enum { HOP_LIMIT = 64 }; /* of replies */

/*
 * Version and mode of a reply, by those of its request; 0 where there is none. RFC 5905 figure 20 answers
 * active (1) with passive (2) and client (3) with server (4); an NTPv1 request without a mode gets a
 * server's.
 */
extern const uint8_t reply_version_and_mode[64];

/* What all replies of a burst have in common. Words as they load from the wire unless said otherwise. */
struct reply {
	uint64_t first; /* the header's first 8 octets but version, mode and poll, which are 0 */
	int8_t min_poll;
	bool checksum_offload; /* leave only the pseudo-header's sum in UDP and nothing in IPv4 */
	uint8_t root[16];      /* root dispersion, reference id and reference time, as in the header */
	uint64_t receive;      /* the bits below the precision are 0: each reply fills them */
	uint64_t transmit;     /* likewise; later than receive by at least the precision */
	uint32_t fuzz;         /* host order: its low bits plus the packet's index fill those bits */
	uint32_t fuzz_mask;
	uint32_t sum; /* one's complement sum of first to transmit, folded */
};

/*
 * Set the burst's constants. `received` and `sent` are counter values; `sent` should be read as late as can
 * be. `random` is fresh for each burst: it fills the bits below the precision, so that stamps are unlike and
 * cannot be guessed. precision: log2 seconds, -31 to -1; finer than REPLY_PRECISION_FINEST, replies of a
 * burst have the same stamps. A burst is on one side of a leap second, that of `received`: all times of its
 * replies and their leap indicator are that side's, also where the turn comes before `sent`.
 */
void reply_prepare(struct reply *reply, const struct timebase *tb, const struct policy *policy,
	int8_t precision, bool checksum_offload, uint64_t received, uint64_t sent, uint64_t random);

/* Where the timebase says TIMEBASE_SILENT, between classify and all that answers: what would be answered gets
 * VERDICT_CLOCK_SILENT. */
void answer_silence(struct packet *packets, unsigned n);

/* Turn those of n packets whose verdict is VERDICT_ANSWERED into replies; `length` becomes the reply's.
 * Others stay. */
void answer_burst(const struct reply *reply, struct packet *packets, unsigned n);

/*
 * The two halves of the above, for replies of other lengths: first the NTP header over the request's, for the
 * packet of that number in the burst; then, when the ntp_size octets from the header on are what they will
 * stay, all before them. The request is one that classify has let pass, with at least as many octets.
 */
void answer_header(const struct reply *reply, uint8_t *ntp, unsigned index);
void answer_frame(struct packet *packet, uint16_t ntp_size, bool offload);

/*
 * The same for n packets of a burst of one length: by the places of their NTP headers and their numbers in
 * the burst, and by the burst and their numbers in it; these become PACKET_REPLY.
 */
void answer_headers(const struct reply *reply, uint8_t *const *ntp, const uint8_t *number, unsigned n);
void answer_frames(
	struct packet *packets, const uint8_t *number, unsigned n, uint16_t ntp_size, bool offload);

#endif
