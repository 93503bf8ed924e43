/* Which requests are usual, four at a time: see dataplane/packet_lane.h. */
#include "dataplane/classify.h"
#include "dataplane/columns_x86.h"
#include "dataplane/packet_lane.h"
#include "ntp/octets.h"
#include "nts/usual.h"

enum { NTP_AT = USUAL_L3 + IPV4_HEADER + UDP_HEADER };

/* A number as its word lies in memory in network order. */
#define WORD_BE(number) WORD((number) >> 8, (number)&0xff)

COLUMNS_X86_BEGIN

/*
 * A test of the 8 words of a column: `order` takes the octets that are asked about, some of them twice; those
 * bits under `care` count, and the word that is left must be `range` at most above `least`.
 */
struct range_test {
	__m512i order, care, least, range;
};

/* A bit for each word that fails. */
static inline uint64_t out_of_range(__m512i columns, const struct range_test *test)
{
	const __m512i asked = _mm512_and_si512(_mm512_shuffle_epi8(columns, test->order), test->care);

	return _mm512_cmpgt_epu16_mask(_mm512_sub_epi16(asked, test->least), test->range);
}

static inline __m512i words(
	int16_t a, int16_t b, int16_t c, int16_t d, int16_t e, int16_t f, int16_t g, int16_t h)
{
	return columns_of(_mm_setr_epi16(a, b, c, d, e, f, g, h));
}

/*
 * In this order: version and header length, total length, source, fragment, protocol; the source once more. A
 * source is host order here, from 1.0.0.0 to 223.255.255.255 and not in 127.0.0.0/8.
 */
static inline struct range_test test_of_ip(unsigned udp_length)
{
	return (struct range_test){
		.order = columns_of(_mm_setr_epi8(0, 1, 2, 3, 13, 12, 6, 7, 8, 9, -1, -1, 13, 12, -1, -1)),
		.care = words(WORD(0xff, 0), -1, -1, WORD_BE(0x3fff), WORD(0, 0xff), 0, -1, 0),
		.least = words(WORD(0x45, 0), WORD_BE(IPV4_HEADER + udp_length), 0x0100, 0,
			WORD(0, PROTOCOL_UDP), 0, (int16_t)0x8000, 0),
		.range = words(0, 0, (int16_t)(0xdfff - 0x0100), 0, 0, 0, (int16_t)0xfeff, 0)};
}

/* A kind of usual requests: those with 48 octets of NTP, or of NTS. */
struct kind {
	unsigned udp_length;
	unsigned version, mode, any_bits; /* versions from this one to 4; modes but for these bits */
	uint8_t verdict, flag;            /* what they get; of NTS, PACKET_NTS_USUAL's */
	const struct nts_usual *nts;      /* NULL: no fields */
};

/* Destination, ports, UDP length; version; mode. */
static inline struct range_test test_of_udp(
	const struct policy *policy, uint32_t destination, const struct kind *kind)
{
	return (struct range_test){
		.order = columns_of(_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, -1, 12, -1, -1, -1)),
		.care = words(-1, -1, -1, -1, -1, 7 << 3, (int16_t)(7 & ~kind->any_bits), 0),
		.least = words((int16_t)destination, (int16_t)(destination >> 16), 1,
			WORD_BE(policy->ntp_port), WORD_BE(kind->udp_length), (int16_t)(kind->version << 3),
			(int16_t)kind->mode, 0),
		.range = words(0, 0, (int16_t)(UINT16_MAX - 1), 0, 0,
			(int16_t)((NTP_VERSION_MAX - kind->version) << 3), 0, 0)};
}

/* policy.source_filter and what is the same in the hashes of all IPv4 addresses. */
struct own_test {
	__m512i filter, factor, sum;
};

static inline struct own_test test_of_own(const struct policy *policy)
{
	/* served_hash of ::ffff:0.0.0.0, to whose upper half an address adds its product with the factor. */
	const uint64_t mapped = OCTETS_BE32(UINT32_C(0xffff));

	return (struct own_test){.filter = _mm512_broadcast_i64x4(
					 _mm256_loadu_si256((const __m256i_u *)policy->source_filter)),
		.factor = _mm512_set1_epi32((int)(uint32_t)served_hash(0, 1)),
		.sum = _mm512_set1_epi32((int)(served_hash(0, mapped) >> 32))};
}

