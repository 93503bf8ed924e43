/* The keyring's file: nts/key_file.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nts/key_file.h"

static const ntp64 now = UINT64_C(0xeb00000000000000) + 12345;
static const uint64_t period = 1000 * NTP64_SECOND;

#define KEY_0 "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"
#define KEY_1 "1111111111111111111111111111111111111111111111111111111111111111"
#define KEY_2 "2222222222222222222222222222222222222222222222222222222222222222"
#define KEY_3 "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0"
#define KEYS_OF_NKS0 "0000000E " KEY_0 "\nA000000F " KEY_1 "\nB0000010 " KEY_2 "\nFFFFFFFD " KEY_3 "\n"
#define KEYS_OF_NKS1 \
	"0000000E " KEY_0 " 15\nA000000F " KEY_1 " 15\nB0000010 " KEY_2 " 15\nFFFFFFFD " KEY_3 " 15\n"

static uint64_t random_state;

/* xorshift64*: the same in each run. */
static uint64_t random64(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(0x2545f4914f6cdd1d);
}

static struct keyring_fresh random_fresh(uint32_t id)
{
	struct keyring_fresh fresh = {.id = id};

	for (unsigned i = 0; i < SIV_KEY; i++)
		fresh.key[i] = (uint8_t)random64();
	return fresh;
}

static void make_fill(struct keyring_fresh fill[KEYRING_KEYS])
{
	for (unsigned i = 0; i < KEYRING_KEYS; i++)
		fill[i] = random_fresh((uint32_t)random64());
}

/* A ring after so many rotations, the last one at `now`, the others some part of a period apart. */
static struct keyring make_ring(unsigned rotations)
{
	struct keyring ring = {0};

	for (unsigned i = 0; i < rotations; i++) {
		const ntp64 when = now - (rotations - 1 - i) * period / 2;
		struct keyring_fresh fresh;

		do
			fresh = random_fresh(key_file_next_id(&ring, (uint32_t)random64()));
		while (!keyring_rotate(&ring, &fresh, when, period));
	}
	return ring;
}

static size_t write_ring(char text[KEY_FILE_MAX], const struct keyring *ring, ntp64 when)
{
	struct keyring_fresh fill[KEYRING_KEYS];

	make_fill(fill);
	return key_file_write(text, ring, when, fill);
}

/* Reads from a block of exactly the text's size, so that a sanitizer sees the first octet too many. */
static bool read_octets(
	struct keyring *ring, const char *text, size_t size, uint64_t of_period, char *message)
{
	char *copy = malloc(size ? size : 1);
	bool good;

	assert_non_null(copy);
	memcpy(copy, text, size);
	message[0] = 0;
	good = key_file_read(ring, copy, size, now, of_period, message, 256);
	assert_int_equal(good, message[0] == 0);
	free(copy);
	return good;
}

static bool read_text(struct keyring *ring, const char *text, char message[256])
{
	return read_octets(ring, text, strlen(text), period, message);
}

static void test_round_trip(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 400; n++) {
		const unsigned rotations = 1 + n % 8;
		const struct keyring ring = make_ring(rotations);
		/* up to late, when the future key has begun and old ones have expired */
		const ntp64 when = now + random64() % (n % 16 < 8 ? period : 3 * period);
		struct keyring kept = ring, again;
		char text[KEY_FILE_MAX], message[256];
		size_t size;

		keyring_erase_expired(&kept, when);
		size = write_ring(text, &ring, when);
		assert_true(size > 0);
		memset(&again, 0xa5, sizeof(again));
		assert_true(read_octets(&again, text, size, n % 2 ? period : 0, message));
		assert_memory_equal(&again, &kept, sizeof(kept));
	}
}

