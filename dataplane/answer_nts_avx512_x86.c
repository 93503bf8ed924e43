/* Headers and frames of protected replies, four at a time: see dataplane/packet_lane.h. */
#include "dataplane/answer.h"
#include "dataplane/packet_lane.h"
#include "dataplane/reply_columns_x86.h"
#include "ntp/octets.h"
#include "ntp/packet.h"

enum { COLUMN_HEADER_STAMPS = NTP_HEADER_SIZE - COLUMN };

COLUMNS_X86_BEGIN

/* The three columns of an NTP header. */
struct header_template {
	__m512i first, middle, stamps;
	__m512i version_and_mode, min_poll;
	__m512i fuzz, fuzz_mask;
};

static inline struct header_template make_header_template(const struct reply *reply)
{
	const int mask = (int)reply->fuzz_mask;

	return (struct header_template){
		.first = columns_of_qwords(reply->first, load_raw64(reply->root)),
		.middle = columns_of_qwords(load_raw64(reply->root + 8), 0),
		.stamps = columns_of_qwords(reply->receive, reply->transmit),
		.version_and_mode = _mm512_loadu_si512(reply_version_and_mode),
		.min_poll = _mm512_set1_epi8(reply->min_poll),
		.fuzz = _mm512_set1_epi32((int)reply->fuzz),
		.fuzz_mask = columns_of_dwords(0, mask, 0, mask),
	};
}

/* The same in each dword of a lane. */
static inline __m512i columns_of_numbers(const uint8_t number[COLUMNS])
{
	const __m128i numbers = _mm_cvtepu8_epi32(_mm_cvtsi32_si128((int)load_raw32(number)));

	return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3),
		_mm512_castsi128_si512(numbers));
}

static inline __m512i make_first(const struct header_template *t, __m512i old)
{
	const __m512i places =
		columns_of(_mm_setr_epi8(0, -1, 2, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1));
	const __mmask64 lvm = UINT64_C(0x0001000100010001), poll = lvm << offsetof(struct ntp_header, poll);
	__m512i asked = _mm512_shuffle_epi8(old, places);

	asked = _mm512_mask_permutexvar_epi8(asked, lvm, asked, t->version_and_mode);
	asked = _mm512_mask_max_epi8(asked, poll, asked, t->min_poll);
	return _mm512_or_si512(asked, t->first);
}

/* Frames that are there twice become the same twice. */
static inline void write_four_headers(
	const struct header_template *t, uint8_t *const ntp[COLUMNS], const uint8_t number[COLUMNS])
{
	const __m512i fuzz = _mm512_add_epi32(t->fuzz, columns_of_numbers(number));
	const __m512i old_stamps = columns_load(ntp, COLUMN_HEADER_STAMPS);
	const __m512i first = make_first(t, columns_load(ntp, 0));

	columns_store_two(ntp, 0, first, _mm512_mask_unpackhi_epi64(t->middle, 0xaa, old_stamps, old_stamps));
	columns_store(ntp, COLUMN_HEADER_STAMPS, make_stamps(t->stamps, fuzz, t->fuzz_mask, old_stamps));
}

void answer_headers_avx512(const struct reply *reply, uint8_t *const *ntp, const uint8_t *number, unsigned n)
{
	const struct header_template t = make_header_template(reply);
	unsigned i;

	for (i = 0; i + COLUMNS <= n; i += COLUMNS)
		write_four_headers(&t, ntp + i, number + i);
	if (i < n) {
		uint8_t *last[COLUMNS], last_number[COLUMNS];

		for (unsigned c = 0; c < COLUMNS; c++) {
			last[c] = ntp[i + c < n ? i + c : i];
			last_number[c] = number[i + c < n ? i + c : i];
		}
		write_four_headers(&t, last, last_number);
	}
}

/*
 * Frames: what stands before NTP is in the first line of each (dataplane/columns_x86.h), which is turned into
 * the reply's as a whole. Lines are summed word by word; of the first, those words that a checksum covers.
 */
struct places {
	unsigned l3, udp;            /* octets before these headers */
	unsigned addresses, address; /* before both addresses, and of each */
	bool is_ipv6;
};

static inline struct places places_of(const struct packet *packet)
{
	const unsigned l3 = packet->l3;

	return packet->is_ipv6 ? (struct places){l3, l3 + IPV6_HEADER, l3 + 8, 16, true}
			       : (struct places){l3, l3 + IPV4_HEADER, l3 + 12, 4, false};
}

/* What is the same in all frames that are alike. */
struct frame_template {
	__m512i first, turned_from;  /* new octets of the first line, and where the others come from */
	__mmask64 turned;            /* the others */
	__m512i ip_words, udp_words; /* 1 where a checksum covers the first line */
	__m512i ip_sum, udp_sum;     /* to begin with */
	__m512i checksum_from;       /* of the sums, for the first frame */
	__mmask32 checksums;         /* words of the first line */
	__mmask32 last;              /* words of the last line */
};