/* A bit for each source that the filter does not rule out as one of ours: see source_filter_word and _bit. */
static inline uint64_t may_be_own(__m512i ip, const struct own_test *test)
{
	const __m512i hash = _mm512_add_epi32(_mm512_mullo_epi32(ip, test->factor), test->sum);
	const __m512i dword = _mm512_permutexvar_epi32(_mm512_srli_epi32(hash, 47 - 32 + 5), test->filter);
	const __m512i bit = _mm512_rorv_epi32(dword, _mm512_srli_epi32(hash, 47 - 32));

	return _mm512_mask_test_epi32_mask(0x8888, bit, _mm512_set1_epi32(1));
}

/* Whether one of the frames has a group address, or is not of IPv4. */
static inline uint64_t is_odd_ethernet(__m512i ethernet)
{
	const __m512i care =
		columns_of_dwords(DWORD(1, 0, 0, 0), DWORD(0, 0, 1, 0), 0, DWORD(0xff, 0xff, 0, 0));
	const __m512i usual = columns_of_dwords(0, 0, 0, DWORD(0x08, 0x00, 0, 0));

	return _mm512_cmpneq_epu32_mask(_mm512_and_si512(ethernet, care), usual);
}

/* Whether all four frames are as long as that, in one buffer and without a tag beside them; and verified by
 * the port, unless they are to be verified here. */
SPECIALISED bool are_usual_frames(__m512i packets, int length, bool verify)
{
	const unsigned good = verify ? 0 : PACKET_IP_CHECKSUM_GOOD | PACKET_UDP_CHECKSUM_GOOD;
	const __m512i care =
		columns_of_dwords(0, 0, UINT16_MAX, (int)(good | PACKET_VLAN_STRIPPED | PACKET_SEGMENTED));
	const __m512i least = columns_of_dwords(0, 0, length, (int)good);
	const __m512i range = columns_of_dwords(0, 0, UINT16_MAX - length, 0);

	return !_mm512_cmpgt_epu32_mask(_mm512_sub_epi32(_mm512_and_si512(packets, care), least), range);
}

/* Whether one of the checksums is not right; a UDP checksum that is left out is none that is. */
static inline uint64_t is_wrong(uint8_t *const frame[COLUMNS], __m512i ip, __m512i udp)
{
	const __m512i halves = _mm512_set1_epi32(UINT16_MAX), right = _mm512_set1_epi32(-1);
	const __m512i stamps = columns_load(frame, COLUMN_STAMPS);
	__m512i ip_sum = first_sum(2, 0), udp_sum = first_sum(5, usual_pseudo_sum());

	ip_sum = add_words(ip_sum, ip);
	ip_sum = add_words(ip_sum, _mm512_maskz_mov_epi32(FIRST_DWORDS, udp));
	udp_sum = add_words(udp_sum, columns_load(frame, COLUMN_MIDDLE));
	udp_sum = add_words(udp_sum, columns_load(frame, COLUMN_ORIGIN));
	/* its first dword is the last of the column before */
	udp_sum = add_words(udp_sum, _mm512_maskz_mov_epi32(NOT_FIRST_DWORDS, stamps));
	udp_sum = add_words(udp_sum, _mm512_maskz_mov_epi32(LAST_DWORDS, ip));
	udp_sum = add_words(udp_sum, udp);
	return _mm512_cmpneq_epi32_mask(_mm512_or_si512(folded_sums(ip_sum, udp_sum), halves), right);
}