/* The form, octet by octet; the sum is from sha256sum. */
static void test_form(void **state)
{
	static const char expected[] =
		"NKS0\n15 12.5\n"
		"80000002 0000000000000000000000000000000000000000000000000000000000000000\n"
		"90000003 0101010101010101010101010101010101010101010101010101010101010101\n"
		"0000ABC4 ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB\n"
		"0000DEF5 EFEFEFEFEFEFEFEFEFEFEFEFEFEFEFEFEFEFEFEFEFEFEFEFEFEFEFEFEFEFEFEF\n"
		"tickwire 1\n"
		"80000002 0 0\n"
		"90000003 0 0\n"
		"0000ABC4 EB00000000003039 EB000BB800003039\n"
		"0000DEF5 EB0003E800003039 EB000FA000003039\n"
		"rotations 2\n"
		"sha256 15CB4339FBFCE822743724502BD20D54B27A9A8684CA7DEB07870E4D0BE8DC17\n";
	struct keyring_fresh fill[KEYRING_KEYS] = {{.id = 0x80000000}, {.id = 0x90000000}};
	struct keyring ring = {0};
	struct keyring_fresh one = {.id = 0xabc4}, two = {.id = 0xdef5};
	char text[KEY_FILE_MAX];

	(void)state;
	memset(fill[1].key, 1, SIV_KEY);
	memset(one.key, 0xab, SIV_KEY);
	memset(two.key, 0xef, SIV_KEY);
	assert_true(keyring_rotate(&ring, &one, now, period) && keyring_rotate(&ring, &two, now, period));
	assert_int_equal(key_file_write(text, &ring, now + 25 * NTP64_SECOND / 2, fill), strlen(expected));
	assert_memory_equal(text, expected, strlen(expected));
}

/* A chrony that reads the first six lines seals with what we seal with. */
static void test_current_is_third(void **state)
{
	(void)state;
	for (unsigned rotations = 1; rotations <= 6; rotations++)
		for (unsigned late = 0; late < 2; late++) {
			const struct keyring ring = make_ring(rotations);
			const ntp64 when = now + (late ? period + period / 4 : period / 4);
			const struct keyring_key *current = keyring_current(&ring, when);
			char text[KEY_FILE_MAX], id[9];
			const char *third = text;

			if (late && rotations > 3)
				continue; /* four keys not expired: the current one is on the last line */
			assert_true(write_ring(text, &ring, when) > 0);
			for (unsigned line = 0; line < 4; line++)
				third = strchr(third, '\n') + 1;
			snprintf(id, sizeof(id), "%08X", current->id);
			assert_memory_equal(third, id, 8);
		}
}

/* Late, with four keys: none is left out. */
static void test_late(void **state)
{
	const struct keyring ring = make_ring(6);
	struct keyring again;
	char text[KEY_FILE_MAX], message[256];
	size_t size;

	(void)state;
	assert_ptr_equal(keyring_current(&ring, now + period), &ring.key[0]);
	size = write_ring(text, &ring, now + period);
	assert_true(size > 0);
	assert_true(read_octets(&again, text, size, period, message));
	assert_memory_equal(&again, &ring, sizeof(ring));
}

/* As chrony 4.4 and newer make them, and one of ours among them: the form with an AEAD to each key. */
static void test_gcm_siv(void **state)
{
	struct keyring ring = make_ring(4), again;
	char text[KEY_FILE_MAX], message[256];
	size_t size;

	(void)state;
	for (unsigned i = 0; i < KEYRING_KEYS; i++)
		if (i != 1) {
			ring.key[i].algorithm = AEAD_AES_128_GCM_SIV;
			memset(ring.key[i].key + GCM_SIV_KEY, 0, SIV_KEY - GCM_SIV_KEY);
		}
	size = write_ring(text, &ring, now);
	assert_true(size > 0 && size < KEY_FILE_MAX);
	assert_memory_equal(text, "NKS1\n", 5);
	assert_true(read_octets(&again, text, size, period, message));
	assert_memory_equal(&again, &ring, sizeof(ring));
}

