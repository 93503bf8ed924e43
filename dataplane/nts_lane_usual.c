/* The NTS lane's usual requests (nts/usual.h): lists of pointers, from classify to the reply. */
#include <string.h>

#include "dataplane/nts_lane_private.h"
#include "dataplane/packet_lane.h"
#include "ntp/octets.h"
#include "ntp/packet.h"

/* List usual requests from packet i on, up to one that is of another kind or in another sort of frame: its
 * number. */
static unsigned take_alike(struct nts_lane *lane, const struct packet *packets, unsigned i, unsigned n)
{
	const struct packet *first = &packets[i];
	const uint32_t alike = load_raw32(&first->flags);
	const size_t ntp = first->l3 + (first->is_ipv6 ? IPV6_HEADER : IPV4_HEADER) + (size_t)UDP_HEADER;
	struct nts_usual_list *list =
		&lane->usual[first->flags & PACKET_NTS_USUAL_SIV ? NTS_USUAL_SIV : NTS_USUAL_GCM_SIV];
	struct siv_lanes_keys *keys = lane->keys + lane->requests;
	unsigned at = list->n;

	static_assert(offsetof(struct packet, is_ipv6) == offsetof(struct packet, flags) + 3, "one word");
	do {
		list->number[at] = (uint8_t)i;
		list->packet[at] = packets[i].data + ntp;
		list->keys[at++] = keys++;
	} while (++i < n && load_raw32(&packets[i].flags) == alike);
	list->n = at;
	lane->requests = (unsigned)(keys - lane->keys);
	return i;
}

unsigned nts_lane_usual_take(struct nts_lane *lane, const struct packet *packets, unsigned n, ntp64 now)
{
	if (!nts_burst_takes_usual(lane->crypto, now))
		return 0;
	for (unsigned i = 0; i < n;)
		i = packets[i].flags & PACKET_NTS_USUAL ? take_alike(lane, packets, i, n) : i + 1;
	return PACKET_NTS_USUAL;
}

static void refuse(struct nts_lane *lane, const struct nts_usual_list *list, unsigned i,
	struct packet *packets, unsigned verdict, unsigned *kisses)
{
	struct usual_kisses *to = &lane->kisses;

	packets[list->number[i]].verdict = (uint8_t)verdict;
	if (*kisses == 0 || verdict_info[verdict].disposition != DISPOSITION_REFUSE)
		return;
	--*kisses;
	to->number[to->n] = list->number[i];
	to->packet[to->n++] = list->packet[i];
}

/* Refuse those of a list that fail, for what `verdict_of` says of their results; the others stay. */
static __attribute__((noinline)) void keep(struct nts_lane *lane, struct nts_usual_list *list,
	const uint8_t *results, const uint8_t *verdict_of, struct packet *packets, unsigned *kisses)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < list->n; i++) {
		const unsigned verdict = verdict_of[results[i]];

		if (verdict != VERDICT_NTS_ANSWERED) {
			refuse(lane, list, i, packets, verdict, kisses);
			continue;
		}
		if (kept != i)
			nts_usual_list_copy(list, kept, i);
		kept++;
	}
	list->n = kept;
}

/* Likewise, of results that are mostly good. */
static void keep_good(struct nts_lane *lane, struct nts_usual_list *list, const bool *good,
	enum verdict otherwise, struct packet *packets, unsigned *kisses)
{
	const uint8_t verdict_of[2] = {(uint8_t)otherwise, VERDICT_NTS_ANSWERED};

	static_assert(sizeof(bool) == sizeof(uint8_t), "an octet for each");
	if (memchr(good, false, list->n))
		keep(lane, list, (const uint8_t *)good, verdict_of, packets, kisses);
}

void nts_lane_usual_open(struct nts_lane *lane, struct packet *packets, ntp64 now, unsigned *kisses)
{
	for (unsigned kind = 0; kind < NTS_USUALS; kind++) {
		struct nts_usual_list *list = &lane->usual[kind];
		uint8_t verdict[NTS_BURST_MAX];

		if (list->n == 0)
			continue;
		if (!nts_burst_usual_open(lane->crypto, list, &nts_usual[kind], now, verdict))
			keep(lane, list, verdict, nts_lane_verdict_of_cookie, packets, kisses);
	}
}

void nts_lane_usual_verify(struct nts_lane *lane, struct packet *packets, unsigned *kisses)
{
	for (unsigned kind = 0; kind < NTS_USUALS; kind++) {
		struct nts_usual_list *list = &lane->usual[kind];
		bool good[NTS_BURST_MAX];

		if (list->n == 0)
			continue;
		nts_burst_usual_verify(lane->crypto, list, &nts_usual[kind], good);
		keep_good(lane, list, good, VERDICT_NTS_FORGED, packets, kisses);
	}
}

void nts_lane_usual_bake(struct nts_lane *lane, struct packet *packets, const struct keyring_key *key,
	unsigned replies, unsigned *kisses)
{
	const uint8_t(*nonce)[NONCE] = (const uint8_t(*)[NONCE])lane->nonce;

	for (unsigned kind = 0; kind < NTS_USUALS; kind++) {
		struct nts_usual_list *list = &lane->usual[kind];
		const unsigned n = list->n;
		bool good[NTS_BURST_MAX] = {false};

		if (n == 0)
			continue;
		if (key)
			nts_burst_usual_bake(
				lane->crypto, list, &nts_usual[kind], key, nonce, nonce + replies, good);
		keep_good(lane, list, good, VERDICT_NTS_FAILED, packets, kisses);
		nonce += n;
	}
}

/* What tells a kiss from a reply (RFC 5905 section 7.4, RFC 8915 section 5.7). */
static struct reply kiss_of(const struct reply *reply)
{
	static const uint8_t ntsn[4] = {'N', 'T', 'S', 'N'};
	struct reply kiss = *reply;

	kiss.first |= join_raw32(place_octet(NTP_LEAP_UNSYNC << 6, 0), 0);
	kiss.first &= ~join_raw32(place_octet(UINT8_MAX, offsetof(struct ntp_header, stratum)), 0);
	memcpy(kiss.root + offsetof(struct ntp_header, refid) - offsetof(struct ntp_header, root_dispersion),
		ntsn, sizeof(ntsn));
	return kiss;
}

void nts_lane_usual_headers(struct nts_lane *lane, const struct reply *reply)
{
	const struct usual_kisses *kisses = &lane->kisses;

	for (unsigned kind = 0; kind < NTS_USUALS; kind++)
		lane->packet_lane->headers(
			reply, lane->usual[kind].packet, lane->usual[kind].number, lane->usual[kind].n);
	if (kisses->n > 0) {
		const struct reply kiss = kiss_of(reply);

		lane->packet_lane->headers(&kiss, kisses->packet, kisses->number, kisses->n);
	}
}

void nts_lane_usual_seal(struct nts_lane *lane, struct packet *packets, bool offload)
{
	unsigned no_kisses = 0;

	for (unsigned kind = 0; kind < NTS_USUALS; kind++) {
		struct nts_usual_list *list = &lane->usual[kind];
		bool good[NTS_BURST_MAX];

		if (list->n == 0)
			continue;
		nts_burst_usual_seal(lane->crypto, list, &nts_usual[kind], good);
		keep_good(lane, list, good, VERDICT_NTS_FAILED, packets, &no_kisses);
		lane->packet_lane->frames(
			packets, list->number, list->n, nts_usual[kind].reply.size, offload);
	}
	lane->packet_lane->frames(packets, lane->kisses.number, lane->kisses.n, NTS_USUAL_ECHO, offload);
}
