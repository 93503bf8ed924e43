/*
 * ke_memory: full TLS 1.3 handshakes of plain OpenSSL with itself in memory, as much as a core makes of them:
 * the limit that a server of NTS key establishment is held against. P-256, X25519, no tickets.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/ssl.h>

/* Core time of this thread, seconds. */
static double used(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* One handshake; *server_time has the server's share of the time added, with the making of what it needs. */
static bool shake(SSL_CTX *server_ctx, SSL_CTX *client_ctx, double *server_time)
{
	double start = used();
	SSL *server = SSL_new(server_ctx), *client;
	BIO *one, *other;
	bool done = false;

	*server_time += used() - start;
	client = SSL_new(client_ctx);

	if (server && client && BIO_new_bio_pair(&one, 0, &other, 0) == 1) {
		SSL_set_bio(server, one, one);
		SSL_set_bio(client, other, other);
		SSL_set_accept_state(server);
		SSL_set_connect_state(client);
		for (int i = 0; i < 10 && !done; i++) {
			const int c = SSL_do_handshake(client);
			int s;

			start = used();
			s = SSL_do_handshake(server);
			*server_time += used() - start;
			done = c == 1 && s == 1;
		}
	}
	start = used();
	SSL_free(server);
	*server_time += used() - start;
	SSL_free(client);
	return done;
}

int main(int argc, char **argv)
{
	SSL_CTX *server = SSL_CTX_new(TLS_server_method()), *client = SSL_CTX_new(TLS_client_method());
	char groups[] = "X25519:P-256"; /* no literal: the library's macro casts its const away */
	const double seconds = argc > 3 ? atof(argv[3]) : 1;
	double start, server_time = 0;
	unsigned long count = 0;

	if (argc < 3 || seconds <= 0 || seconds > 60) {
		fputs("usage: ke_memory CERTIFICATE KEY [SECONDS]   (of an EC P-256 key; at most 60 s)\n",
			stderr);
		return 2;
	}
	if (!server || !client || SSL_CTX_use_certificate_chain_file(server, argv[1]) != 1 ||
		SSL_CTX_use_PrivateKey_file(server, argv[2], SSL_FILETYPE_PEM) != 1 ||
		SSL_CTX_load_verify_locations(client, argv[1], NULL) != 1) {
		fputs("ke_memory: the certificate or its key cannot be used\n", stderr);
		return 2;
	}
	SSL_CTX_set_min_proto_version(server, TLS1_3_VERSION);
	SSL_CTX_set1_groups_list(server, groups);
	SSL_CTX_set_num_tickets(server, 0);
	SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
	start = used();
	while (used() - start < seconds) {
		if (!shake(server, client, &server_time)) {
			fputs("ke_memory: a handshake failed\n", stderr);
			return 1;
		}
		count++;
	}
	printf("{\"handshakes\": %lu, \"both\": %.1f, \"server\": %.1f}\n", count,
		(double)count / (used() - start), (double)count / server_time);
	SSL_CTX_free(server);
	SSL_CTX_free(client);
	return 0;
}
