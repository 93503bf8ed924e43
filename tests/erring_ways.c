#include "tests/erring_ways.h"

#include <endian.h>
#include <string.h>

#include "nts/fields.h"

enum { REFERENCE_AGE = 10 /* s */, PRECISION = -25 };

static ntp64 ahead(uint64_t wire, int64_t units)
{
	return htobe64(be64toh(wire) + (uint64_t)units);
}

static void shift(struct ntp_header *h, int64_t seconds)
{
	h->receive = ahead(h->receive, seconds * (int64_t)NTP64_SECOND);
	h->transmit = ahead(h->transmit, seconds * (int64_t)NTP64_SECOND);
	h->reference = ahead(h->reference, seconds * (int64_t)NTP64_SECOND);
}

static void kiss(struct erring_reply *reply, const char *code)
{
	reply->header.stratum = 0;
	reply->header.lvm |= NTP_LEAP_UNSYNC << 6;
	memcpy(reply->header.refid, code, sizeof(reply->header.refid));
}

static void set_mode(struct ntp_header *h, unsigned mode)
{
	h->lvm = ntp_lvm(ntp_lvm_leap(h->lvm), ntp_lvm_version(h->lvm), mode);
}

static void set_version(struct ntp_header *h)
{
	h->lvm = ntp_lvm(ntp_lvm_leap(h->lvm), ntp_lvm_version(h->lvm) == 4 ? 3 : 4, ntp_lvm_mode(h->lvm));
}

/* Each damage has the first reply, its header and the exchange in reach. */
#define DAMAGE(name, change)                           \
	static void name(struct erring_exchange *e)    \
	{                                              \
		struct erring_reply *r = &e->reply[0]; \
		struct ntp_header *h = &r->header;     \
                                                       \
		(void)r, (void)h;                      \
		change;                                \
	}

/* Whether it comes, when, and from whom to whom. */
DAMAGE(silent, e->replies = 0)
DAMAGE(duplicate, (e->reply[1] = *r, e->replies = 2))
DAMAGE(unsolicited, (e->reply[1] = *r, e->reply[1].header.origin = e->random, e->replies = 2))
DAMAGE(late, r->late = true)
DAMAGE(wrong_source_port, r->source = ERRING_FROM_PORT)
DAMAGE(wrong_source_address, r->source = ERRING_FROM_ADDRESS)
DAMAGE(wrong_client, r->to_other = true)
DAMAGE(mirror, (memcpy(r, e->octets, e->size), r->size = e->size))

/* Its size. */
DAMAGE(longer, r->size += 20)
DAMAGE(cut, r->size = NTP_HEADER_SIZE - 1)
DAMAGE(truncated, r->size = 20)
DAMAGE(empty, r->size = 0)

/* Its header. */
DAMAGE(wrong_origin, h->origin ^= UINT64_C(1) << e->random % 64)
DAMAGE(origin_zero, h->origin = 0)
DAMAGE(origin_swapped, h->origin = __builtin_bswap64(h->origin))
DAMAGE(mode_3, set_mode(h, NTP_MODE_CLIENT))
DAMAGE(mode_5, set_mode(h, NTP_MODE_BROADCAST))
DAMAGE(version_wrong, set_version(h))
DAMAGE(leap_3, h->lvm |= NTP_LEAP_UNSYNC << 6)
DAMAGE(stratum_0, (h->stratum = 0, memset(h->refid, 0, sizeof(h->refid))))
DAMAGE(stratum_16, h->stratum = NTP_STRATUM_UNSYNC)
DAMAGE(stratum_changes, h->stratum = (uint8_t)(h->stratum % NTP_STRATUM_MAX + 1))
DAMAGE(kiss_rate, kiss(r, "RATE"))
DAMAGE(kiss_deny, kiss(r, "DENY"))
DAMAGE(root_distance, h->root_dispersion = htobe32(17 << 16))
DAMAGE(precision_positive, h->precision = 1)

