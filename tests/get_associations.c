/*
 * Associations of an NTS load, for tests/test_bench_ke.py: get_associations TARGET CA COUNT PARALLEL AEADS.
 * The server's key file comes on stdin, and each cookie must open to the keys of its association. One line of
 * JSON on stdout.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "bench/associations.h"
#include "nts/cookie.h"
#include "nts/key_file.h"

enum { COUNT_MAX = 1000 };

static ntp64 now(void)
{
	return ((uint64_t)time(NULL) + UINT64_C(2208988800)) << 32;
}

static unsigned count_right(const struct nts_client *client, struct siv *siv, const struct keyring *ring)
{
	unsigned right = 0;

	for (unsigned i = 0; i < client->cookies; i++) {
		struct cookie_opening opening = {
			.cookie = client->cookie[i].octets, .size = client->cookie[i].size};

		cookie_open(siv, ring, now(), &opening, 1);
		right += opening.verdict == COOKIE_OPENED &&
			 memcmp(&opening.keys, &client->keys, sizeof(opening.keys)) == 0;
	}
	return right;
}

static bool read_ring(struct keyring *ring)
{
	char text[KEY_FILE_MAX], message[256];
	const size_t size = fread(text, 1, sizeof(text), stdin);

	return size == 0 || key_file_read(ring, text, size, now(), 0, message, sizeof(message));
}

int main(int argc, char **argv)
{
	const unsigned count = argc == 6 ? (unsigned)atoi(argv[3]) : 0;
	struct nts_client *clients = calloc(COUNT_MAX, sizeof(*clients));
	struct siv *siv = siv_new(siv_backend_find("openssl"));
	struct keyring ring = {0};
	struct target target;
	struct associations_settings settings = {.target = &target, .timeout = 5};
	struct associations_result result;
	char text[512] = "";
	unsigned right = 0;
	bool done;

	if (count < 1 || count > COUNT_MAX || !clients || !siv || !read_ring(&ring) ||
		!ke_aeads_parse(&settings.aeads, argv[5]) ||
		!target_parse(&target, argv[1], 4460, AF_UNSPEC, text, sizeof(text))) {
		fprintf(stderr, "get_associations: %s\n", text);
		return 2;
	}
	settings.ca = argv[2];
	settings.parallel = (unsigned)atoi(argv[4]);
	done = associations_get(clients, count, &settings, &result);
	for (unsigned i = 0; i < result.established; i++)
		right += count_right(&clients[i], siv, &ring) == KE_COOKIES;
	printf("{\"established\": %u, \"right\": %u, \"failed\": %llu, \"server\": \"%s\", \"port\": %u, "
	       "\"varied\": %d, \"aead\": %u, \"reason\": \"%s\"}\n",
		result.established, right, (unsigned long long)result.failed, result.server, result.port,
		result.is_varied, result.aead, result.reason);
	siv_free(siv);
	free(clients);
	return done ? 0 : 1;
}
