/*
 * Fuzz the judgement of protected replies (nts/client.h). An input is the number of cookies that are held
 * (1 octet), then the datagram. Where it has our identifier (octets 0 to 31) and an authenticator, that is
 * sealed over what it claims to have encrypted, so that what lies behind the tag is reached.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ntp/octets.h"
#include "nts/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
	if (!holds)
		abort();
}

/* Where the datagram's authenticator claims to be sound, make it so. */
static void seal(struct siv *siv, const uint8_t key[SIV_KEY], uint8_t *octets, size_t size)
{
	struct nts_cursor cursor = nts_cursor_over(octets, NTP_HEADER_SIZE, size);
	struct nts_field field = {0};
	struct siv_job job = {.key = key};
	size_t nonce, text;

	while (nts_cursor_next(&cursor, &field) && field.type != NTS_FIELD_AUTHENTICATOR)
		;
	if (cursor.failed || field.type != NTS_FIELD_AUTHENTICATOR)
		return;
	nonce = load_be16(octets + field.body.at);
	text = load_be16(octets + field.body.at + 2);
	if (nonce == 0 || text < SIV_TAG || 4 + ((nonce + 3) & ~(size_t)3) + text > field.body.size)
		return;
	job.tag = octets + field.body.at + 4 + ((nonce + 3) & ~(size_t)3);
	job.text = job.tag + SIV_TAG;
	job.size = text - SIV_TAG;
	siv_job_bind(
		&job, octets, field.body.at - (size_t)NTS_FIELD_HEADER, octets + field.body.at + 4, nonce);
	siv_seal(siv, &job, 1);
	require(job.done);
}

/* Ask with what is held now; a client has to cope with whatever cookies it took. */
static void ask_again(struct nts_client *client, struct siv *siv, const uint8_t identifier[32])
{
	static const uint8_t nonce[NTS_NONCE];
	uint8_t *octets = calloc(1, NTS_CLIENT_REQUEST_MAX);
	struct nts_request r;
	size_t size;

	require(octets != NULL);
	octets[0] = ntp_lvm(0, 4, NTP_MODE_CLIENT);
	size = nts_client_protect(client, siv, octets, identifier, nonce);
	require(size > 0 && size <= NTS_CLIENT_REQUEST_MAX);
	require(nts_request_parse(&r, octets, size) == NTS_REQUEST_VALID);
	free(octets);
}

static void check(struct nts_client *client, unsigned before, enum nts_client_verdict verdict)
{
	require(verdict < NTS_CLIENT_VERDICT_COUNT && client->cookies <= KE_COOKIES);
	require(client->cookies >= before);
	require(verdict == NTS_CLIENT_AUTHENTIC || client->cookies == before);
	require(verdict != NTS_CLIENT_AUTHENTIC || client->cookies > 0);
	for (unsigned i = before; i < client->cookies; i++)
		require(client->cookie[i].size >= 12 && client->cookie[i].size <= KE_CLIENT_COOKIE_MAX &&
			client->cookie[i].size % 4 == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nts_client client = {.keys = {.c2s = "client to server", .s2c = "server to client"}};
	uint8_t identifier[NTS_CLIENT_IDENTIFIER_SIZE], *datagram;
	static struct siv *siv;
	unsigned before;

	if (!siv)
		siv = siv_new(siv_backend_best());
	require(siv != NULL);
	if (size-- < 1)
		return 0;
	for (unsigned i = 0; i < sizeof(identifier); i++)
		identifier[i] = (uint8_t)i;
	before = client.cookies = data[0] % (KE_COOKIES + 1U);
	for (unsigned i = 0; i < before; i++)
		client.cookie[i].size = COOKIE_SIZE;
	/* a copy of its own size, so that AddressSanitizer sees an access past the end */
	datagram = malloc(size + (size == 0));
	require(datagram != NULL);
	memcpy(datagram, data + 1, size);
	if (size >= NTP_HEADER_SIZE && size <= UINT16_MAX)
		seal(siv, client.keys.s2c, datagram, size);
	check(&client, before, nts_client_judge(&client, siv, datagram, size, identifier));
	if (client.cookies > 0)
		ask_again(&client, siv, identifier);
	free(datagram);
	return 0;
}
