/* AES-128-GCM-SIV: the RFC's vectors with each back-end, and other implementations as second opinions where
 * they are installed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#ifdef WITH_GCRYPT
#include <gcrypt.h>
#endif

#include "bench/random.h"
#include "nts/gcm_siv.h"
#include "nts/siv_lanes.h"
#include "tests/each_backend.h"

enum { RANDOM = 4000, SIZE_MAX_HERE = 700, VECTOR_MAX = 128 };

static int make(void **state)
{
	*state = siv_new(backend);
	return *state ? 0 : -1;
}

static int unmake(void **state)
{
	siv_free(*state);
	return 0;
}

static size_t unhex(uint8_t *octets, const char *text)
{
	size_t size = 0;

	for (unsigned value; *text; text += 2, size++) {
		assert_int_equal(sscanf(text, "%2x", &value), 1);
		octets[size] = (uint8_t)value;
	}
	return size;
}

static uint64_t random_state;

static uint64_t draw(void)
{
	return random_next(&random_state);
}

static void fill(uint8_t *octets, size_t size)
{
	while (size-- > 0)
		*octets++ = (uint8_t)draw();
}

struct message {
	uint8_t key[GCM_SIV_KEY], nonce[GCM_SIV_NONCE], ad[SIZE_MAX_HERE], plain[SIZE_MAX_HERE];
	size_t ad_size, size;
};

/* In blocks of just their sizes, so that AddressSanitizer sees an octet too many. */
struct work {
	uint8_t *ad, *text, tag[SIV_TAG];
	struct siv_job job;
};

static uint8_t *block_of(const uint8_t *octets, size_t size)
{
	uint8_t *block = malloc(size ? size : 1);

	assert_non_null(block);
	memcpy(block, octets, size);
	return block;
}

static void begin(struct work *w, const struct message *m)
{
	w->ad = block_of(m->ad, m->ad_size);
	w->text = block_of(m->plain, m->size);
	w->job = (struct siv_job){
		.aead = AEAD_AES_128_GCM_SIV, .key = m->key, .text = w->text, .size = m->size, .tag = w->tag};
	siv_job_bind(&w->job, w->ad, m->ad_size, m->nonce, sizeof(m->nonce));
}

static void end(struct work *w)
{
	free(w->ad);
	free(w->text);
}

/* What sealing gives is `sealed`, ciphertext and tag, and opens again. */
static void check(struct siv *siv, const struct message *m, const uint8_t *sealed)
{
	struct work w;

	begin(&w, m);
	siv_seal(siv, &w.job, 1);
	assert_true(w.job.done);
	assert_memory_equal(w.text, sealed, m->size);
	assert_memory_equal(w.tag, sealed + m->size, SIV_TAG);
	siv_open(siv, &w.job, 1);
	assert_true(w.job.done);
	assert_memory_equal(w.text, m->plain, m->size);
	end(&w);
}

