#include "nts/key_file.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

uint32_t key_file_next_id(const struct keyring *ring, uint32_t random)
{
	if (ring->key[0].algorithm == 0)
		return random;
	return (random & ~(uint32_t)KEY_FILE_ID_LOW) | ((ring->key[0].id + 1) & KEY_FILE_ID_LOW);
}

/* Text as it grows; `at` stays far below KEY_FILE_MAX, because all that is written is of limited size. */
struct writer {
	char *text;
	size_t at;
};

static void put_text(struct writer *w, const char *text)
{
	const size_t size = strlen(text);

	memcpy(w->text + w->at, text, size);
	w->at += size;
}

/* Without a table or a branch that depends on the value: it may be of a key. */
static void put_digit(struct writer *w, unsigned value)
{
	w->text[w->at++] = (char)('0' + value + ((9 - value) >> 16 & ('A' - '9' - 1)));
}

static void put_octets(struct writer *w, const uint8_t *octets, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		put_digit(w, octets[i] >> 4);
		put_digit(w, octets[i] & 15);
	}
}

static void put_hex(struct writer *w, uint64_t value, unsigned digits)
{
	while (digits-- > 0)
		put_digit(w, value >> 4 * digits & 15);
}

static void put_decimal(struct writer *w, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);
	put_text(w, digits);
}

/* Keys by the line they are for, oldest first; NULL: a filler. */
struct lines {
	const struct keyring_key *key[KEYRING_KEYS];
	uint32_t id[KEYRING_KEYS];
};

/* How many lines a key stands above the newest. */
static unsigned lines_above(const struct keyring *ring, unsigned i)
{
	return (ring->key[0].id - ring->key[i].id) & KEY_FILE_ID_LOW;
}

/*
 * The current key goes where chrony looks for it, on the last line but one; unless one would have no place
 * then. False where a key is of yet another AEAD.
 */
static bool choose_line(unsigned *newest, const struct keyring *ring, unsigned keys, ntp64 now)
{
	*newest = KEY_FILE_CURRENT_LINE + (keyring_current(ring, now) != ring->key);
	for (unsigned i = 0; i < keys; i++) {
		if (ring->key[i].algorithm != AEAD_AES_SIV_CMAC_256 &&
			ring->key[i].algorithm != AEAD_AES_128_GCM_SIV)
			return false;
		if (lines_above(ring, i) > *newest)
			*newest = lines_above(ring, i);
	}
	return true;
}

static bool lay_out(struct lines *lines, const struct keyring *ring, unsigned keys, ntp64 now,
	const struct keyring_fresh fill[KEYRING_KEYS])
{
	unsigned newest, free;

	*lines = (struct lines){0};
	if (!choose_line(&newest, ring, keys, now))
		return false;
	for (unsigned i = 0; i < KEYRING_KEYS; i++)
		lines->id[i] = (fill[i].id & ~(uint32_t)KEY_FILE_ID_LOW) |
			       ((ring->key[0].id + i - newest) & KEY_FILE_ID_LOW);
	free = newest + 1; /* lines that are not taken: those before it */
	for (unsigned i = 0; i < keys; i++) {
		const unsigned line = newest - lines_above(ring, i);

		if (line >= free)
			continue;
		lines->key[line] = &ring->key[i];
		lines->id[line] = ring->key[i].id;
		free = line;
	}
	return true;
}

/* When the newest key was made: it began, or begins, a period after that and lasts three. */
static ntp64 last_rotation(const struct keyring_key *newest)
{
	return newest->not_before - (newest->not_after - newest->not_before) / (1 + KEYRING_OLD);
}

/* In seconds with one digit behind the point. */
static void put_age(struct writer *w, const struct keyring_key *newest, ntp64 now)
{
	const int64_t age = ntp64_diff(now, last_rotation(newest));
	const uint64_t most = KEY_FILE_AGE_MOST * NTP64_SECOND, positive = age > 0 ? (uint64_t)age : 0;
	const uint64_t units = positive < most ? positive : most;

	put_decimal(w, units >> 32);
	put_text(w, ".");
	put_decimal(w, (units & UINT32_MAX) * 10 >> 32);
}

/* What chrony reads. */
static void put_keys(
	struct writer *w, const struct lines *lines, const struct keyring_fresh *fill, bool newer)
{
	for (unsigned i = 0; i < KEYRING_KEYS; i++) {
		const struct keyring_key *key = lines->key[i];
		const uint16_t algorithm = key ? key->algorithm : AEAD_AES_SIV_CMAC_256;

		put_hex(w, lines->id[i], KEY_FILE_ID_DIGITS);
		put_text(w, " ");
		put_octets(w, key ? key->key : fill[i].key, key_file_key_size(algorithm));
		if (newer) {
			put_text(w, " ");
			put_decimal(w, algorithm);
		}
		put_text(w, "\n");
	}
}

static void put_times(struct writer *w, const struct lines *lines)
{
	for (unsigned i = 0; i < KEYRING_KEYS; i++) {
		const struct keyring_key *key = lines->key[i];

		put_hex(w, lines->id[i], KEY_FILE_ID_DIGITS);
		if (key) {
			put_text(w, " ");
			put_hex(w, key->not_before, KEY_FILE_TIME_DIGITS);
			put_text(w, " ");
			put_hex(w, key->not_after, KEY_FILE_TIME_DIGITS);
			put_text(w, "\n");
		} else {
			put_text(w, " 0 0\n");
		}
	}
}

static size_t write_lines(char *text, const struct lines *lines, const struct keyring *ring, ntp64 now,
	const struct keyring_fresh fill[KEYRING_KEYS])
{
	struct writer w = {.text = text};
	uint8_t digest[KEY_FILE_SHA256];
	bool newer = false;

	for (unsigned i = 0; i < KEYRING_KEYS; i++)
		newer |= lines->key[i] && lines->key[i]->algorithm != AEAD_AES_SIV_CMAC_256;
	put_text(&w, newer ? "NKS1\n" : "NKS0\n15 ");
	put_age(&w, &ring->key[0], now);
	put_text(&w, "\n");
	put_keys(&w, lines, fill, newer);
	put_text(&w, "tickwire 1\n");
	put_times(&w, lines);
	put_text(&w, "rotations ");
	put_decimal(&w, ring->rotations);
	put_text(&w, "\n");
	if (EVP_Digest(text, w.at, digest, NULL, EVP_sha256(), NULL) != 1) {
		OPENSSL_cleanse(text, w.at);
		return 0;
	}
	put_text(&w, "sha256 ");
	put_octets(&w, digest, sizeof(digest));
	put_text(&w, "\n");
	return w.at;
}

size_t key_file_write(char text[KEY_FILE_MAX], const struct keyring *ring, ntp64 now,
	const struct keyring_fresh fill[KEYRING_KEYS])
{
	struct keyring kept = *ring;
	struct lines lines;
	unsigned keys = 0;
	size_t size = 0;

	keyring_erase_expired(&kept, now);
	while (keys < KEYRING_KEYS && kept.key[keys].algorithm != 0)
		keys++;
	if (keys > 0 && lay_out(&lines, &kept, keys, now, fill))
		size = write_lines(text, &lines, &kept, now, fill);
	OPENSSL_cleanse(&kept, sizeof(kept));
	return size;
}