/* Octets of the first line that are new: IP but for the addresses, UDP's length and checksum. */
static inline __m512i new_octets(const struct places *p, unsigned udp_length)
{
	uint8_t line[LINE] = {0}, *ip = line + p->l3;

	if (p->is_ipv6) {
		store_be32(ip, UINT32_C(0x60000000));
		store_be32(ip + 4, udp_length << 16 | PROTOCOL_UDP << 8 | HOP_LIMIT);
	} else {
		store_be32(ip, UINT32_C(0x45000000) | (IPV4_HEADER + udp_length));
		store_be32(ip + 4, UINT32_C(0x4000)); /* don't fragment */
		store_be32(ip + 8, (uint32_t)(HOP_LIMIT << 8 | PROTOCOL_UDP) << 16);
	}
	store_be16(line + p->udp + 4, (uint16_t)udp_length);
	return _mm512_loadu_si512(line);
}

/* Two neighbours of `size` octets change places. */
static inline __m512i swapped(__m512i from, unsigned at, unsigned size)
{
	const __mmask64 first = (UINT64_C(1) << size) - 1;
	const __m512i by = _mm512_set1_epi8((int8_t)size);

	from = _mm512_mask_add_epi8(from, first << at, from, by);
	return _mm512_mask_sub_epi8(from, first << (at + size), from, by);
}

/* MACs, addresses and ports do. */
static inline __m512i places_turned(const struct places *p)
{
	static const uint8_t each[LINE] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
		19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41,
		42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};

	return swapped(swapped(swapped(_mm512_loadu_si512(each), 0, 6), p->addresses, p->address), p->udp, 2);
}

/* From one octet up to another. */
static inline __mmask32 words_between(unsigned from, unsigned to)
{
	return UINT32_MAX << from / 2 & UINT32_MAX >> (LINE / 2 - to / 2);
}

/* To begin with: what sums of these words, and of so many whole lines, come short of (see add_words). */
static inline __m512i sum_less(uint32_t sum, __mmask32 words, unsigned lines)
{
	const unsigned turned = (unsigned)__builtin_popcount(words) + lines * (LINE / 2);

	return columns_of_dwords((int)(sum + turned * TURNED), 0, 0, 0);
}

static __attribute__((noinline)) struct frame_template make_frame_template(
	const struct packet *packet, uint16_t ntp_size, bool offload)
{
	const struct places p = places_of(packet);
	const unsigned udp_length = UDP_HEADER + (unsigned)ntp_size, lines = lines_of(p.udp + udp_length);
	const __mmask64 new_ip = UINT64_MAX << p.l3 & UINT64_MAX >> (LINE - p.addresses);
	const __mmask64 new_udp = UINT64_C(0xf) << (p.udp + 4);
	const __mmask32 ip = p.is_ipv6 ? 0 : words_between(p.l3, p.udp);
	const __mmask32 udp = words_between(p.addresses, offload ? p.udp : LINE);
	const __mmask32 ip_checksum = p.is_ipv6 || offload ? 0 : words_between(p.l3 + 10, p.l3 + 12);
	/* 1 more: see finish_four */
	const uint32_t pseudo = pseudo_sum(udp_length) + !offload;

	return (struct frame_template){
		.first = new_octets(&p, udp_length),
		.turned_from = places_turned(&p),
		.turned = ~(new_ip | new_udp),
		.ip_words = _mm512_maskz_set1_epi16(ip, 1),
		.udp_words = _mm512_maskz_set1_epi16(udp, 1),
		.ip_sum = sum_less(0, ip, 0),
		.udp_sum = sum_less(pseudo, udp, offload ? 0 : lines - 1),
		.checksum_from = _mm512_mask_set1_epi16(_mm512_set1_epi16(3), ip_checksum, 1),
		.checksums = ip_checksum | words_between(p.udp + 6, p.udp + 8),
		.last = last_words_of(p.udp + udp_length),
	};
}

/* Four replies that lack their checksums, and the sums that these come from, spread over each lane's dwords.
 */
struct unsummed {
	uint8_t *frame[COLUMNS];
	__m512i line[COLUMNS];
	__m512i ip_sum, udp_sum;
};

/* The lines behind the first, added. */
SPECIALISED __m512i add_rest(__m512i sum, const uint8_t *frame, unsigned lines, __mmask32 last)
{
	for (unsigned l = 1; l + 1 < lines; l++)
		sum = add_words(sum, _mm512_loadu_si512(frame + (size_t)l * LINE));
	return add_words(sum, _mm512_maskz_loadu_epi16(last, frame + (size_t)(lines - 1) * LINE));
}

/* Frames that are there twice become the same twice, as headers do. lines: 1 where the rest does not count.
 */