/* RFC 8452 appendix C.1. */
static const struct vector {
	const char *key, *nonce, *ad, *plain, *result;
} vector[] = {
	{"01000000000000000000000000000000", "030000000000000000000000", "", "",
		"dc20e2d83f25705bb49e439eca56de25"},
	{"01000000000000000000000000000000", "030000000000000000000000", "", "0100000000000000",
		"b5d839330ac7b786578782fff6013b815b287c22493a364c"},
	{"01000000000000000000000000000000", "030000000000000000000000", "", "010000000000000000000000",
		"7323ea61d05932260047d942a4978db357391a0bc4fdec8b0d106639"},
	{"01000000000000000000000000000000", "030000000000000000000000", "",
		"01000000000000000000000000000000",
		"743f7c8077ab25f8624e2e948579cf77303aaf90f6fe21199c6068577437a0c4"},
	{"01000000000000000000000000000000", "030000000000000000000000", "",
		"0100000000000000000000000000000002000000000000000000000000000000",
		"84e07e62ba83a6585417245d7ec413a9fe427d6315c09b57ce45f2e3936a9445"
		"1a8e45dcd4578c667cd86847bf6155ff"},
	{"01000000000000000000000000000000", "030000000000000000000000", "",
		"0100000000000000000000000000000002000000000000000000000000000000"
		"03000000000000000000000000000000",
		"3fd24ce1f5a67b75bf2351f181a475c7b800a5b4d3dcf70106b1eea82fa1d64d"
		"f42bf7226122fa92e17a40eeaac1201b5e6e311dbf395d35b0fe39c2714388f8"},
	{"01000000000000000000000000000000", "030000000000000000000000", "",
		"0100000000000000000000000000000002000000000000000000000000000000"
		"0300000000000000000000000000000004000000000000000000000000000000",
		"2433668f1058190f6d43e360f4f35cd8e475127cfca7028ea8ab5c20f7ab2af0"
		"2516a2bdcbc08d521be37ff28c152bba36697f25b4cd169c6590d1dd39566d3f"
		"8a263dd317aa88d56bdf3936dba75bb8"},
	{"01000000000000000000000000000000", "030000000000000000000000", "01", "0200000000000000",
		"1e6daba35669f4273b0a1a2560969cdf790d99759abd1508"},
	{"01000000000000000000000000000000", "030000000000000000000000", "01", "020000000000000000000000",
		"296c7889fd99f41917f4462008299c5102745aaa3a0c469fad9e075a"},
	{"01000000000000000000000000000000", "030000000000000000000000", "01",
		"02000000000000000000000000000000",
		"e2b0c5da79a901c1745f700525cb335b8f8936ec039e4e4bb97ebd8c4457441f"},
	{"01000000000000000000000000000000", "030000000000000000000000", "01",
		"0200000000000000000000000000000003000000000000000000000000000000",
		"620048ef3c1e73e57e02bb8562c416a319e73e4caac8e96a1ecb2933145a1d71"
		"e6af6a7f87287da059a71684ed3498e1"},
	{"01000000000000000000000000000000", "030000000000000000000000", "01",
		"0200000000000000000000000000000003000000000000000000000000000000"
		"04000000000000000000000000000000",
		"50c8303ea93925d64090d07bd109dfd9515a5a33431019c17d93465999a8b005"
		"3201d723120a8562b838cdff25bf9d1e6a8cc3865f76897c2e4b245cf31c51f2"},
	{"01000000000000000000000000000000", "030000000000000000000000", "01",
		"0200000000000000000000000000000003000000000000000000000000000000"
		"0400000000000000000000000000000005000000000000000000000000000000",
		"2f5c64059db55ee0fb847ed513003746aca4e61c711b5de2e7a77ffd02da42fe"
		"ec601910d3467bb8b36ebbaebce5fba30d36c95f48a3e7980f0e7ac299332a80"
		"cdc46ae475563de037001ef84ae21744"},
	{"01000000000000000000000000000000", "030000000000000000000000", "010000000000000000000000",
		"02000000", "a8fe3e8707eb1f84fb28f8cb73de8e99e2f48a14"},
	{"01000000000000000000000000000000", "030000000000000000000000",
		"010000000000000000000000000000000200", "0300000000000000000000000000000004000000",
		"6bb0fecf5ded9b77f902c7d5da236a4391dd029724afc9805e976f451e6d87f6"
		"fe106514"},
	{"01000000000000000000000000000000", "030000000000000000000000",
		"0100000000000000000000000000000002000000", "030000000000000000000000000000000400",
		"44d0aaf6fb2f1f34add5e8064e83e12a2adabff9b2ef00fb47920cc72a0c0f13"
		"b9fd"},
	{"e66021d5eb8e4f4066d4adb9c33560e4", "f46e44bb3da0015c94f70887", "", "",
		"a4194b79071b01a87d65f706e3949578"},
	{"36864200e0eaf5284d884a0e77d31646", "bae8e37fc83441b16034566b", "46bb91c3c5", "7a806c",
		"af60eb711bd85bc1e4d3e0a462e074eea428a8"},
	{"aedb64a6c590bc84d1a5e269e4b47801", "afc0577e34699b9e671fdd4f", "fc880c94a95198874296",
		"bdc66f146545", "bb93a3e34d3cd6a9c45545cfc11f03ad743dba20f966"},
	{"d5cc1fd161320b6920ce07787f86743b", "275d1ab32f6d1f0434d8848c", "046787f3ea22c127aaf195d1894728",
		"1177441f195495860f", "4f37281f7ad12949d01d02fd0cd174c84fc5dae2f60f52fd2b"},
	{"b3fed1473c528b8426a582995929a149", "9e9ad8780c8d63d0ab4149c0",
		"c9882e5386fd9f92ec489c8fde2be2cf97e74e93", "9f572c614b4745914474e7c7",
		"f54673c5ddf710c745641c8bc1dc2f871fb7561da1286e655e24b7b0"},
	{"2d4ed87da44102952ef94b02b805249b", "ac80e6f61455bfac8308a2d4",
		"2950a70d5a1db2316fd568378da107b52b0da55210cc1c1b0a", "0d8c8451178082355c9e940fea2f58",
		"c9ff545e07b88a015f05b274540aa183b3449b9f39552de99dc214a1190b0b"},
	{"bde3b2f204d1e9f8b06bc47f9745b3d1", "ae06556fb6aa7890bebc18fe",
		"1860f762ebfbd08284e421702de0de18baa9c9596291b08466f37de21c7f",
		"6b3db4da3d57aa94842b9803a96e07fb6de7",
		"6298b296e24e8cc35dce0bed484b7f30d5803e377094f04709f64d7b985310a4"
		"db84"},
	{"f901cfe8a69615a93fdf7a98cad48179", "6245709fb18853f68d833640",
		"7576f7028ec6eb5ea7e298342a94d4b202b370ef9768ec6561c4fe6b7e7296fa"
		"859c21",
		"e42a3c02c25b64869e146d7b233987bddfc240871d",
		"391cc328d484a4f46406181bcd62efd9b3ee197d052d15506c84a9edd65e13e9"
		"d24a2a6e70"},
};

