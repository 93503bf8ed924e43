#include "tests/nts_golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/packet.h"
#include "nts/siv.h"

enum {
	NTP_HEADER = 48,
	FIELD_HEADER = 4,
	TAG = 16,
	AEAD = 15,
	GCM_AEAD = 30,
	OTHER_AEAD = 17,
	COOKIE = 100,
	GCM_COOKIE = 68
};

const struct cookie_keys *nts_golden_keys(bool gcm_siv)
{
	static const struct cookie_keys of_siv = {
		.c2s = "client to server, 32 octets long",
		.s2c = "server to client, just as long..",
	};
	static const struct cookie_keys of_gcm_siv = {"GCM-SIV's C2S..", "GCM-SIV's S2C.."};

	return gcm_siv ? &of_gcm_siv : &of_siv;
}

static void require(bool condition)
{
	if (!condition)
		abort();
}

static struct siv *aead(void)
{
	static struct siv *siv;

	if (!siv)
		siv = siv_new(siv_backend_best());
	require(siv != NULL);
	return siv;
}

static void set_integer(uint8_t *at, uint32_t value, int size)
{
	while (size-- > 0)
		*at++ = (uint8_t)(value >> 8 * size);
}

static void fill(uint8_t *at, size_t size, unsigned start)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(start + 11 * i);
}

static struct keyring_key key_of(uint32_t id)
{
	struct keyring_key key = {.id = id,
		.algorithm = AEAD,
		.not_before = NTS_GOLDEN_NOW - 100 * NTP64_SECOND,
		.not_after = NTS_GOLDEN_NOW + 100 * NTP64_SECOND};

	fill(key.key, sizeof(key.key), id);
	return key;
}

void nts_golden_keyring(struct keyring *ring)
{
	*ring = (struct keyring){.key = {key_of(NTS_GOLDEN_FUTURE), key_of(NTS_GOLDEN_CURRENT),
					 key_of(NTS_GOLDEN_OTHER_AEAD), key_of(NTS_GOLDEN_EXPIRED)},
		.rotations = 4};
	ring->key[0].not_before = NTS_GOLDEN_NOW + 50 * NTP64_SECOND;
	ring->key[2].algorithm = OTHER_AEAD;
	ring->key[2].not_before -= 100 * NTP64_SECOND;
	ring->key[3].not_before -= 200 * NTP64_SECOND;
	ring->key[3].not_after = NTS_GOLDEN_NOW - NTP64_SECOND;
}

void nts_golden_policy(struct policy *policy)
{
	golden_policy(policy);
	policy->nts = 1;
}

size_t nts_golden_cookie(uint8_t cookie[COOKIE_SIZE], bool gcm_siv, uint32_t key_id)
{
	const struct keyring_key key = key_of(key_id);
	uint8_t nonce[COOKIE_NONCE];
	struct cookie_sealing sealing = {.aead = gcm_siv ? AEAD_AES_128_GCM_SIV : AEAD_AES_SIV_CMAC_256,
		.cookie = cookie,
		.nonce = nonce,
		.keys = nts_golden_keys(gcm_siv)};

	fill(nonce, sizeof(nonce), key_id + 1);
	cookie_seal(aead(), &key, &sealing, 1);
	require(sealing.done);
	return gcm_siv ? GCM_COOKIE : COOKIE;
}

/* NTP octets in the making, and where in them things stand. */
struct draft {
	uint8_t octets[GOLDEN_FRAME_MAX];
	size_t size;
	size_t part[128]; /* by letter, the first one; 0: none */
	size_t protected_end, nonce_size;
	size_t cookie; /* octets */
};

/* A field's head and its body of octets to be filled. */
static uint8_t *put_field(struct draft *d, char letter, uint16_t type, size_t body)
{
	uint8_t *at = d->octets + d->size;

	require(d->size + FIELD_HEADER + body <= sizeof(d->octets) - 200);
	if (!d->part[(int)letter])
		d->part[(int)letter] = d->size;
	set_integer(at, type, 2);
	set_integer(at + 2, (uint32_t)(FIELD_HEADER + body), 2);
	fill(at + FIELD_HEADER, body, (unsigned)letter + (unsigned)d->size);
	d->size += FIELD_HEADER + body;
	return at + FIELD_HEADER;
}