/* Its times. */
DAMAGE(t3_before_t2, h->receive = ahead(h->transmit, 1))
DAMAGE(t2_zero, h->receive = 0)
DAMAGE(t3_zero, h->transmit = 0)
DAMAGE(transmit_echo, h->transmit = h->origin)
DAMAGE(receive_early, h->receive = ahead(h->receive, -(int64_t)NTP64_SECOND))
DAMAGE(backwards, shift(h, -1))
DAMAGE(offset, shift(h, 10))
DAMAGE(repeated_time, (h->receive = htobe64(e->first_receive), h->transmit = htobe64(e->first_transmit)))
DAMAGE(reference_after, h->reference = ahead(h->transmit, 1))

/* Milliseconds, rounded down: a reply is not sent before its request, and no request is received late by its
 * own. */
static void precision_lie(struct erring_exchange *e)
{
	struct ntp_header *h = &e->reply[0].header;
	uint64_t transmit = be64toh(h->transmit);
	uint64_t ms = ((transmit & UINT32_MAX) * 1000) >> 32;

	h->transmit = htobe64((transmit >> 32 << 32) | ((ms << 32) + 500) / 1000);
	h->receive = h->transmit;
	h->precision = -30;
}

/* The first field of a kind in the reply, header included; NULL where there is none. */
static uint8_t *find_field(struct erring_reply *reply, uint16_t type, size_t *size)
{
	uint8_t *octets = (uint8_t *)reply;
	struct nts_cursor cursor = nts_cursor_over(octets, NTP_HEADER_SIZE, reply->size);
	struct nts_field field;

	while (nts_cursor_next(&cursor, &field)) {
		if (field.type != type)
			continue;
		*size = NTS_FIELD_HEADER + (size_t)field.body.size;
		return octets + field.body.at - NTS_FIELD_HEADER;
	}
	return NULL;
}

static void remove_field(struct erring_reply *reply, uint16_t type)
{
	size_t size;
	uint8_t *end = (uint8_t *)reply + reply->size, *field = find_field(reply, type, &size);

	if (!field)
		return;
	memmove(field, field + size, (size_t)(end - (field + size)));
	reply->size -= size;
}

/* One bit, `at` octets into a field. */
static void flip(struct erring_reply *reply, uint16_t type, size_t at, uint64_t random)
{
	size_t size;
	uint8_t *field = find_field(reply, type, &size);

	if (field && at < size)
		field[at] ^= (uint8_t)(1U << random % 8);
}

static void tag_flipped(struct erring_exchange *e)
{
	flip(&e->reply[0], NTS_FIELD_AUTHENTICATOR,
		NTS_FIELD_HEADER + NTS_AUTHENTICATOR_HEAD + NTS_NONCE + e->random / 8 % SIV_TAG, e->random);
}

DAMAGE(identifier_changed, flip(r, NTS_FIELD_IDENTIFIER, NTS_FIELD_HEADER + e->random / 8 % 32, e->random))
DAMAGE(identifier_missing, remove_field(r, NTS_FIELD_IDENTIFIER))
DAMAGE(nts_plain, remove_field(r, NTS_FIELD_AUTHENTICATOR))
DAMAGE(ntsn, (kiss(r, "NTSN"), remove_field(r, NTS_FIELD_AUTHENTICATOR)))

/* Without the key, all that can be done to the cookies: what was encrypted becomes the tag alone. */
static void cookie_stripped(struct erring_exchange *e)
{
	const size_t left = NTS_FIELD_HEADER + NTS_AUTHENTICATOR_HEAD + NTS_NONCE + SIV_TAG;
	size_t size;
	uint8_t *field = find_field(&e->reply[0], NTS_FIELD_AUTHENTICATOR, &size);

	if (!field || size <= left)
		return;
	e->reply[0].size -= size - left;
	field[2] = 0;
	field[3] = (uint8_t)left;
	field[6] = 0;
	field[7] = SIV_TAG;
}