static void test_cannot_be_written(void **state)
{
	struct keyring ring = {0};
	char text[KEY_FILE_MAX];

	(void)state;
	assert_int_equal(write_ring(text, &ring, now), 0);
	ring = make_ring(4);
	assert_int_equal(write_ring(text, &ring, now + 4 * period), 0);
	ring.key[1].algorithm = 17;
	assert_int_equal(write_ring(text, &ring, now), 0);
	ring.key[1].algorithm = AEAD_AES_SIV_CMAC_256;
	ring.key[3].algorithm = 17;
	assert_int_equal(write_ring(text, &ring, now), 0);
	ring.key[3].algorithm = AEAD_AES_SIV_CMAC_256;
	assert_true(write_ring(text, &ring, now) > 0);
}

/* A key between others has expired, as after a shorter period: fillers go there, and all are read back. */
static void test_gap(void **state)
{
	(void)state;
	for (unsigned gone = 0; gone < 16; gone++) {
		struct keyring ring = make_ring(4), again;
		char text[KEY_FILE_MAX], message[256];
		size_t size;

		for (unsigned i = 0; i < KEYRING_KEYS; i++)
			if (gone & 1U << i)
				ring.key[i].not_after = now;
		size = write_ring(text, &ring, now);
		keyring_erase_expired(&ring, now);
		assert_int_equal(size > 0, gone != 15);
		if (size == 0)
			continue;
		assert_true(read_octets(&again, text, size, period, message));
		assert_memory_equal(&again, &ring, sizeof(ring));
	}
}

/* After a gap two keys are for the same place: the newer one gets it. */
static void test_taken(void **state)
{
	struct keyring ring = make_ring(4), again;
	char text[KEY_FILE_MAX], message[256];
	size_t size;

	(void)state;
	ring.key[3].id -= 1;
	size = write_ring(text, &ring, now);
	assert_true(size > 0);
	assert_true(read_octets(&again, text, size, period, message));
	assert_memory_equal(&again, &ring, 3 * sizeof(ring.key[0]));
	assert_int_equal(again.key[3].algorithm, 0);
}

static void test_longest(void **state)
{
	struct keyring ring = make_ring(4), again;
	char text[KEY_FILE_MAX], message[256];
	size_t size;

	(void)state;
	ring.rotations = UINT64_MAX;
	for (unsigned i = 0; i < KEYRING_KEYS; i++) { /* as old as can be */
		ring.key[i].not_before = now - (UINT64_C(1) << 62);
		ring.key[i].not_after = now + 1;
	}
	size = write_ring(text, &ring, now);
	assert_in_range(size, 1, KEY_FILE_MAX - 1);
	assert_true(read_octets(&again, text, size, period, message));
	assert_memory_equal(&again, &ring, sizeof(ring));
}

static void assert_key(
	const struct keyring_key *key, uint32_t id, unsigned first, int64_t begins, int64_t ends)
{
	assert_int_equal(key->id, id);
	assert_int_equal(key->key[0], first);
	assert_int_equal(key->algorithm, AEAD_AES_SIV_CMAC_256);
	assert_true(key->not_before == now + (uint64_t)begins);
	assert_true(key->not_after == now + (uint64_t)ends);
}

static void test_chrony(void **state)
{
	static const char *const texts[] = {"NKS0\n15 604.5\n" KEYS_OF_NKS0, "NKS1\n604.5\n" KEYS_OF_NKS1};
	const int64_t p = (int64_t)period, rotation = -(604 * (int64_t)NTP64_SECOND + (1LL << 31));

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct keyring ring;
		char message[256];

		assert_true(read_text(&ring, texts[i], message));
		assert_key(&ring.key[0], 0xfffffffd, 0xff, rotation + p, rotation + 4 * p);
		assert_key(&ring.key[1], 0xb0000010, 0x22, rotation, rotation + 3 * p);
		assert_key(&ring.key[2], 0xa000000f, 0x11, rotation - p, rotation + 2 * p);
		assert_key(&ring.key[3], 0x0000000e, 0x00, rotation - 2 * p, rotation + p);
		assert_ptr_equal(keyring_current(&ring, now), &ring.key[1]);
		assert_int_equal(ring.key[0].key[31], 0xe0);
		assert_int_equal(ring.rotations, 4);
	}
}