SPECIALISED void begin_four(struct unsummed *r, const struct frame_template *t, unsigned lines)
{
	__m512i ip[COLUMNS], udp[COLUMNS];

	for (unsigned c = 0; c < COLUMNS; c++) {
		const __m512i old = _mm512_loadu_si512(r->frame[c]);
		__m512i turned;

		r->line[c] = _mm512_mask_permutexvar_epi8(t->first, t->turned, t->turned_from, old);
		turned = turned_words(r->line[c]);
		ip[c] = _mm512_dpwssd_epi32(_mm512_setzero_si512(), turned, t->ip_words);
		udp[c] = _mm512_dpwssd_epi32(_mm512_setzero_si512(), turned, t->udp_words);
		if (lines > 1)
			udp[c] = add_rest(udp[c], r->frame[c], lines, t->last);
	}
	r->ip_sum = _mm512_add_epi32(t->ip_sum, halved(halved(ip[0], ip[1]), halved(ip[2], ip[3])));
	r->udp_sum = _mm512_add_epi32(t->udp_sum, halved(halved(udp[0], udp[1]), halved(udp[2], udp[3])));
}

/*
 * Put the checksums in. A UDP checksum of zero would mean that there is none, and 0xffff has to stand for it:
 * that is what comes of a sum that began with 1 too much and is taken from 0 instead of 0xffff. Others come
 * to the same.
 */
SPECIALISED void finish_four(const struct unsummed *r, const struct frame_template *t, bool offload)
{
	__m512i sum = folded_sums(r->ip_sum, r->udp_sum), from = t->checksum_from;

	if (!offload)
		sum = _mm512_sub_epi16(columns_of_dwords(-1, 0, -1, 0), sum);
	/* They are in the words 1 and 3 of each lane. */
	for (unsigned c = 0; c < COLUMNS; c++) {
		_mm512_storeu_si512(
			r->frame[c], _mm512_mask_permutexvar_epi16(r->line[c], t->checksums, from, sum));
		from = _mm512_add_epi16(from, _mm512_set1_epi16(COLUMN / 2));
	}
}

/* The next frames, four at the most, the first in the place of those that lack; false where one is not like
 * that. */
static inline bool gather(uint8_t *frame[COLUMNS], const struct packet *packets, const uint8_t *number,
	unsigned n, uint16_t alike)
{
	bool all = true;

	for (unsigned c = 0; c < COLUMNS; c++) {
		const struct packet *packet = &packets[number[c < n ? c : 0]];

		frame[c] = packet->data;
		all &= load_raw16(&packet->l3) == alike;
	}
	return all;
}

/* Up to the first four that are not all like the first one; the number before them. */
SPECIALISED unsigned write_alike(struct packet *packets, const uint8_t *number, unsigned n, uint16_t ntp_size,
	unsigned lines, bool offload)
{
	const struct packet *first = &packets[number[0]];
	const struct frame_template t = make_frame_template(first, ntp_size, offload);
	const uint16_t alike = load_raw16(&first->l3);
	const uint16_t length = (uint16_t)(places_of(first).udp + UDP_HEADER + ntp_size);
	unsigned i;

	static_assert(offsetof(struct packet, is_ipv6) == offsetof(struct packet, l3) + 1, "one word");
	for (i = 0; i < n; i += COLUMNS) {
		const unsigned some = n - i < COLUMNS ? n - i : COLUMNS;
		struct unsummed r;

		if (!gather(r.frame, packets, number + i, some, alike))
			break;
		begin_four(&r, &t, lines);
		finish_four(&r, &t, offload);
		for (unsigned c = 0; c < some; c++) {
			struct packet *packet = &packets[number[i + c]];

			packet->length = length;
			packet->flags |= PACKET_REPLY;
		}
	}
	return i;
}

/* Likewise; none where there is more before NTP than a line, or it is too long. */
static unsigned try_alike(
	struct packet *packets, const uint8_t *number, unsigned n, uint16_t ntp_size, bool offload)
{
	const unsigned ntp = places_of(&packets[number[0]]).udp + UDP_HEADER;

	if (ntp > LINE)
		return 0;
	switch (offload ? 1 : lines_of(ntp + ntp_size)) {
	case 1:
		return write_alike(packets, number, n, ntp_size, 1, true);
	case 2:
		return write_alike(packets, number, n, ntp_size, 2, false);
	case 3:
		return write_alike(packets, number, n, ntp_size, 3, false);
	case 4:
		return write_alike(packets, number, n, ntp_size, 4, false);
	case 5:
		return write_alike(packets, number, n, ntp_size, 5, false);
	default:
		return 0;
	}
}

void answer_frames_avx512(
	struct packet *packets, const uint8_t *number, unsigned n, uint16_t ntp_size, bool offload)
{
	for (unsigned i = 0; i < n;) {
		const unsigned alike = try_alike(packets, number + i, n - i, ntp_size, offload);
		const unsigned some = n - i < COLUMNS ? n - i : COLUMNS;

		if (alike == 0)
			answer_frames(packets, number + i, some, ntp_size, offload);
		i += alike ? alike : some;
	}
}

COLUMNS_X86_END