/* The same, of requests of NTS. */
static inline uint64_t is_wrong_nts(
	uint8_t *const frame[COLUMNS], __m512i ip, __m512i udp, unsigned udp_length)
{
	const __m512i halves = _mm512_set1_epi32(UINT16_MAX), right = _mm512_set1_epi32(-1);
	const unsigned length = USUAL_L3 + IPV4_HEADER + udp_length;
	__m512i ip_sum = first_sum(2, 0), udp_sum = first_sum(0, pseudo_sum(udp_length));

	ip_sum = add_words(ip_sum, ip);
	ip_sum = add_words(ip_sum, _mm512_maskz_mov_epi32(FIRST_DWORDS, udp));
	udp_sum = add_lines(udp_sum, frame, lines_of(length), LINE_ADDRESSES_ON, last_words_of(length));
	return _mm512_cmpneq_epi32_mask(_mm512_or_si512(folded_sums(ip_sum, udp_sum), halves), right);
}

/* Whether the head of one of the fields is another. They are put together into one column. */
static inline uint64_t has_other_heads(uint8_t *const frame[COLUMNS], const struct nts_usual *usual)
{
	enum { SECOND_DWORDS = 0x2222 };
	const __m512i heads = columns_of(column_load(usual->heads));
	/* the authenticator's are the last 8 octets */
	__m512i found = columns_load(frame, NTP_AT + usual->request.ad_size - COLUMN / 2);

	found = _mm512_mask_blend_epi32(FIRST_DWORDS, found, columns_load(frame, NTP_AT + NTS_USUAL_FIELDS));
	found = _mm512_mask_blend_epi32(
		SECOND_DWORDS, found, columns_load(frame, NTP_AT + NTS_USUAL_COOKIE - COLUMN / 4));
	return _mm512_cmpneq_epi32_mask(found, heads);
}

/* Give verdicts up to the first four that are not all usual requests of this kind to this destination, which
 * is served; the number before them. */
SPECIALISED unsigned classify_fours(const struct policy *policy, uint32_t destination,
	const struct kind *kind, struct packet *packets, unsigned n, bool nts, bool verify)
{
	const struct range_test ip_test = test_of_ip(kind->udp_length),
				udp_test = test_of_udp(policy, destination, kind);
	const struct own_test own_test = test_of_own(policy);
	const __m512i results = columns_of_dwords(0, 0, 0, DWORD(0, 0xff, 0xff, 0xff));
	const __m512i answered =
		columns_of_dwords(0, 0, 0, DWORD(kind->flag, kind->verdict, USUAL_L3, false));
	const int length = (int)(USUAL_L3 + IPV4_HEADER + kind->udp_length);
	unsigned i;

	for (i = 0; i + COLUMNS <= n; i += COLUMNS) {
		uint8_t *const frame[COLUMNS] = {
			packets[i].data, packets[i + 1].data, packets[i + 2].data, packets[i + 3].data};
		__m512i four = _mm512_loadu_si512(&packets[i]), ip, udp;

		if (!are_usual_frames(four, length, verify))
			break;
		ip = columns_load(frame, COLUMN_IP);
		udp = columns_load(frame, COLUMN_UDP);
		if (is_odd_ethernet(columns_load(frame, COLUMN_ETHERNET)) | out_of_range(ip, &ip_test) |
			out_of_range(udp, &udp_test) | may_be_own(ip, &own_test))
			break;
		if (nts && has_other_heads(frame, kind->nts))
			break;
		if (verify &&
			(nts ? is_wrong_nts(frame, ip, udp, kind->udp_length) : is_wrong(frame, ip, udp)))
			break;
		four = _mm512_or_si512(_mm512_andnot_si512(results, four), answered);
		_mm512_storeu_si512(&packets[i], four);
	}
	return i;
}

/* Modes active and client, which are one bit apart. */
static const struct kind plain = {.udp_length = USUAL_UDP_LENGTH,
	.version = NTP_VERSION_MIN,
	.mode = NTP_MODE_ACTIVE,
	.any_bits = NTP_MODE_ACTIVE ^ NTP_MODE_CLIENT,
	.verdict = VERDICT_ANSWERED};
static_assert((NTP_MODE_ACTIVE ^ NTP_MODE_CLIENT) == 2, "a bit that does not count");