/* As if it had been rotated here: rotating goes on with the same times. */
static void test_chrony_like_ours(void **state)
{
	struct keyring ring = {0}, read;
	char text[KEY_FILE_MAX], message[256];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct keyring_fresh fresh = random_fresh(key_file_next_id(&ring, (uint32_t)random64()));

		assert_true(keyring_rotate(&ring, &fresh, now - (4 - i) * period / 2 * 2, period));
	}
	assert_true(write_ring(text, &ring, now - period + 100 * NTP64_SECOND) > 0);
	*strstr(text, "tickwire 1") = 0;
	/* read 900 s after it was written, which chrony does not count, either */
	assert_true(read_text(&read, text, message));
	for (unsigned i = 0; i < KEYRING_KEYS; i++) {
		ring.key[i].not_before += 900 * NTP64_SECOND;
		ring.key[i].not_after += 900 * NTP64_SECOND;
	}
	assert_memory_equal(&read, &ring, sizeof(ring));
}

/* chrony's period was longer than ours: the keys that clients have cookies of still open. */
static void test_chrony_old(void **state)
{
	struct keyring ring;
	char message[256];

	(void)state;
	assert_true(read_text(&ring, "NKS0\n15 500000.0\n" KEYS_OF_NKS0, message));
	assert_ptr_equal(keyring_current(&ring, now), &ring.key[0]);
	assert_false(keyring_is_expired(&ring.key[1], now));
	assert_false(keyring_is_expired(&ring.key[2], now));
}

/* Without rotation nothing ends. */
static void test_chrony_period_0(void **state)
{
	static const char text[] = "NKS0\n15 0.0\n" KEYS_OF_NKS0;
	const ntp64 later = now + 30 * (ntp64)31536000 * NTP64_SECOND;
	struct keyring ring;
	char message[256];

	(void)state;
	assert_true(read_octets(&ring, text, strlen(text), 0, message));
	assert_ptr_equal(keyring_current(&ring, now), &ring.key[1]);
	assert_ptr_equal(keyring_current(&ring, later), &ring.key[1]);
	assert_int_equal(keyring_erase_expired(&ring, later), 0);
}

static void test_ages(void **state)
{
	static const char *const good[] = {"0", "0.0", "7", "7.123456789", "999999999.9"};
	static const char *const bad[] = {"-1.0", "+1", "1e3", "1.", ".5", "nan", "1000000000", "01.0",
		"1.0000000001", "1..2", "1.2.3"};
	char text[1024], message[256];
	struct keyring ring;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), "NKS1\n%s\n" KEYS_OF_NKS1, good[i]);
		assert_true(read_text(&ring, text, message));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "NKS1\n%s\n" KEYS_OF_NKS1, bad[i]);
		assert_false(read_text(&ring, text, message));
		assert_non_null(strstr(message, "line 2: "));
	}
}