static void put_cookie(struct draft *d, const struct nts_golden_shape *s, char letter, size_t size)
{
	uint8_t cookie[COOKIE + 4] = {0};

	nts_golden_cookie(cookie, s->gcm_siv, s->key_id ? s->key_id : NTS_GOLDEN_CURRENT);
	memcpy(put_field(d, letter, 0x0204, size), cookie, size);
}

static void put_parts(struct draft *d, const struct nts_golden_shape *s, const char *letters);

static size_t padded(size_t size)
{
	return (size + 3) / 4 * 4;
}

/* What is to be encrypted, as octets. */
static size_t draft_inner(const struct nts_golden_shape *s, uint8_t *text)
{
	static struct draft inner;
	const struct nts_golden_shape nothing = {.key_id = s->key_id, .gcm_siv = s->gcm_siv};

	inner = (struct draft){.cookie = s->gcm_siv ? GCM_COOKIE : COOKIE};
	put_parts(&inner, &nothing, s->inner ? s->inner : "");
	memcpy(text, inner.octets, inner.size);
	return inner.size;
}

static void put_authenticator(struct draft *d, const struct nts_golden_shape *s)
{
	static uint8_t inner[GOLDEN_FRAME_MAX];
	const size_t text = draft_inner(s, inner) - s->inner_cut, nonce = s->nonce     ? s->nonce
									  : s->gcm_siv ? 12
										       : 16;
	const size_t ad = d->size, first = !d->part['a'];
	uint8_t *body = put_field(d, 'a', 0x0404, 4 + padded(nonce) + padded(TAG + text) + s->padding), *tag;
	struct siv_job job = {
		.aead = s->gcm_siv ? GCM_AEAD : AEAD, .key = nts_golden_keys(s->gcm_siv)->c2s, .size = text};

	set_integer(body, s->nonce_claim ? s->nonce_claim & 0xffff : (uint32_t)nonce, 2);
	set_integer(body + 2, s->ciphertext_claim ? s->ciphertext_claim & 0xffff : (uint32_t)(TAG + text), 2);
	tag = body + 4 + padded(nonce);
	memset(body + 4 + nonce, 0, padded(nonce) - nonce);
	memset(tag + TAG + text, 0, s->padding);
	job.text = s->gcm_siv ? tag : tag + TAG;
	job.tag = tag = s->gcm_siv ? tag + text : tag;
	memcpy(job.text, inner, text);
	siv_job_bind(&job, d->octets, ad, body + 4, nonce);
	siv_seal(aead(), &job, 1);
	require(job.done || (s->gcm_siv && nonce != 12));
	if (!first)
		return;
	d->protected_end = ad;
	d->nonce_size = nonce;
	d->part['n'] = (size_t)(body + 4 - d->octets);
	d->part['t'] = (size_t)(tag - d->octets);
	d->part['e'] = (size_t)(job.text - d->octets);
}

static void put_part(struct draft *d, const struct nts_golden_shape *s, char letter)
{
	switch (letter) {
	case 'c':
		return put_cookie(d, s, letter, d->cookie);
	case 'k':
		return put_cookie(d, s, letter, d->cookie - 4);
	case 'l':
		return put_cookie(d, s, letter, d->cookie + 4);
	case 'a':
		return put_authenticator(d, s);
	default:
		break;
	}
	switch (letter) {
	case 'i':
		put_field(d, letter, 0x0104, 32);
		break;
	case 'j':
		put_field(d, letter, 0x0104, 48);
		break;
	case 's':
		put_field(d, letter, 0x0104, 28);
		break;
	case 'x':
		put_field(d, letter, 0x0204, d->cookie);
		break;
	case 'p':
		put_field(d, letter, 0x0304, d->cookie);
		break;
	case 'm':
		put_field(d, letter, 0x0304, d->cookie - 4);
		break;
	case 'q':
		put_field(d, letter, 0x0304, d->cookie + 4);
		break;
	case 'u':
		put_field(d, letter, 0x2005, 24);
		break;
	case 'b':
		set_integer(put_field(d, letter, 0x0404, 36), 16 << 16 | 16, 4);
		break;
	case 'M':
		put_field(d, letter, 0, 16);
		break;
	default:
		abort();
	}
}