static void test_rfc8452(void **state)
{
	static struct message m;
	uint8_t expected[VECTOR_MAX];

	for (size_t i = 0; i < sizeof(vector) / sizeof(vector[0]); i++) {
		assert_int_equal(unhex(m.key, vector[i].key), sizeof(m.key));
		assert_int_equal(unhex(m.nonce, vector[i].nonce), sizeof(m.nonce));
		m.ad_size = unhex(m.ad, vector[i].ad);
		m.size = unhex(m.plain, vector[i].plain);
		assert_int_equal(unhex(expected, vector[i].result), m.size + SIV_TAG);
		check(*state, &m, expected);
	}
}

/* RFC 8452 section 3's example. */
static void test_polyval(void **state)
{
	struct siv *siv = *state;
	uint8_t h[SIV_BLOCK], octets[2 * SIV_BLOCK], sum[SIV_BLOCK] = {0}, expected[SIV_BLOCK];

	unhex(h, "25629347589242761d31f826ba4b757b");
	unhex(octets, "4f4f95668c83dfb6401762bb2d01a262d1a24ddd2721d006bbe45f20d3c9f362");
	unhex(expected, "f7a3b47b846119fae5b7866cf5e5b77e");
	siv->backend->polyval(sum, h, octets, 2);
	assert_memory_equal(sum, expected, sizeof(sum));
}