/* What is refused, where, and with which words. */
static void test_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"", "line 1: found the end of the file"},
		{"\n", "line 1: found something else"},
		{"NKS0", "line 1: found a line that does not end"},
		{"NKS2\n15 0.0\n" KEYS_OF_NKS0, "line 1: found something else, expected NKS0 or NKS1"},
		{"NKS0\r\n15 0.0\n" KEYS_OF_NKS0, "line 1: "},
		{"NKS0 \n15 0.0\n" KEYS_OF_NKS0, "line 1: "},
		{"NKS0\n", "line 2: found the end of the file"},
		{"NKS0\n0.0\n" KEYS_OF_NKS0, "line 2: "},
		{"NKS1\n15 0.0\n" KEYS_OF_NKS1, "line 2: "},
		{"NKS0\n15  0.0\n" KEYS_OF_NKS0, "line 2: "},
		{"NKS0\n30 0.0\n" KEYS_OF_NKS0,
			"line 3: found something else, expected an id of 8 and a key of 32"},
		{"NKS1\n0.0\n0000000C " KEY_0 " 17\n",
			"line 3: found a key of AEAD 17: only keys of AEAD 15"},
		{"NKS1\n0.0\n0000000C " KEY_0 " 30\n", "line 3: found something else, expected an id of 8"},
		{"NKS1\n0.0\n0000000C 00112233445566778899AABBCCDDEEFF 15\n",
			"line 3: found something else, expected an id of 8"},
		{"NKS0\n17 0.0\n" KEYS_OF_NKS0, "line 2: found a key of AEAD 17: only keys of AEAD 15"},
		{"NKS0\n65536 0.0\n" KEYS_OF_NKS0, "line 2: found something else, expected the number"},
		{"NKS0\n15 0.0\n", "line 3: found the end of the file"},
		{"NKS0\n15 0.0\n" KEYS_OF_NKS1, "line 3: "},
		{"NKS1\n0.0\n" KEYS_OF_NKS0, "line 3: "},
		{"NKS1\n0.0\n0000000C 00112233445566778899AABBCCDDEEFF 30\n",
			"line 4: found the end of the file"},
		{"NKS0\n15 0.0\nC " KEY_0 "\n", "line 3: "},
		{"NKS0\n15 0.0\n0000000G " KEY_0 "\n", "line 3: "},
		{"NKS0\n15 0.0\n0000000C " KEY_0 "0\n", "line 3: "},
		{"NKS0\n15 0.0\n0000000C " KEY_0 "00\n", "line 3: "},
		{"NKS0\n15 0.0\n0000000C 0x" KEY_0 "\n", "line 3: "},
		{"NKS0\n15 0.0\n0000000C " KEY_0 "\n0000000C " KEY_0 "\n",
			"line 4: found the id 0000000C after 0000000C, expected the lowest two bits"},
		{"NKS0\n15 0.0\n0000000C " KEY_0 "\n0000000E " KEY_0 "\n", "line 4: found the id"},
		{"NKS0\n15 0.0\n0000000C " KEY_0 "\n0000000D " KEY_0 "\n0000000E " KEY_0 "\n",
			"line 6: found the end of the file"},
		{"NKS0\n15 0.0\n" KEYS_OF_NKS0 "\n", "line 7: "},
		{"NKS0\n15 0.0\n" KEYS_OF_NKS0 "x", "line 7: "},
		{"NKS0\n15 0.0\n" KEYS_OF_NKS0 "00000012 " KEY_0 "\n", "line 7: found something else"},
		{"NKS1\n0.0\n" KEYS_OF_NKS1 "tickwire 1\n", "line 8: found the end of the file"},
		{"NKS0\n15 0.0\n" KEYS_OF_NKS0 "tickwire 2\n", "line 7: the file is of another version"},
		{"NKS0\n15 0.0\n" KEYS_OF_NKS0 "tickwire 1\n", "line 8: found the end of the file"},
		{"NKS0\n15 0.0\n" KEYS_OF_NKS0 "tickwire 1\n0000000F 0 0\n", "line 8: found something else"},
		{"NKS0\n15 0.0\n" KEYS_OF_NKS0 "tickwire 1\n0000000E 0 1\n", "line 8: found something else"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct keyring ring, before;
		char message[256];

		memset(&ring, 0xa5, sizeof(ring));
		before = ring;
		if (read_text(&ring, cases[i].text, message) ||
			strncmp(message, cases[i].message, strlen(cases[i].message)) != 0)
			fail_msg("case %zu: \"%s\", expected \"%s\"", i, message, cases[i].message);
		assert_memory_equal(&ring, &before, sizeof(ring));
	}
}

/* No octet of a key is in any sentence. */
static void test_sentence_keeps_secrets(void **state)
{
	static const char whole[] = "NKS0\n15 604.5\n" KEYS_OF_NKS0;

	(void)state;
	for (size_t i = 0; i < strlen(whole); i++) {
		char text[sizeof(whole)], message[256];
		struct keyring ring;

		memcpy(text, whole, sizeof(whole));
		text[i] = '?';
		assert_false(read_text(&ring, text, message));
		assert_null(strstr(message, "1111"));
		assert_null(strstr(message, "2222"));
		assert_null(strstr(message, "0102"));
		assert_null(strstr(message, "fffe"));
	}
}

