/*
 * Fuzz both sides of TLS before a handshake is done (nts/tls.h): an input is the size of the pieces that the
 * rest comes in (1 octet, 0 for all at once).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "nts/tls.h"
#include "tests/certificates.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUTPUT_MAX = 8192 }; /* one flight */

static void require(int holds)
{
	if (!holds)
		abort();
}

static struct tls_server *make_server(void)
{
	struct certified *certified = certify(KEY_P256, "DNS:fuzz.example", NULL, 86400);
	const struct tls_identity identities[] = {
		certified_identity(certified), certified_identity(certified)};
	char text[256];
	struct tls_server *server = tls_server_new(identities, 2, text, sizeof(text));

	certified_free(certified);
	return server;
}

static struct tls_client *make_client(void)
{
	char text[256];

	return tls_client_new(NULL, text, sizeof(text));
}

/* From a copy of each piece's own size, so that AddressSanitizer sees an access past its end. */
static void feed(struct tls *tls, const uint8_t *octets, size_t size, size_t piece)
{
	for (size_t at = 0; at < size; at += piece) {
		const size_t n = piece < size - at ? piece : size - at;
		uint8_t *copy = malloc(n);

		require(copy != NULL);
		memcpy(copy, octets + at, n);
		tls_input(tls, copy, n);
		free(copy);
		require(tls_state(tls) != TLS_OPEN && tls_state(tls) != TLS_CLOSED);
	}
}

static void finish(struct tls *tls)
{
	uint8_t octets[OUTPUT_MAX + 1];
	struct cookie_keys keys;
	char text[256];

	require(tls_output(tls, octets, sizeof(octets)) <= OUTPUT_MAX);
	require(tls_read(tls, octets, sizeof(octets)) == 0);
	require(!tls_write(tls, "x", 1) &&
		!tls_export_keys(tls, AEAD_AES_SIV_CMAC_256, AEAD_AES_SIV_CMAC_256, &keys));
	tls_close(tls);
	tls_explain(tls, text, sizeof(text));
	require(text[0] != 0 && ERR_peek_error() == 0);
	require((tls_cause(tls) == TLS_CAUSE_NONE) == (tls_state(tls) == TLS_HANDSHAKE));
	tls_free(tls);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tls_server *server;
	static struct tls_client *client;
	struct tls *tls[2];

	if (!server)
		server = make_server();
	if (!client)
		client = make_client();
	if (size < 2)
		return 0;
	tls[0] = tls_accept_new(server);
	tls[1] = tls_connect_new(client, "fuzz.example");
	for (size_t i = 0; i < 2; i++) {
		require(tls[i] != NULL);
		feed(tls[i], data + 1, size - 1, data[0] ? data[0] : size);
		finish(tls[i]);
	}
	return 0;
}