/* The portable one against the definition, bit by bit: a * b * x^-128. */
static void test_polyval_by_bits(void **state)
{
	struct siv *siv = *state;

	for (unsigned n = 0; n < RANDOM; n++) {
		uint8_t a[SIV_BLOCK], b[SIV_BLOCK], sum[SIV_BLOCK] = {0}, r[SIV_BLOCK] = {0};

		fill(a, sizeof(a));
		fill(b, sizeof(b));
		if (n % 8 == 0)
			memset(n % 16 ? a : b, n % 32 < 16 ? 0 : 0xff, sizeof(a));
		siv->backend->polyval(sum, a, b, 1);
		for (unsigned bit = 0; bit < 128; bit++) {
			if (b[bit / 8] >> bit % 8 & 1)
				for (unsigned i = 0; i < SIV_BLOCK; i++)
					r[i] ^= a[i];
			/* divided by x: a lowest bit of 1 is taken away by the polynomial */
			const uint8_t odd = r[0] & 1;

			for (unsigned i = 0; i < SIV_BLOCK; i++)
				r[i] = (uint8_t)(r[i] >> 1 | (i + 1 < SIV_BLOCK ? r[i + 1] << 7 : 0));
			if (odd)
				r[SIV_BLOCK - 1] ^= 0xe1; /* x^127 + x^126 + x^125 + x^120 */
		}
		assert_memory_equal(sum, r, sizeof(r));
	}
}

/* Wycheproof's kind of edges: sizes around blocks, keys, nonces and texts of equal octets. */
static void draw_message(struct message *m, unsigned n)
{
	static const size_t sizes[] = {
		0, 1, 7, 8, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 127, 128, 511, 512, 513, 700};
	enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

	fill(m->key, sizeof(m->key));
	fill(m->nonce, sizeof(m->nonce));
	fill(m->ad, sizeof(m->ad));
	fill(m->plain, sizeof(m->plain));
	m->ad_size = n % 2 ? sizes[draw() % SIZES] : draw() % SIZE_MAX_HERE;
	m->size = n % 3 ? sizes[draw() % SIZES] : draw() % SIZE_MAX_HERE;
	if (n % 5 == 0)
		memset(m->key, n % 10 ? 0 : 0xff, sizeof(m->key));
	if (n % 7 == 0)
		memset(m->nonce, n % 14 ? 0 : 0xff, sizeof(m->nonce));
	if (n % 11 == 0)
		memset(m->ad, n % 22 ? 0 : 0xff, sizeof(m->ad));
	if (n % 13 == 0)
		memset(m->plain, n % 26 ? 0 : 0xff, sizeof(m->plain));
}

static void check_random(struct siv *siv, void (*seal)(const struct message *m, uint8_t *sealed))
{
	static struct message m;
	static uint8_t sealed[SIZE_MAX_HERE + SIV_TAG];

	random_state = 8452;
	for (unsigned n = 0; n < RANDOM; n++) {
		draw_message(&m, n);
		seal(&m, sealed);
		check(siv, &m, sealed);
	}
}

#ifdef WITH_GCRYPT
static void seal_by_gcrypt(const struct message *m, uint8_t *sealed)
{
	gcry_cipher_hd_t cipher;

	assert_int_equal(gcry_cipher_open(&cipher, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_GCM_SIV, 0), 0);
	assert_int_equal(gcry_cipher_setkey(cipher, m->key, sizeof(m->key)), 0);
	assert_int_equal(gcry_cipher_setiv(cipher, m->nonce, sizeof(m->nonce)), 0);
	assert_int_equal(gcry_cipher_authenticate(cipher, m->ad, m->ad_size), 0);
	assert_int_equal(gcry_cipher_final(cipher), 0);
	assert_int_equal(gcry_cipher_encrypt(cipher, sealed, m->size, m->plain, m->size), 0);
	assert_int_equal(gcry_cipher_gettag(cipher, sealed + m->size, SIV_TAG), 0);
	gcry_cipher_close(cipher);
}

static void test_gcrypt(void **state)
{
	assert_non_null(gcry_check_version("1.10.0"));
	check_random(*state, seal_by_gcrypt);
}
#else
static void test_gcrypt(void **state)
{
	(void)state;
	print_message("libgcrypt 1.10 is not installed (libgcrypt20-dev)\n");
	skip();
}
#endif

static EVP_CIPHER *openssl_cipher;