static void put_parts(struct draft *d, const struct nts_golden_shape *s, const char *letters)
{
	for (; *letters; letters++)
		put_part(d, s, *letters);
}

static void put_header(struct draft *d, const struct nts_golden_shape *s)
{
	d->octets[0] = s->lvm ? (uint8_t)s->lvm : 0x23;
	d->octets[2] = 6;
	d->octets[3] = 0xe9;
	fill(d->octets + 12, 28, 0x5a);
	fill(d->octets + 40, 8, 0x91);
	d->size = NTP_HEADER;
}

static void flip(struct draft *d, const struct nts_golden_flip *f)
{
	const size_t at = (f->part == 'h' ? 0 : d->part[(int)f->part]) + f->octet;

	if (!f->part)
		return;
	require(at < d->size);
	d->octets[at] ^= f->bits;
}

/* The first identifier of sound length. */
static void find_identifier(struct nts_golden_case *out)
{
	const uint8_t *octets = out->frame + out->ntp;
	size_t at = NTP_HEADER, length;

	out->identifier = out->identifier_size = 0;
	for (; at + FIELD_HEADER <= out->ntp_size; at += length) {
		length = (size_t)(octets[at + 2] << 8 | octets[at + 3]);
		if (length < FIELD_HEADER || at + length > out->ntp_size)
			return;
		if (octets[at] != 1 || octets[at + 1] != 4)
			continue;
		out->identifier = (uint16_t)(at + FIELD_HEADER);
		out->identifier_size = (uint16_t)(length - FIELD_HEADER);
		return;
	}
}

void nts_golden_wrap(
	const uint8_t *octets, uint16_t size, enum nts_golden_over over, struct nts_golden_case *out)
{
	const bool ipv6 = over == NTS_OVER_IPV6 || over == NTS_OVER_VLAN_IPV6;
	const struct golden_shape shape = {
		.ipv6 = ipv6, .tags = over >= NTS_OVER_VLAN_IPV4, .ntp_octets = size};
	const uint16_t udp_length = (uint16_t)(UDP_HEADER + size);
	uint8_t *ip, *udp;
	uint16_t sum;

	out->length = golden_build(&shape, out->frame);
	out->ipv6 = ipv6;
	out->l3 = (uint8_t)(ETHERNET_HEADER + VLAN_TAG * shape.tags);
	out->ntp = (uint16_t)(out->length - size);
	out->ntp_size = size;
	memcpy(out->frame + out->ntp, octets, size);
	find_identifier(out);
	ip = out->frame + out->l3;
	udp = out->frame + out->ntp - UDP_HEADER;
	set_integer(udp + 6, 0, 2);
	sum = golden_sum(golden_pseudo_sum(ip, ipv6, udp_length), udp, udp_length);
	set_integer(udp + 6, sum == 0xffff ? 0xffff : (uint16_t)~sum, 2);
}

void nts_golden_build(
	const struct nts_golden_shape *shape, enum nts_golden_over over, struct nts_golden_case *out)
{
	static struct draft d;

	d = (struct draft){.cookie = shape->gcm_siv ? GCM_COOKIE : COOKIE};
	put_header(&d, shape);
	put_parts(&d, shape, shape->clear);
	flip(&d, &shape->flip);
	nts_golden_wrap(d.octets, (uint16_t)d.size, over, out);
	if (shape->udp_checksum_wrong)
		out->frame[out->ntp - 1] ^= 0x40;
	out->protected_end = (uint16_t)d.protected_end;
	out->nonce = (uint16_t)d.part['n'];
	out->nonce_size = (uint16_t)d.nonce_size;
	out->tag = (uint16_t)d.part['t'];
	out->gcm_siv = shape->gcm_siv;
}

/* One line of the table. */
struct line {
	const char *name;
	struct nts_golden_shape shape;
	enum verdict verdict;
	unsigned cookies;
};

