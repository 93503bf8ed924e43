/* Replies to usual requests, four at a time: see dataplane/packet_lane.h. */
#include "dataplane/answer.h"
#include "dataplane/checksum.h"
#include "dataplane/packet_lane.h"
#include "dataplane/reply_columns_x86.h"
#include "dataplane/verdict.h"
#include "ntp/octets.h"

COLUMNS_X86_BEGIN

/* a | b | c, and a | (b & mask): one instruction each, which not every compiler finds. */
static inline __m512i all_of(__m512i a, __m512i b, __m512i c)
{
	return _mm512_ternarylogic_epi32(a, b, c, 0xfe);
}

static inline __m512i with_bits(__m512i a, __m512i b, __m512i mask)
{
	return _mm512_ternarylogic_epi32(a, b, mask, 0xf8);
}

/* Columns of replies, with what all of a burst have in common. */
struct template
{
	__m512i ip, udp, middle, origin, stamps;
	__m512i version_and_mode, min_poll;
	__m512i fuzz, fuzz_mask;
	__m512i udp_sum, ip_sum; /* from these on words are added */
};

static inline struct template make_template(const struct reply *reply, bool offload)
{
	const uint64_t dispersion_and_id = load_raw64(reply->root), reference = load_raw64(reply->root + 8);
	const uint64_t delay = reply->first >> 32, reference_end = reference >> 32;
	const int length = DWORD(0x45, 0, USUAL_IP_LENGTH >> 8, USUAL_IP_LENGTH & 0xff);
	/* Of the middle column, and 1 more: see finish_four. */
	const uint64_t middle = checksum_add64(delay + (uint32_t)reference + 1, dispersion_and_id);
	const int mask = (int)reply->fuzz_mask;

	return (struct template){
		/* don't fragment */
		.ip = columns_of_dwords(
			length, DWORD(0, 0, 0x40, 0), DWORD(HOP_LIMIT, PROTOCOL_UDP, 0, 0), 0),
		.udp = columns_of_dwords(0, 0, DWORD(0, USUAL_UDP_LENGTH, 0, 0), (int)(uint32_t)reply->first),
		.middle = columns_of_qwords(
			delay | dispersion_and_id << 32, dispersion_and_id >> 32 | reference << 32),
		.origin = columns_of_qwords(reference_end, reply->receive << 32),
		.stamps = columns_of_qwords(reply->receive, reply->transmit),
		.version_and_mode = _mm512_loadu_si512(reply_version_and_mode),
		.min_poll = _mm512_set1_epi8(reply->min_poll),
		.fuzz = _mm512_add_epi32(_mm512_set1_epi32((int)reply->fuzz),
			_mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3)),
		.fuzz_mask = columns_of_dwords(0, mask, 0, mask),
		.udp_sum = offload ? first_sum(1, usual_pseudo_sum())
				   : first_sum(3, usual_pseudo_sum() + checksum_fold(middle)),
		.ip_sum = first_sum(1, (uint32_t)OCTETS_BE16(0x4500) + OCTETS_BE16(USUAL_IP_LENGTH)),
	};
}

/* Four replies that lack their checksums, and the sums that these come from, spread over each lane's dwords.
 */
struct unsummed {
	uint8_t *frame[COLUMNS];
	__m512i ip, udp, ip_sum, udp_sum;
};

static inline __m512i swapped_macs(__m512i ethernet)
{
	return _mm512_shuffle_epi8(
		ethernet, columns_of(_mm_setr_epi8(6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 12, 13, 14, 15)));
}

/* The source is what was the destination. */
static inline __m512i make_ip(const struct template *t, __m512i udp)
{
	const __m512i destination =
		columns_of(_mm_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 1, 2, 3));

	return _mm512_or_si512(_mm512_shuffle_epi8(udp, destination), t->ip);
}

/* Destination, UDP header, and what stands in NTP's first word. */
static inline __m512i make_udp(const struct template *t, __m512i ip, __m512i udp)
{
	const __m512i source =
		columns_of(_mm_setr_epi8(12, 13, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1));
	const __m512i ports_and_asked =
		columns_of(_mm_setr_epi8(-1, -1, -1, -1, 6, 7, 4, 5, -1, -1, -1, -1, 12, -1, 14, -1));
	const __mmask64 lvm = UINT64_C(0x1000100010001000), poll = lvm << offsetof(struct ntp_header, poll);
	__m512i asked = _mm512_shuffle_epi8(udp, ports_and_asked);

	asked = _mm512_mask_permutexvar_epi8(asked, lvm, asked, t->version_and_mode);
	asked = _mm512_mask_max_epi8(asked, poll, asked, t->min_poll);
	return all_of(asked, _mm512_shuffle_epi8(ip, source), t->udp);
}

static inline __m512i make_origin(const struct template *t, __m512i stamps)
{
	const __m512i transmit =
		columns_of(_mm_setr_epi8(-1, -1, -1, -1, 8, 9, 10, 11, 12, 13, 14, 15, -1, -1, -1, -1));

	return _mm512_or_si512(_mm512_shuffle_epi8(stamps, transmit), t->origin);
}