static const struct erring_way ways[] = {
	{"none", NULL, 1, false, false},
	{"silent", silent, 1, false, false},
	{"drop-every", silent, 10, false, false},
	{"duplicate", duplicate, 1, false, false},
	{"unsolicited", unsolicited, 1, false, false},
	{"late", late, 1, false, false},
	{"wrong-source-port", wrong_source_port, 1, false, false},
	{"wrong-source-address", wrong_source_address, 1, false, false},
	{"wrong-client", wrong_client, 1, false, false},
	{"mirror", mirror, 1, false, false},
	{"garbage-answered", NULL, 1, false, true},
	{"longer", longer, 1, false, false},
	{"short", cut, 1, false, false},
	{"truncated", truncated, 1, false, false},
	{"empty", empty, 1, false, false},
	{"wrong-origin", wrong_origin, 1, false, false},
	{"origin-zero", origin_zero, 1, false, false},
	{"origin-swapped", origin_swapped, 1, false, false},
	{"mode-3", mode_3, 1, false, false},
	{"mode-5", mode_5, 1, false, false},
	{"version-wrong", version_wrong, 1, false, false},
	{"leap-3", leap_3, 1, false, false},
	{"stratum-0-no-kiss", stratum_0, 1, false, false},
	{"stratum-16", stratum_16, 1, false, false},
	{"stratum-changes", stratum_changes, 10, false, false},
	{"kiss-rate", kiss_rate, 1, false, false},
	{"kiss-deny", kiss_deny, 1, false, false},
	{"root-distance", root_distance, 1, false, false},
	{"precision-positive", precision_positive, 1, false, false},
	{"precision-lie", precision_lie, 1, false, false},
	{"t3-before-t2", t3_before_t2, 1, false, false},
	{"t2-zero", t2_zero, 1, false, false},
	{"t3-zero", t3_zero, 1, false, false},
	{"transmit-echo", transmit_echo, 1, false, false},
	{"t2-early", receive_early, 1, false, false},
	{"backwards", backwards, 50, false, false},
	{"offset", offset, 1, false, false},
	{"repeated-time", repeated_time, 1, false, false},
	{"reference-after-transmit", reference_after, 1, false, false},
	{"tag-flipped", tag_flipped, 1, true, false},
	{"cookie-stripped", cookie_stripped, 1, true, false},
	{"identifier-changed", identifier_changed, 1, true, false},
	{"identifier-missing", identifier_missing, 1, true, false},
	{"nts-plain", nts_plain, 1, true, false},
	{"ntsn", ntsn, 1, true, false},
};

const struct erring_way *erring_way_at(size_t i)
{
	return i < sizeof(ways) / sizeof(ways[0]) ? &ways[i] : NULL;
}

const struct erring_way *erring_way(const char *name)
{
	for (size_t i = 0; erring_way_at(i); i++)
		if (strcmp(ways[i].name, name) == 0)
			return &ways[i];
	return NULL;
}

bool erring_is_request(const uint8_t *octets, size_t size)
{
	unsigned version;

	if (size < NTP_HEADER_SIZE || size % 4 != 0)
		return false;
	version = ntp_lvm_version(octets[0]);
	return ntp_lvm_mode(octets[0]) == NTP_MODE_CLIENT && version >= NTP_VERSION_MIN &&
	       version <= NTP_VERSION_MAX;
}

void erring_answer(
	struct erring_reply *reply, const uint8_t *request, uint8_t stratum, ntp64 receive, ntp64 transmit)
{
	struct ntp_header asked;

	memcpy(&asked, request, sizeof(asked));
	memset(reply, 0, sizeof(*reply));
	reply->size = NTP_HEADER_SIZE;
	reply->header = (struct ntp_header){
		.lvm = ntp_lvm(NTP_LEAP_NONE, ntp_lvm_version(asked.lvm), NTP_MODE_SERVER),
		.stratum = stratum,
		.poll = asked.poll,
		.precision = PRECISION,
		.root_delay = htobe32(1 << 8),
		.root_dispersion = htobe32(1 << 8),
		.refid = {192, 0, 2, 1},
		.reference = htobe64(transmit - REFERENCE_AGE * NTP64_SECOND),
		.origin = asked.transmit,
		.receive = htobe64(receive),
		.transmit = htobe64(transmit),
	};
}