static unsigned plain_verified(
	const struct policy *policy, uint32_t destination, struct packet *packets, unsigned n)
{
	return classify_fours(policy, destination, &plain, packets, n, false, false);
}

static unsigned plain_to_verify(
	const struct policy *policy, uint32_t destination, struct packet *packets, unsigned n)
{
	return classify_fours(policy, destination, &plain, packets, n, false, true);
}

static unsigned nts_verified(const struct policy *policy, uint32_t destination, const struct kind *kind,
	struct packet *packets, unsigned n)
{
	return classify_fours(policy, destination, kind, packets, n, true, false);
}

static unsigned nts_to_verify(const struct policy *policy, uint32_t destination, const struct kind *kind,
	struct packet *packets, unsigned n)
{
	return classify_fours(policy, destination, kind, packets, n, true, true);
}

COLUMNS_X86_END

/* Whether these four look usual at a glance: what is not to be tried costs little. */
static inline bool look_usual(const struct packet *packets)
{
	for (unsigned i = 0; i < COLUMNS; i++)
		if (packets[i].flags & (PACKET_VLAN_STRIPPED | PACKET_SEGMENTED) ||
			packets[i].length < USUAL_LENGTH ||
			load_raw16(packets[i].data + USUAL_L3 - 2) != OCTETS_BE16(0x0800))
			return false;
	return true;
}

static inline bool is_verified(const struct packet *packet)
{
	const unsigned good = PACKET_IP_CHECKSUM_GOOD | PACKET_UDP_CHECKSUM_GOOD;

	return (packet->flags & good) == good;
}

static inline bool is_served_untagged(const struct policy *policy, uint32_t destination)
{
	return policy_is_served(policy, 0, join_raw32(OCTETS_BE32(UINT32_C(0xffff)), destination), 0);
}

/* Of NTS, the kind that is as long; false where there is none. */
static bool nts_kind_of(struct kind *kind, unsigned udp_length)
{
	for (unsigned k = 0; k < NTS_USUALS; k++)
		if (udp_length == (unsigned)UDP_HEADER + nts_usual[k].request.size) {
			*kind = (struct kind){.udp_length = udp_length,
				.version = 4,
				.mode = NTP_MODE_CLIENT,
				.verdict = VERDICT_NTS_ANSWERED,
				.flag = (uint8_t)(PACKET_NTS_USUAL_SIV << k),
				.nts = &nts_usual[k]};
			return true;
		}
	return false;
}

/* How many are usual requests of one kind from here on; 0 where it is not worth while to look. */
static inline unsigned try_fours(const struct policy *policy, struct packet *packets, unsigned n)
{
	struct kind kind;
	uint32_t destination;
	unsigned udp_length;

	if (n < COLUMNS || !look_usual(packets))
		return 0;
	destination = load_raw32(packets[0].data + COLUMN_UDP);
	if (!is_served_untagged(policy, destination))
		return 0;
	udp_length = load_be16(packets[0].data + COLUMN_UDP + 8);
	if (__builtin_expect(udp_length == USUAL_UDP_LENGTH, 1))
		return is_verified(packets) ? plain_verified(policy, destination, packets, n)
					    : plain_to_verify(policy, destination, packets, n);
	if (!policy->nts || !nts_kind_of(&kind, udp_length))
		return 0;
	return is_verified(packets) ? nts_verified(policy, destination, &kind, packets, n)
				    : nts_to_verify(policy, destination, &kind, packets, n);
}

void classify_burst_avx512(const struct policy *policy, struct packet *packets, unsigned n)
{
	unsigned generic = COLUMNS;

	for (unsigned i = 0; i < n;) {
		const unsigned usual = try_fours(policy, packets + i, n - i);
		unsigned first;

		i += usual;
		/* Where it was in vain, the next try is farther off: a burst may be unusual as a whole. */
		generic = usual ? COLUMNS : 2 * generic;
		first = i;
		while (i < n && (i < first + generic || i + COLUMNS > n || !look_usual(packets + i)))
			i = i + COLUMNS < n ? i + COLUMNS : n;
		if (first < i)
			classify_burst(policy, packets + first, i - first);
	}
}