SPECIALISED struct unsummed begin_four(
	const struct template *t, const struct packet *packets, __m512i fuzz, bool offload)
{
	struct unsummed r = {.frame = {packets[0].data, packets[1].data, packets[2].data, packets[3].data}};
	const __m512i ethernet = columns_load(r.frame, COLUMN_ETHERNET);
	const __m512i ip = columns_load(r.frame, COLUMN_IP), udp = columns_load(r.frame, COLUMN_UDP);
	const __m512i old_stamps = columns_load(r.frame, COLUMN_STAMPS);
	const __m512i stamps = make_stamps(t->stamps, fuzz, t->fuzz_mask, old_stamps),
		      origin = make_origin(t, old_stamps);
	__m512i addresses;

	columns_store(r.frame, COLUMN_ETHERNET, swapped_macs(ethernet));
	r.ip = make_ip(t, udp);
	r.udp = make_udp(t, ip, udp);
	/* The IP header as its columns have it, with the destination in place of its first dword. */
	addresses = _mm512_mask_blend_epi32(FIRST_DWORDS, r.ip, r.udp);
	r.ip_sum = add_words(t->ip_sum, addresses);
	if (offload) {
		r.udp_sum =
			add_words(t->udp_sum, _mm512_maskz_mov_epi32(FIRST_DWORDS | LAST_DWORDS, addresses));
	} else {
		r.udp_sum = add_words(t->udp_sum, stamps);
		/* The last dword of the origin's column is the receive stamp's, which is in `stamps`. */
		r.udp_sum = add_words(r.udp_sum, _mm512_mask_blend_epi32(LAST_DWORDS, origin, r.ip));
		r.udp_sum = add_words(r.udp_sum, r.udp);
	}
	columns_store(r.frame, COLUMN_MIDDLE, t->middle);
	columns_store(r.frame, COLUMN_ORIGIN, origin);
	columns_store(r.frame, COLUMN_STAMPS, stamps);
	return r;
}

/*
 * Put both checksums in. A UDP checksum of zero would mean that there is none, and 0xffff has to stand for
 * it: that is what comes of a sum that began with 1 too much and is taken from 0 instead of 0xffff. Others
 * come to the same.
 */
SPECIALISED void finish_four(const struct unsummed *r, bool offload)
{
	const __m512i checksum = columns_of_dwords(0, 0, (int)0xffff0000, 0);
	__m512i sum, ip = r->ip, udp;

	sum = folded_sums(r->ip_sum, r->udp_sum);
	if (!offload) {
		sum = _mm512_sub_epi16(columns_of_dwords(-1, 0, -1, 0), sum);
		ip = with_bits(ip, sum, checksum);
	}
	sum = _mm512_shuffle_epi32(sum, (_MM_PERM_ENUM)_MM_SHUFFLE(1, 1, 1, 1));
	udp = with_bits(r->udp, sum, checksum);
	columns_store_two(r->frame, COLUMN_IP, ip, udp);
}

/* Whether all four are to be answered, without a tag and IPv4. */
static inline bool are_usual(const struct packet *packets)
{
	const __m512i care = columns_of_dwords(0, 0, 0, DWORD(0, 0xff, 0xff, 0xff));
	const __m512i usual = columns_of_dwords(0, 0, 0, DWORD(0, VERDICT_ANSWERED, USUAL_L3, false));

	return !_mm512_cmpneq_epi32_mask(_mm512_and_si512(_mm512_loadu_si512(packets), care), usual);
}

/*
 * From the packet `first` up to the first four that are not all usual; the number between. Four are begun
 * before those ahead of them are finished: a reply waits longer for its checksum than a core looks ahead.
 */
SPECIALISED unsigned answer_fours(
	const struct reply *reply, struct packet *packets, unsigned first, unsigned n, bool offload)
{
	struct template t;
	struct unsummed last;
	__m512i fuzz;
	unsigned i = first;

	if (i + COLUMNS > n || !are_usual(packets + i))
		return 0;
	t = make_template(reply, offload);
	fuzz = _mm512_add_epi32(t.fuzz, _mm512_set1_epi32((int)first));
	last = begin_four(&t, packets + i, fuzz, offload);
	for (i += COLUMNS; i + COLUMNS <= n && are_usual(packets + i); i += COLUMNS) {
		struct unsummed next;

		fuzz = _mm512_add_epi32(fuzz, _mm512_set1_epi32(COLUMNS));
		next = begin_four(&t, packets + i, fuzz, offload);
		finish_four(&last, offload);
		last = next;
	}
	finish_four(&last, offload);
	for (unsigned j = first; j < i; j++)
		packets[j].length = USUAL_LENGTH;
	return i - first;
}

/* A packet's number in the burst is part of its stamps. */
static void answer_generic(const struct reply *reply, struct packet *packets, unsigned first, unsigned n)
{
	struct reply rest = *reply;

	rest.fuzz += first;
	answer_burst(&rest, packets + first, n);
}

SPECIALISED void answer(const struct reply *reply, struct packet *packets, unsigned n, bool offload)
{
	for (unsigned i = 0, first; i < n;) {
		i += answer_fours(reply, packets, i, n, offload);
		/* The others up to the next four that are usual. */
		first = i;
		while (i < n && (i + COLUMNS > n || !are_usual(packets + i)))
			i = i + COLUMNS < n ? i + COLUMNS : n;
		if (first < i)
			answer_generic(reply, packets, first, i - first);
	}
}

void answer_burst_avx512(const struct reply *reply, struct packet *packets, unsigned n)
{
	if (reply->checksum_offload)
		answer(reply, packets, n, true);
	else
		answer(reply, packets, n, false);
}

COLUMNS_X86_END