static void seal_by_openssl(const struct message *m, uint8_t *sealed)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int size;

	assert_non_null(ctx);
	assert_int_equal(EVP_EncryptInit_ex2(ctx, openssl_cipher, m->key, m->nonce, NULL), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &size, m->ad, (int)m->ad_size), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, sealed, &size, m->plain, (int)m->size), 1);
	assert_int_equal(EVP_EncryptFinal_ex(ctx, sealed + m->size, &size), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SIV_TAG, sealed + m->size), 1);
	EVP_CIPHER_CTX_free(ctx);
}

static void test_openssl(void **state)
{
	openssl_cipher = EVP_CIPHER_fetch(NULL, "AES-128-GCM-SIV", NULL);
	if (!openssl_cipher) {
		print_message("OpenSSL has no AES-128-GCM-SIV (3.2 or newer has)\n");
		skip();
	}
	check_random(*state, seal_by_openssl);
	EVP_CIPHER_free(openssl_cipher);
}

/* Every bit of the tag, of the text, of the associated data and of the nonce counts; refused texts are
 * erased. */
static void test_every_bit(void **state)
{
	enum { AD = 37, TEXT = 40 };
	static const uint8_t zero[TEXT];
	static struct message m;
	struct work w;

	draw_message(&m, 1);
	m.ad_size = AD;
	m.size = TEXT;
	for (unsigned bit = 0; bit < 8 * (AD + TEXT + SIV_TAG + GCM_SIV_NONCE); bit++) {
		unsigned at = bit / 8;

		begin(&w, &m);
		siv_seal(*state, &w.job, 1);
		assert_true(w.job.done);
		uint8_t *octet = at < AD                    ? &w.ad[at]
				 : at < AD + TEXT           ? &w.text[at - AD]
				 : at < AD + TEXT + SIV_TAG ? &w.tag[at - AD - TEXT]
							    : &m.nonce[at - AD - TEXT - SIV_TAG];

		*octet ^= (uint8_t)(1 << bit % 8);
		siv_open(*state, &w.job, 1);
		assert_false(w.job.done);
		assert_memory_equal(w.text, zero, TEXT);
		if (octet >= m.nonce && octet < m.nonce + sizeof(m.nonce))
			*octet ^= (uint8_t)(1 << bit % 8);
		end(&w);
	}
}

/* A nonce of another length, or other strings: none can be sealed or opened. */
static void test_unsound(void **state)
{
	static struct message m;
	struct work w;
	uint8_t longer[GCM_SIV_NONCE + 4] = {0};

	draw_message(&m, 1);
	m.size = SIV_BLOCK;
	for (size_t size = 0; size <= sizeof(longer); size++) {
		if (size == GCM_SIV_NONCE)
			continue;
		begin(&w, &m);
		w.job.string[1] = (struct siv_span){longer, size};
		siv_seal(*state, &w.job, 1);
		assert_false(w.job.done);
		siv_open(*state, &w.job, 1);
		assert_false(w.job.done);
		end(&w);
	}
	begin(&w, &m);
	w.job.strings = 1;
	siv_seal(*state, &w.job, 1);
	assert_false(w.job.done);
	end(&w);
}

/* RFC 8452 section 3's dot. */
static void dot(uint8_t to[SIV_BLOCK], const uint8_t a[SIV_BLOCK], const uint8_t b[SIV_BLOCK])
{
	uint8_t sum[SIV_BLOCK] = {0};

	gcm_siv_polyval(sum, a, b, 1);
	memcpy(to, sum, sizeof(sum));
}

/* What takes a dot by h back: h to the power of 2^128 - 2. */
static void invert(uint8_t inverse[SIV_BLOCK], const uint8_t h[SIV_BLOCK])
{
	uint8_t square[SIV_BLOCK];

	dot(square, h, h);
	memcpy(inverse, square, sizeof(square));
	for (unsigned i = 2; i < 128; i++) {
		dot(square, square, square);
		dot(inverse, inverse, square);
	}
}