/* Wherever it is cut it is refused; but for where it is chrony's file and no more. */
static void test_cut(void **state)
{
	(void)state;
	for (unsigned rotations = 1; rotations <= 4; rotations++) {
		const struct keyring ring = make_ring(rotations);
		char text[KEY_FILE_MAX], message[256];
		const size_t size = write_ring(text, &ring, now);
		size_t chronys;

		text[size] = 0;
		chronys = (size_t)(strstr(text, "tickwire 1\n") - text);
		for (size_t cut = 0; cut < size; cut++) {
			struct keyring read;

			assert_int_equal(read_octets(&read, text, cut, period, message), cut == chronys);
		}
	}
}

/* Each bit flipped: refused, or a letter of the sum in lower case, which is the same sum. */
static void test_flipped(void **state)
{
	const struct keyring ring = make_ring(3);
	char text[KEY_FILE_MAX], message[256];
	const size_t size = write_ring(text, &ring, now);
	size_t sum;

	(void)state;
	text[size] = 0;
	sum = (size_t)(strstr(text, "sha256 ") - text) + strlen("sha256 ");
	for (size_t bit = 0; bit < 8 * size; bit++) {
		const size_t at = bit / 8;
		const bool same = at >= sum && text[at] >= 'A' && text[at] <= 'F' && bit % 8 == 5;
		struct keyring read;
		bool good;

		text[at] ^= (char)(1 << bit % 8);
		good = read_octets(&read, text, size, period, message);
		text[at] ^= (char)(1 << bit % 8);
		assert_int_equal(good, same);
		if (good)
			assert_memory_equal(&read, &ring, sizeof(ring));
	}
}

static void test_damaged(void **state)
{
	const struct keyring ring = make_ring(4);
	char text[KEY_FILE_MAX], message[256];
	const size_t size = write_ring(text, &ring, now);
	struct keyring read;
	char *digit;

	(void)state;
	digit = text + strlen("NKS0\n15 0.0\n12345678 ");
	*digit = *digit == '0' ? '1' : '0';
	assert_false(read_octets(&read, text, size, period, message));
	assert_non_null(strstr(message, "line 13: the file is damaged"));
}

static void test_more(void **state)
{
	const struct keyring ring = make_ring(4);
	char text[KEY_FILE_MAX], message[256];
	const size_t size = write_ring(text, &ring, now);
	struct keyring read;

	(void)state;
	text[size] = '\n';
	assert_false(read_octets(&read, text, size + 1, period, message));
	assert_non_null(strstr(message, "line 14: found more text"));
	text[size] = 0;
	assert_false(read_octets(&read, text, size + 1, period, message));
}

static void test_next_id(void **state)
{
	struct keyring ring = {0};

	(void)state;
	assert_int_equal(key_file_next_id(&ring, 0x12345679), 0x12345679);
	for (uint32_t i = 0; i < 8; i++) {
		ring.key[0] = (struct keyring_key){.id = UINT32_MAX - i, .algorithm = AEAD_AES_SIV_CMAC_256};
		for (uint32_t random = 0x40; random < 0x44; random++)
			assert_int_equal(key_file_next_id(&ring, random), 0x40 | ((0U - i) & 3));
	}
}

static int reset_random(void **state)
{
	(void)state;
	random_state = 20240229;
	return 0;
}

#define CASE(test) cmocka_unit_test_setup(test, reset_random)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_round_trip),
		CASE(test_form),
		CASE(test_current_is_third),
		CASE(test_late),
		CASE(test_gcm_siv),
		CASE(test_cannot_be_written),
		CASE(test_gap),
		CASE(test_taken),
		CASE(test_longest),
		CASE(test_chrony),
		CASE(test_chrony_like_ours),
		CASE(test_chrony_old),
		CASE(test_chrony_period_0),
		CASE(test_ages),
		CASE(test_refused),
		CASE(test_sentence_keeps_secrets),
		CASE(test_cut),
		CASE(test_flipped),
		CASE(test_damaged),
		CASE(test_more),
		CASE(test_next_id),
	};

	return cmocka_run_group_tests_name("key file", tests, NULL, NULL);
}
