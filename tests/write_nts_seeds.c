/* Writes seeds of fuzz_nts_answer and fuzz_cookie, a file each, into their folders in the directory given. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nts/cookie.h"
#include "tests/fuzz_nts_answer.h"
#include "tests/nts_golden.h"

static void write_seed(const char *directory, const char *name, const void *head, size_t head_size,
	const void *octets, size_t size)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "we");
	if (!file || fwrite(head, 1, head_size, file) != head_size || fwrite(octets, 1, size, file) != size ||
		fclose(file) != 0) {
		perror(path);
		exit(1);
	}
}

/* Each line of the table once, over one thing or another. */
static void write_table(const char *directory)
{
	static struct nts_golden_case c;

	for (size_t i = 0; i < nts_golden_count(); i++) {
		const size_t over = i % NTS_OVERS, line = i / NTS_OVERS;
		uint8_t first = (uint8_t)(FUZZ_NTS_RAW | over | (line & 8 ? FUZZ_NTS_OFFLOAD : 0));

		if (over != line % NTS_OVERS)
			continue;
		nts_golden_case(i, &c);
		write_seed(directory, c.name, &first, 1, c.frame + c.ntp, c.ntp_size);
	}
}

/* What stands in a wrapped input, of a golden request's fields. */
static void write_wrapped(const char *directory, const char *name, uint8_t mode, const char *clear,
	const char *inner, uint8_t nonce, uint8_t padding)
{
	static struct nts_golden_case outside, inside;
	const bool gcm_siv = nonce & 0x80;
	const struct nts_golden_shape out = {.clear = clear, .gcm_siv = gcm_siv},
				      in = {.clear = inner, .gcm_siv = gcm_siv};
	uint8_t octets[2048], head[5] = {mode, nonce, padding};
	size_t clear_size, inner_size;

	nts_golden_build(&out, NTS_OVER_IPV4, &outside);
	nts_golden_build(&in, NTS_OVER_IPV4, &inside);
	clear_size = outside.ntp_size - 48U;
	inner_size = inside.ntp_size - 48U;
	memcpy(octets, outside.frame + outside.ntp + 48, clear_size);
	memcpy(octets + clear_size, inside.frame + inside.ntp + 48, inner_size);
	head[3] = (uint8_t)(clear_size >> 8);
	head[4] = (uint8_t)clear_size;
	write_seed(directory, name, head, sizeof(head), octets, clear_size + inner_size);
}

static void write_modes(const char *directory)
{
	const uint8_t patched = FUZZ_NTS_PATCHED | NTS_OVER_IPV6;
	const uint8_t usual = FUZZ_NTS_USUAL | NTS_OVER_IPV4;
	const uint8_t usual_gcm_siv = usual | FUZZ_NTS_GCM_SIV | FUZZ_NTS_OFFLOAD;
	const uint8_t patch[2][3] = {{0, 2, 1}, {1, 0, 0x80}};

	write_seed(directory, "patched-not", &patched, 1, "", 0);
	write_seed(directory, "patched-once", &patched, 1, patch[0], 3);
	write_seed(directory, "patched-twice", &patched, 1, patch, 6);
	write_seed(directory, "usual", &usual, 1, "", 0);
	write_seed(directory, "usual-once", &usual, 1, patch[1], 3);
	write_seed(directory, "usual-gcm-siv", &usual_gcm_siv, 1, "", 0);
	write_seed(directory, "usual-gcm-siv-twice", &usual_gcm_siv, 1, patch, 6);
	write_wrapped(directory, "wrapped", FUZZ_NTS_WRAPPED, "", "", 16, 0);
	write_wrapped(directory, "wrapped-fields", FUZZ_NTS_WRAPPED | NTS_OVER_VLAN_IPV6, "ppu", "pu", 16, 0);
	write_wrapped(directory, "wrapped-padded", FUZZ_NTS_WRAPPED, "u", "q", 5, 2);
	write_wrapped(directory, "wrapped-silent", FUZZ_NTS_WRAPPED | FUZZ_NTS_SILENT, "i", "i", 13, 1);
	write_wrapped(directory, "wrapped-gcm-siv", FUZZ_NTS_WRAPPED, "pu", "p", 0x80 | 12, 0);
	write_wrapped(directory, "bare", FUZZ_NTS_BARE | FUZZ_NTS_OFFLOAD, "icp", "p", 16, 0);
	write_wrapped(directory, "bare-expired", FUZZ_NTS_BARE, "ix", "p", 16, 0);
}

/* Under the keys of fuzz_cookie's ring: id, then 32 octets of its number. */
static void write_cookie(const char *directory, const char *name, uint32_t id, int16_t seconds, size_t size)
{
	const uint8_t time[2] = {(uint8_t)((uint16_t)seconds >> 8), (uint8_t)seconds};
	const uint8_t nonce[COOKIE_NONCE] = "a nonce of seeds";
	struct keyring_key key = {.id = id, .algorithm = AEAD_AES_SIV_CMAC_256};
	uint8_t cookie[COOKIE_SIZE + 4] = {0};
	struct cookie_sealing sealing = {.aead = AEAD_AES_SIV_CMAC_256,
		.cookie = cookie,
		.nonce = nonce,
		.keys = nts_golden_keys(false)};
	struct siv *siv = siv_new(siv_backend_best());

	if (cookie_aead(size) == AEAD_AES_128_GCM_SIV) {
		sealing.aead = AEAD_AES_128_GCM_SIV;
		sealing.keys = nts_golden_keys(true);
	}
	memset(key.key, (int)id, sizeof(key.key));
	if (siv)
		cookie_seal(siv, &key, &sealing, 1);
	if (!sealing.done)
		exit(1);
	siv_free(siv);
	write_seed(directory, name, time, sizeof(time), cookie, size);
}

static void write_cookies(const char *directory)
{
	write_cookie(directory, "good", 0, 0, COOKIE_SIZE);
	write_cookie(directory, "good-just", 1, 49, COOKIE_SIZE);
	write_cookie(directory, "good-before", 2, -1, COOKIE_SIZE);
	write_cookie(directory, "expired", 2, 0, COOKIE_SIZE);
	write_cookie(directory, "other-aead", 3, -60, COOKIE_SIZE);
	write_cookie(directory, "unknown", 4, 0, COOKIE_SIZE);
	write_cookie(directory, "short", 0, 0, COOKIE_SIZE - 4);
	write_cookie(directory, "long", 0, 0, COOKIE_SIZE + 4);
	write_cookie(directory, "good-gcm-siv", 0, 0, COOKIE_SIZE_GCM_SIV);
	write_cookie(directory, "none", 0, 0, 0);
}

int main(int argc, char **argv)
{
	char directory[2048];

	if (argc != 2) {
		fprintf(stderr, "usage: write_nts_seeds CORPUS\n");
		return 2;
	}
	snprintf(directory, sizeof(directory), "%s/nts_answer", argv[1]);
	write_table(directory);
	write_modes(directory);
	snprintf(directory, sizeof(directory), "%s/cookie", argv[1]);
	write_cookies(directory);
	return 0;
}