static void add_to(uint8_t *to, const uint8_t *block, size_t size)
{
	for (size_t i = 0; i < size; i++)
		to[i] ^= block[i];
}

static void by_openssl(bool encrypt, const uint8_t key[GCM_SIV_KEY], uint8_t *octets, int size)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int got;

	assert_non_null(ctx);
	assert_int_equal(EVP_CipherInit_ex(ctx, EVP_aes_128_ecb(), NULL, key, NULL, encrypt), 1);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	assert_int_equal(EVP_CipherUpdate(ctx, octets, &got, octets, size), 1);
	EVP_CIPHER_CTX_free(ctx);
}

enum { WRAPPING_BLOCKS = 3, WRAPPING_TEXT = WRAPPING_BLOCKS * SIV_BLOCK };

/*
 * A message whose tag is 32 bits of ones and others: the middle one of its three blocks is such that the sum
 * comes to what the tag is encrypted from. `sealed` by the definition.
 */
static void make_wrapping(struct message *m, uint8_t sealed[WRAPPING_TEXT + SIV_TAG])
{
	uint8_t derived[4][SIV_BLOCK] = {{0}}, h[SIV_BLOCK], inverse[SIV_BLOCK], key[GCM_SIV_KEY];
	uint8_t tag[SIV_BLOCK], sum[SIV_BLOCK], before[SIV_BLOCK] = {0}, lengths[SIV_BLOCK] = {0};
	uint8_t stream[WRAPPING_BLOCKS][SIV_BLOCK];

	draw_message(m, 1);
	m->ad_size = SIV_BLOCK;
	m->size = WRAPPING_TEXT;
	for (uint8_t i = 0; i < 4; i++) {
		derived[i][0] = i;
		memcpy(derived[i] + 4, m->nonce, sizeof(m->nonce));
	}
	by_openssl(true, m->key, derived[0], sizeof(derived));
	memcpy(h, derived[0], 8);
	memcpy(h + 8, derived[1], 8);
	memcpy(key, derived[2], 8);
	memcpy(key + 8, derived[3], 8);
	do {
		fill(tag, sizeof(tag));
		memset(tag, 0xff, 4);
		memcpy(sum, tag, sizeof(tag));
		by_openssl(false, key, sum, sizeof(sum));
	} while (sum[SIV_BLOCK - 1] & 0x80);
	add_to(sum, m->nonce, sizeof(m->nonce));
	/* back from the sum: the lengths, the last block, and what comes before the middle one */
	lengths[0] = 8 * SIV_BLOCK;
	lengths[8] = (uint8_t)(8 * WRAPPING_TEXT & 0xff);
	lengths[9] = 8 * WRAPPING_TEXT >> 8;
	invert(inverse, h);
	dot(sum, sum, inverse);
	add_to(sum, lengths, sizeof(lengths));
	dot(sum, sum, inverse);
	add_to(sum, m->plain + 2 * SIV_BLOCK, SIV_BLOCK);
	dot(sum, sum, inverse);
	gcm_siv_polyval(before, h, m->ad, 1);
	gcm_siv_polyval(before, h, m->plain, 1);
	add_to(sum, before, sizeof(before));
	memcpy(m->plain + SIV_BLOCK, sum, sizeof(sum));
	for (uint8_t i = 0; i < WRAPPING_BLOCKS; i++) {
		memcpy(stream[i], tag, sizeof(tag));
		stream[i][SIV_BLOCK - 1] |= 0x80;
		if (i > 0)
			memcpy(stream[i], (uint8_t[4]){(uint8_t)(i - 1)}, 4);
	}
	by_openssl(true, key, stream[0], sizeof(stream));
	memcpy(sealed, m->plain, WRAPPING_TEXT);
	add_to(sealed, stream[0], WRAPPING_TEXT);
	memcpy(sealed + WRAPPING_TEXT, tag, sizeof(tag));
}

