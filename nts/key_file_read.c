#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "nts/key_file.h"

enum { WORDS_MAX = 3 };

/* From now: 34 years, a half of what times can be compared over. */
#define NEVER (UINT64_C(1) << 62)

struct word {
	const char *text;
	size_t size;
};

/* A walk over lines. Invariant: at <= size, and all before `at` are whole lines that have been taken. */
struct reader {
	const char *text;
	size_t size, at;
	unsigned line; /* the number of the one taken last */
	struct word word[WORDS_MAX];
	unsigned words;
	char *message;
	size_t message_size;
};

/* Always false. Nothing of a key may be in the sentence. */
__attribute__((format(printf, 2, 3))) static bool refuse(struct reader *r, const char *format, ...)
{
	char sentence[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	snprintf(r->message, r->message_size, "line %u: %s", r->line, sentence);
	return false;
}

/* Words with one space between them. False where there are none, or too many to be right. */
static bool split(struct reader *r, const char *text, size_t size)
{
	for (r->words = 0; r->words < WORDS_MAX; r->words++) {
		const char *space = memchr(text, ' ', size);
		const size_t length = space ? (size_t)(space - text) : size;

		if (length == 0)
			return false;
		r->word[r->words] = (struct word){text, length};
		if (!space) {
			r->words++;
			return true;
		}
		text += length + 1;
		size -= length + 1;
	}
	return false;
}

/* Take a line of so many words. */
static bool take_line(struct reader *r, unsigned words, const char *expected)
{
	const char *begin = r->text + r->at, *end;

	r->line++;
	if (r->at == r->size)
		return refuse(r, "found the end of the file, expected %s", expected);
	end = memchr(begin, '\n', r->size - r->at);
	if (!end)
		return refuse(r, "found a line that does not end, expected %s", expected);
	r->at += (size_t)(end - begin) + 1;
	if (!split(r, begin, (size_t)(end - begin)) || r->words != words)
		return refuse(r, "found something else, expected %s", expected);
	return true;
}

static bool is_word(struct word word, const char *text)
{
	return word.size == strlen(text) && memcmp(word.text, text, word.size) == 0;
}

/* 1 where value < limit, else 0, as for a difference that went below 0. */
static unsigned is_below(unsigned value, unsigned limit)
{
	return ((value - limit) & ~value) >> 31;
}

/* -1 for what is no digit. Without a branch that depends on which digit it is: it may be of a key. */
static int digit_value(char c)
{
	const unsigned octet = (unsigned char)c, decimal = octet - '0', letter = (octet | 0x20) - 'a';
	const unsigned is_decimal = is_below(decimal, 10), is_letter = is_below(letter, 6);

	return (int)(is_decimal * decimal + is_letter * (letter + 10)) - (int)(1 - is_decimal - is_letter);
}

/* `size` octets of twice as many digits. */
static bool parse_octets(struct word word, uint8_t *octets, size_t size)
{
	if (word.size != 2 * size)
		return false;
	for (size_t i = 0; i < size; i++) {
		const int high = digit_value(word.text[2 * i]), low = digit_value(word.text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		octets[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* A number of exactly so many digits. */
static bool parse_hex(struct word word, unsigned digits, uint64_t *value)
{
	if (word.size != digits)
		return false;
	*value = 0;
	for (size_t i = 0; i < word.size; i++) {
		const int digit = digit_value(word.text[i]);

		if (digit < 0)
			return false;
		*value = *value << 4 | (unsigned)digit;
	}
	return true;
}

static bool parse_id(struct word word, uint32_t *id)
{
	uint64_t value;

	if (!parse_hex(word, KEY_FILE_ID_DIGITS, &value))
		return false;
	*id = (uint32_t)value;
	return true;
}

static bool parse_decimal(struct word word, uint64_t most, uint64_t *value)
{
	*value = 0;
	if (word.size == 0 || (word.size > 1 && word.text[0] == '0'))
		return false;
	for (size_t i = 0; i < word.size; i++) {
		const unsigned digit = (unsigned)(word.text[i] - '0');

		if (digit > 9 || *value > (most - digit) / 10)
			return false;
		*value = *value * 10 + digit;
	}
	return true;
}

/* Seconds, with or without a fraction, into units of 2^-32 s; up to 31 years. */
static bool parse_age(struct word word, uint64_t *age)
{
	const char *point = memchr(word.text, '.', word.size);
	const size_t whole = point ? (size_t)(point - word.text) : word.size;
	uint64_t seconds, scale = 1, fraction = 0;

	if (!parse_decimal((struct word){word.text, whole}, KEY_FILE_AGE_MOST, &seconds))
		return false;
	for (size_t i = whole + 1; i < word.size; i++) {
		const unsigned digit = (unsigned)(word.text[i] - '0');

		if (digit > 9 || scale == 1000000000)
			return false;
		fraction = fraction * 10 + digit;
		scale *= 10;
	}
	if (point && scale == 1)
		return false;
	*age = seconds * NTP64_SECOND + fraction * NTP64_SECOND / scale;
	return true;
}

/* The AEAD that a key is of. */
static bool read_algorithm(struct reader *r, struct word word, uint16_t *algorithm)
{
	uint64_t value;

	if (!parse_decimal(word, UINT16_MAX, &value))
		return refuse(r, "found something else, expected the number of an AEAD: 15 or 30");
	*algorithm = (uint16_t)value;
	return value == AEAD_AES_SIV_CMAC_256 || value == AEAD_AES_128_GCM_SIV ||
	       refuse(r,
		       "found a key of AEAD %u: only keys of AEAD 15 (AES-SIV-CMAC-256) and 30 "
		       "(AES-128-GCM-SIV) can be used here",
		       (unsigned)value);
}

/* The first two lines; the AEAD of all keys, or 0 where it stands behind each. */
static bool read_head(struct reader *r, uint16_t *algorithm, uint64_t *age)
{
	bool newer;

	if (!take_line(r, 1, "NKS0 or NKS1, with which chrony's key files and ours begin"))
		return false;
	newer = is_word(r->word[0], "NKS1");
	if (!newer && !is_word(r->word[0], "NKS0"))
		return refuse(r, "found something else, expected NKS0 or NKS1, with which chrony's key "
				 "files and ours begin");
	*algorithm = 0;
	if (newer ? !take_line(r, 1, "an age in seconds, as 604.2")
		  : !take_line(r, 2, "an AEAD's number and an age in seconds, as 15 604.2"))
		return false;
	if (!newer && !read_algorithm(r, r->word[0], algorithm))
		return false;
	if (!parse_age(r->word[r->words - 1], age))
		return refuse(r, "found something else, expected an age of 0 to 999999999 seconds");
	return true;
}

static bool read_key(
	struct reader *r, uint16_t algorithm, struct keyring_key *key, const struct keyring_key *before)
{
	const bool newer = algorithm == 0;
	const char *expected =
		newer ? "an id of 8 and a key of 64 hexadecimal digits, or 32 of AEAD 30, and an "
			"AEAD's number"
		: algorithm == AEAD_AES_128_GCM_SIV ? "an id of 8 and a key of 32 hexadecimal digits"
						    : "an id of 8 and a key of 64 hexadecimal digits";

	if (!take_line(r, newer ? 3 : 2, expected) || (newer && !read_algorithm(r, r->word[2], &algorithm)))
		return false;
	if (!parse_id(r->word[0], &key->id) ||
		!parse_octets(r->word[1], key->key, key_file_key_size(algorithm)))
		return refuse(r, "found something else, expected %s", expected);
	if (before && ((key->id - before->id) & KEY_FILE_ID_LOW) != 1)
		return refuse(r,
			"found the id %08X after %08X, expected the lowest two bits to count up by one",
			key->id, before->id);
	key->algorithm = algorithm;
	return true;
}

/* Times of keys[], oldest first, of which the newest was made so long ago. */
static void set_times(struct keyring_key keys[KEYRING_KEYS], ntp64 now, uint64_t age, uint64_t period)
{
	/* However late, the future key begins now, and those before it go on to open. */
	const ntp64 rotation = now - (age < period ? age : period);

	for (unsigned i = 0; i < KEYRING_KEYS; i++) {
		const bool future = i > KEY_FILE_CURRENT_LINE;

		if (period > 0) {
			keys[i].not_before = rotation + (i - (uint64_t)KEY_FILE_CURRENT_LINE) * period;
			keys[i].not_after = keys[i].not_before + (1 + KEYRING_OLD) * period;
		} else {
			keys[i].not_before = future ? now + NEVER : now + i - KEY_FILE_CURRENT_LINE;
			keys[i].not_after = now + NEVER;
		}
	}
}

static bool read_times(struct reader *r, struct keyring_key *key)
{
	static const char expected[] = "the id of the key of this place, and when it begins and ends: 0 0 "
				       "or twice 16 hexadecimal digits";
	uint32_t id;

	if (!take_line(r, 3, expected))
		return false;
	if (!parse_id(r->word[0], &id) || id != key->id)
		return refuse(r, "found something else, expected %s", expected);
	if (is_word(r->word[1], "0") && is_word(r->word[2], "0")) {
		OPENSSL_cleanse(key, sizeof(*key));
		return true;
	}
	if (!parse_hex(r->word[1], KEY_FILE_TIME_DIGITS, &key->not_before) ||
		!parse_hex(r->word[2], KEY_FILE_TIME_DIGITS, &key->not_after))
		return refuse(r, "found something else, expected %s", expected);
	return true;
}

static bool read_rotations(struct reader *r, uint64_t *rotations)
{
	static const char expected[] = "\"rotations\" and their number";

	if (!take_line(r, 2, expected))
		return false;
	if (!is_word(r->word[0], "rotations") || !parse_decimal(r->word[1], UINT64_MAX, rotations))
		return refuse(r, "found something else, expected %s", expected);
	return true;
}

static bool read_digest(struct reader *r)
{
	static const char expected[] = "\"sha256\" and 64 hexadecimal digits";
	const size_t size = r->at;
	uint8_t said[KEY_FILE_SHA256], digest[KEY_FILE_SHA256];

	if (!take_line(r, 2, expected))
		return false;
	if (!is_word(r->word[0], "sha256") || !parse_octets(r->word[1], said, sizeof(said)))
		return refuse(r, "found something else, expected %s", expected);
	if (EVP_Digest(r->text, size, digest, NULL, EVP_sha256(), NULL) != 1)
		return refuse(r, "the library cannot do SHA-256");
	if (CRYPTO_memcmp(digest, said, sizeof(said)) != 0)
		return refuse(r, "the file is damaged or was changed by hand: its lines are not those that "
				 "the sum was made of");
	if (r->at < r->size) {
		r->line++;
		return refuse(r, "found more text, expected the end of the file");
	}
	return true;
}

/* Our own lines, into what chrony's have given. Fillers are turned into empty slots. */
static bool read_trailer(struct reader *r, struct keyring_key keys[KEYRING_KEYS], uint64_t *rotations)
{
	static const char expected[] = "the end of the file, or \"tickwire 1\"";

	if (!take_line(r, 2, expected))
		return false;
	if (!is_word(r->word[0], "tickwire"))
		return refuse(r, "found something else, expected %s", expected);
	if (!is_word(r->word[1], "1"))
		return refuse(r, "the file is of another version of tickwire, expected version 1");
	for (unsigned i = 0; i < KEYRING_KEYS; i++)
		if (!read_times(r, &keys[i]))
			return false;
	return read_rotations(r, rotations) && read_digest(r);
}

/* Newest first, without the fillers. */
static bool make_ring(struct reader *r, struct keyring *ring, const struct keyring_key keys[KEYRING_KEYS])
{
	unsigned used = 0;

	for (unsigned i = KEYRING_KEYS; i-- > 0;)
		if (keys[i].algorithm != 0)
			ring->key[used++] = keys[i];
	return used > 0 || refuse(r, "found no key");
}

static bool read_file(struct reader *r, struct keyring *ring, ntp64 now, uint64_t period)
{
	struct keyring_key keys[KEYRING_KEYS] = {0};
	uint64_t age = 0;
	uint16_t algorithm = 0;
	bool good;

	good = read_head(r, &algorithm, &age);
	for (unsigned i = 0; good && i < KEYRING_KEYS; i++)
		good = read_key(r, algorithm, &keys[i], i > 0 ? &keys[i - 1] : NULL);
	ring->rotations = KEYRING_KEYS; /* at least; chrony does not count them */
	if (good && r->at == r->size)
		set_times(keys, now, age, period);
	else
		good = good && read_trailer(r, keys, &ring->rotations);
	good = good && make_ring(r, ring, keys);
	OPENSSL_cleanse(keys, sizeof(keys));
	return good;
}

bool key_file_read(struct keyring *ring, const char *text, size_t size, ntp64 now, uint64_t period,
	char *message, size_t message_size)
{
	struct reader r = {.text = text, .size = size, .message = message, .message_size = message_size};
	struct keyring read = {0};
	const bool good = read_file(&r, &read, now, period);

	if (good)
		*ring = read;
	OPENSSL_cleanse(&read, sizeof(read));
	return good;
}