/* The fields in clear, and then whatever is unusual. */
#define S(...)                       \
	{                            \
		.clear = __VA_ARGS__ \
	}
#define FLIP(part_, octet_, bits_) .flip = {.part = part_, .octet = octet_, .bits = bits_}
#define OK VERDICT_NTS_ANSWERED

/* clang-format off */
static const struct line table[] = {
	/* What is answered. */
	{"usual", S("ica"), OK, 1},
	{"long-identifier", S("jca"), OK, 1},
	{"cookie-first", S("cia"), OK, 1},
	{"placeholder", S("icpa"), OK, 2},
	{"placeholder-first", S("pica"), OK, 2},
	{"placeholder-between", S("ipca"), OK, 2},
	{"placeholders-7", S("icpppppppa"), OK, 8},
	{"placeholders-8", S("icppppppppa"), OK, 8},
	{"placeholders-9", S("icpppppppppa"), OK, 8},
	{"unknown-fields", S("uiucupua", .inner = "u"), OK, 2},
	{"encrypted-placeholder", S("ica", .inner = "p"), OK, 2},
	{"encrypted-placeholders-7", S("ica", .inner = "ppppppp"), OK, 8},
	{"encrypted-placeholders-9", S("icpa", .inner = "ppppppppp"), OK, 8},
	{"future-key", S("ica", .key_id = NTS_GOLDEN_FUTURE), OK, 1},
	{"nonce-15", S("ica", .nonce = 15), OK, 1},
	{"nonce-13", S("ica", .nonce = 13), OK, 1},
	{"nonce-12-padded", S("ica", .nonce = 12, .padding = 4), OK, 1},
	{"nonce-1-padded", S("ica", .nonce = 1, .padding = 12), OK, 1},
	{"nonce-32", S("ica", .nonce = 32), OK, 1},
	{"padding-more", S("ica", .padding = 64), OK, 1},
	{"padding-encrypted", S("ica", .inner = "pu", .nonce = 8, .padding = 8), OK, 2},
	{"gcm-siv", S("ica", .gcm_siv = true), OK, 1},
	{"gcm-siv-placeholders-7", S("icpppppppa", .gcm_siv = true), OK, 8},
	{"gcm-siv-placeholders-9", S("jcpppppppppa", .gcm_siv = true), OK, 8},
	{"gcm-siv-encrypted", S("ica", .inner = "pup", .gcm_siv = true), OK, 3},
	{"gcm-siv-unknown-fields", S("uiucupua", .inner = "u", .gcm_siv = true), OK, 2},
	{"gcm-siv-future-key", S("ica", .key_id = NTS_GOLDEN_FUTURE, .gcm_siv = true), OK, 1},
	{"gcm-siv-padding-more", S("ica", .padding = 64, .gcm_siv = true), OK, 1},
	{"gcm-siv-after-all", S("icaicpqbu", .gcm_siv = true), OK, 1},
	{"leap-bits", S("ica", .lvm = GOLDEN_LVM(4, 3) | 0xc0), OK, 1},
	/* What follows the authenticator is nobody's. */
	{"after-unknown", S("icau"), OK, 1},
	{"after-identifier", S("icai"), OK, 1},
	{"after-cookie", S("icac"), OK, 1},
	{"after-placeholders", S("icapq"), OK, 1},
	{"after-authenticator", S("icab"), OK, 1},
	{"after-all", S("icaicpqbu"), OK, 1},
	{"after-flipped", S("icau", FLIP('u', 9, 0x10)), OK, 1},
	{"after-mac", S("icaM"), VERDICT_MAC_UNKNOWN_KEY, 0},

	/* What is not NTS, or not for its lane. */
	{"no-fields", S(""), VERDICT_ANSWERED, 0},
	{"identifiers-alone", S("isu"), VERDICT_ANSWERED, 0},
	{"identifiers-alone-sound", S("iuj"), VERDICT_ANSWERED, 0},
	{"identifier-short-alone", S("s"), VERDICT_ANSWERED, 0},
	{"identifier-alone-ntpv3", S("i", .lvm = GOLDEN_LVM(3, 3)), VERDICT_MAC_UNKNOWN_KEY, 0},
	{"identifier-alone-active", S("i", .lvm = GOLDEN_LVM(4, 1)), VERDICT_ANSWERED, 0},
	{"active", S("ica", .lvm = GOLDEN_LVM(4, 1)), VERDICT_ANSWERED, 0},
	{"server", S("ica", .lvm = GOLDEN_LVM(4, 4)), VERDICT_MODE_SERVER, 0},
	{"ntpv3", S("ica", .lvm = GOLDEN_LVM(3, 3)), VERDICT_MAC_LENGTH, 0},
	{"udp-checksum", S("ica", .udp_checksum_wrong = true), VERDICT_UDP_CHECKSUM, 0},
	{"mac", S("icM"), VERDICT_MAC_UNKNOWN_KEY, 0},

	/* What is echoed without NTS. */
	{"identifier-alone", S("i"), VERDICT_NTS_IDENTIFIED, 0},
	{"identifier-alone-long", S("j"), VERDICT_NTS_IDENTIFIED, 0},
	{"identifier-among-unknown", S("uiuu"), VERDICT_NTS_IDENTIFIED, 0},
	{"identifier-mac", S("iM"), VERDICT_MAC_UNKNOWN_KEY, 0},

	/* Fields missing, doubled, of wrong lengths. */
	{"no-identifier", S("ca"), VERDICT_NTS_NO_IDENTIFIER, 0},
	{"identifier-after", S("cai"), VERDICT_NTS_NO_IDENTIFIER, 0},
	{"two-identifiers", S("iica"), VERDICT_NTS_TWO_IDENTIFIERS, 0},
	{"two-identifiers-apart", S("icja"), VERDICT_NTS_TWO_IDENTIFIERS, 0},
	{"identifier-short", S("sca"), VERDICT_NTS_IDENTIFIER_SHORT, 0},
	{"no-cookie", S("ia"), VERDICT_NTS_NO_COOKIE, 0},
	{"no-cookie-but-placeholder", S("ipa"), VERDICT_NTS_NO_COOKIE, 0},
	{"cookie-after", S("iac"), VERDICT_NTS_NO_COOKIE, 0},
	{"two-cookies", S("icca"), VERDICT_NTS_TWO_COOKIES, 0},
	{"two-cookies-apart", S("ciupca"), VERDICT_NTS_TWO_COOKIES, 0},
	{"no-authenticator", S("ic"), VERDICT_NTS_NO_AUTHENTICATOR, 0},
	{"cookie-alone", S("c"), VERDICT_NTS_NO_AUTHENTICATOR, 0},
	{"placeholder-alone", S("p"), VERDICT_NTS_NO_AUTHENTICATOR, 0},
	{"placeholder-longer", S("icqa"), VERDICT_NTS_PLACEHOLDER_LENGTH, 0},
	{"placeholder-shorter", S("icma"), VERDICT_NTS_PLACEHOLDER_LENGTH, 0},
	{"placeholder-longer-first", S("qica"), VERDICT_NTS_PLACEHOLDER_LENGTH, 0},
	{"placeholder-one-longer", S("icpqpa"), VERDICT_NTS_PLACEHOLDER_LENGTH, 0},
	{"encrypted-placeholder-longer", S("ica", .inner = "pq"), VERDICT_NTS_PLACEHOLDER_LENGTH, 0},
	{"encrypted-field-cut", S("ica", .inner = "pp", .inner_cut = 4), VERDICT_NTS_FIELD_LENGTH, 0},
	{"encrypted-field-cut-odd", S("ica", .inner = "u", .inner_cut = 1), VERDICT_NTS_FIELD_LENGTH, 0},
	{"encrypted-field-head", S("ica", .inner = "u", .inner_cut = 24), VERDICT_NTS_FIELD_LENGTH, 0},
	{"encrypted-identifier", S("ica", .inner = "i"), VERDICT_NTS_ENCRYPTED_FIELD, 0},
	{"encrypted-cookie", S("ica", .inner = "c"), VERDICT_NTS_ENCRYPTED_FIELD, 0},
	{"encrypted-authenticator", S("ica", .inner = "pb"), VERDICT_NTS_ENCRYPTED_FIELD, 0},
	{"nonce-claims-more", S("ica", .nonce_claim = NTS_GOLDEN_CLAIM(17)), VERDICT_NTS_AUTHENTICATOR_LENGTH, 0},
	{"nonce-claims-most", S("ica", .nonce_claim = NTS_GOLDEN_CLAIM(0xffff)), VERDICT_NTS_AUTHENTICATOR_LENGTH, 0},
	{"nonce-claims-none", S("ica", .nonce_claim = NTS_GOLDEN_CLAIM(0)), VERDICT_NTS_NONCE_LENGTH, 0},
	{"ciphertext-claims-more", S("ica", .ciphertext_claim = NTS_GOLDEN_CLAIM(17)),
		VERDICT_NTS_AUTHENTICATOR_LENGTH, 0},
	{"ciphertext-claims-15", S("ica", .ciphertext_claim = NTS_GOLDEN_CLAIM(15)), VERDICT_NTS_CIPHERTEXT_SHORT, 0},
	{"ciphertext-claims-none", S("ica", .ciphertext_claim = NTS_GOLDEN_CLAIM(0)), VERDICT_NTS_CIPHERTEXT_SHORT, 0},
	{"ciphertext-claims-part", S("ica", .inner = "p", .ciphertext_claim = NTS_GOLDEN_CLAIM(100)), VERDICT_NTS_FORGED, 0},
	{"nonce-12", S("ica", .nonce = 12), VERDICT_NTS_PADDING, 0},
	{"nonce-1-padded-less", S("ica", .nonce = 1, .padding = 8), VERDICT_NTS_PADDING, 0},
	{"nonce-4-encrypted", S("ica", .inner = "p", .nonce = 4), VERDICT_NTS_PADDING, 0},

	{"gcm-siv-nonce-16", S("ica", .nonce = 16, .gcm_siv = true), VERDICT_NTS_NONCE_LENGTH, 0},
	{"gcm-siv-nonce-11-padded", S("ica", .nonce = 11, .padding = 4, .gcm_siv = true), VERDICT_NTS_NONCE_LENGTH, 0},
	{"gcm-siv-placeholder-longer", S("icqa", .gcm_siv = true), VERDICT_NTS_PLACEHOLDER_LENGTH, 0},
	{"gcm-siv-encrypted-cookie", S("ica", .inner = "c", .gcm_siv = true), VERDICT_NTS_ENCRYPTED_FIELD, 0},

	/* What gets a kiss. */
	{"gcm-siv-cookie-shorter", S("ika", .gcm_siv = true), VERDICT_NTS_COOKIE_LENGTH, 0},
	{"gcm-siv-cookie-longer", S("ilpa", .gcm_siv = true), VERDICT_NTS_PLACEHOLDER_LENGTH, 0},
	{"gcm-siv-unknown-key", S("ica", .key_id = NTS_GOLDEN_UNKNOWN, .gcm_siv = true), VERDICT_NTS_UNKNOWN_KEY, 0},
	{"gcm-siv-expired-key", S("ica", .key_id = NTS_GOLDEN_EXPIRED, .gcm_siv = true), VERDICT_NTS_EXPIRED_KEY, 0},
	{"gcm-siv-other-aead", S("ica", .key_id = NTS_GOLDEN_OTHER_AEAD, .gcm_siv = true), VERDICT_NTS_ALGORITHM, 0},
	{"gcm-siv-cookie-end-flipped", S("icpa", .gcm_siv = true, FLIP('c', 71, 0x01)), VERDICT_NTS_COOKIE_FORGED, 0},
	{"gcm-siv-header-flipped", S("ica", .gcm_siv = true, FLIP('h', 47, 0x01)), VERDICT_NTS_FORGED, 0},
	{"gcm-siv-nonce-flipped", S("ica", .gcm_siv = true, FLIP('n', 11, 0x80)), VERDICT_NTS_FORGED, 0},
	{"gcm-siv-tag-flipped", S("ica", .gcm_siv = true, FLIP('t', 15, 0x80)), VERDICT_NTS_FORGED, 0},
	{"gcm-siv-ciphertext-flipped", S("ica", .inner = "p", .gcm_siv = true, FLIP('e', 71, 0x01)), VERDICT_NTS_FORGED, 0},
	{"cookie-shorter", S("ika"), VERDICT_NTS_COOKIE_LENGTH, 0},
	{"cookie-longer", S("ila"), VERDICT_NTS_COOKIE_LENGTH, 0},
	{"cookie-shorter-with-placeholder", S("ikma"), VERDICT_NTS_COOKIE_LENGTH, 0},
	{"unknown-key", S("ica", .key_id = NTS_GOLDEN_UNKNOWN), VERDICT_NTS_UNKNOWN_KEY, 0},
	{"junk-cookie", S("ixa"), VERDICT_NTS_UNKNOWN_KEY, 0},
	{"junk-all", S("jxppb"), VERDICT_NTS_UNKNOWN_KEY, 0},
	{"expired-key", S("ica", .key_id = NTS_GOLDEN_EXPIRED), VERDICT_NTS_EXPIRED_KEY, 0},
	{"other-aead", S("ica", .key_id = NTS_GOLDEN_OTHER_AEAD), VERDICT_NTS_ALGORITHM, 0},
	{"cookie-id-flipped", S("ica", FLIP('c', 4, 0x01)), VERDICT_NTS_UNKNOWN_KEY, 0},
	{"cookie-nonce-flipped", S("ica", FLIP('c', 8, 0x80)), VERDICT_NTS_COOKIE_FORGED, 0},
	{"cookie-tag-flipped", S("ica", FLIP('c', 24, 0x01)), VERDICT_NTS_COOKIE_FORGED, 0},
	{"cookie-end-flipped", S("icpa", FLIP('c', 103, 0x01)), VERDICT_NTS_COOKIE_FORGED, 0},
	{"junk-authenticator", S("icb"), VERDICT_NTS_FORGED, 0},
	{"junk-authenticator-first", S("icba"), VERDICT_NTS_FORGED, 0},
	{"header-leap-flipped", S("ica", FLIP('h', 0, 0x40)), VERDICT_NTS_FORGED, 0},
	{"header-poll-flipped", S("ica", FLIP('h', 2, 0x01)), VERDICT_NTS_FORGED, 0},
	{"header-transmit-flipped", S("ica", FLIP('h', 47, 0x01)), VERDICT_NTS_FORGED, 0},
	{"identifier-flipped", S("ica", FLIP('i', 35, 0x01)), VERDICT_NTS_FORGED, 0},
	{"placeholder-flipped", S("icpa", FLIP('p', 103, 0x01)), VERDICT_NTS_FORGED, 0},
	{"unknown-flipped", S("icua", FLIP('u', 27, 0x80)), VERDICT_NTS_FORGED, 0},
	{"unknown-type-flipped", S("icua", FLIP('u', 0, 0x80)), VERDICT_NTS_FORGED, 0},
	{"nonce-flipped", S("ica", FLIP('n', 15, 0x01)), VERDICT_NTS_FORGED, 0},
	{"tag-flipped", S("ica", FLIP('t', 0, 0x80)), VERDICT_NTS_FORGED, 0},
	{"tag-end-flipped", S("ica", FLIP('t', 15, 0x01)), VERDICT_NTS_FORGED, 0},
	{"ciphertext-flipped", S("ica", .inner = "p", FLIP('e', 103, 0x01)), VERDICT_NTS_FORGED, 0},
};
/* clang-format on */

size_t nts_golden_count(void)
{
	return sizeof(table) / sizeof(table[0]) * NTS_OVERS;
}

void nts_golden_case(size_t number, struct nts_golden_case *out)
{
	static const char *const overs[NTS_OVERS] = {"v4", "v6", "vlan-v4", "vlan-v6"};
	const struct line *line = &table[number / NTS_OVERS];
	const enum nts_golden_over over = (enum nts_golden_over)(number % NTS_OVERS);

	snprintf(out->name, sizeof(out->name), "%s-%s", overs[over], line->name);
	out->verdict = line->verdict;
	out->cookies = line->cookies;
	nts_golden_build(&line->shape, over, out);
}