/* As in RFC 8452 appendix C.3: the counter has 32 bits, and nothing is carried. By jobs and by lanes. */
static void test_counter_wraps(void **state)
{
	enum { COPIES = 3, CELL = 2048 };
	static uint8_t cell[COPIES][CELL];
	static struct message m;
	const struct siv_lanes_shape shape = {.ad_size = SIV_BLOCK,
		.nonce_at = 16,
		.text_at = 28,
		.text_size = WRAPPING_TEXT,
		.tag_at = 76};
	uint8_t sealed[WRAPPING_TEXT + SIV_TAG], *base[COPIES];
	struct siv_lanes_keys keys[COPIES] = {0}, *key[COPIES];
	struct siv_lanes *lanes;

	make_wrapping(&m, sealed);
	check(*state, &m, sealed);
	if (!backend->lanes)
		return;
	for (unsigned i = 0; i < COPIES; i++) {
		memcpy(cell[i], m.ad, SIV_BLOCK);
		memcpy(cell[i] + shape.nonce_at, m.nonce, sizeof(m.nonce));
		memcpy(cell[i] + shape.text_at, m.plain, WRAPPING_TEXT);
		memcpy(keys[i].s2c, m.key, sizeof(m.key));
		base[i] = cell[i];
		key[i] = &keys[i];
	}
	lanes = siv_lanes_new(backend->lanes);
	assert_non_null(lanes);
	backend->lanes->gcm_seal(lanes, &shape, base, key, COPIES);
	for (unsigned i = 0; i < COPIES; i++)
		assert_memory_equal(cell[i] + shape.text_at, sealed, sizeof(sealed));
	siv_lanes_free(lanes);
}

/* Both AEADs in one burst, in any order: each as by itself. */
static void test_mixed(void **state)
{
	enum { JOBS = 9 };
	static struct message m[JOBS];
	uint8_t key[JOBS][SIV_KEY], tag[SIV_TAG];
	struct work w[JOBS], alone;
	struct siv_job job[JOBS];

	for (unsigned order = 0; order < 1 << JOBS; order += 7) {
		for (unsigned i = 0; i < JOBS; i++) {
			draw_message(&m[i], i + 1);
			fill(key[i], sizeof(key[i]));
			begin(&w[i], &m[i]);
			job[i] = w[i].job;
			job[i].key = key[i];
			job[i].aead = order >> i & 1 ? AEAD_AES_128_GCM_SIV : AEAD_AES_SIV_CMAC_256;
		}
		siv_seal(*state, job, JOBS);
		for (unsigned i = 0; i < JOBS; i++) {
			begin(&alone, &m[i]);
			alone.job.key = key[i];
			alone.job.aead = job[i].aead;
			alone.job.tag = tag;
			siv_seal(*state, &alone.job, 1);
			assert_true(job[i].done && alone.job.done);
			assert_memory_equal(job[i].text, alone.job.text, m[i].size);
			assert_memory_equal(job[i].tag, tag, sizeof(tag));
			end(&alone);
		}
		w[4].tag[3] ^= 1;
		siv_open(*state, job, JOBS);
		for (unsigned i = 0; i < JOBS; i++) {
			assert_int_equal(job[i].done, i != 4);
			end(&w[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rfc8452, make, unmake),
		cmocka_unit_test_setup_teardown(test_polyval, make, unmake),
		cmocka_unit_test_setup_teardown(test_polyval_by_bits, make, unmake),
		cmocka_unit_test_setup_teardown(test_gcrypt, make, unmake),
		cmocka_unit_test_setup_teardown(test_openssl, make, unmake),
		cmocka_unit_test_setup_teardown(test_every_bit, make, unmake),
		cmocka_unit_test_setup_teardown(test_unsound, make, unmake),
		cmocka_unit_test_setup_teardown(test_counter_wraps, make, unmake),
		cmocka_unit_test_setup_teardown(test_mixed, make, unmake),
	};

	return run_each_backend("gcm siv", tests, sizeof(tests) / sizeof(tests[0]), NULL, NULL);
}
