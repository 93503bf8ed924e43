/* TLS for key establishment: nts/tls.h, against itself and against OpenSSL used plainly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "nts/tls.h"
#include "tests/certificates.h"

enum { DAY = 86400, HASH_MAX = 64 };

static struct certified *authority, *stranger; /* trusted, and not */
static struct certified *first, *wild, *other; /* the server's three */
static struct tls_server *server;
static struct tls_client *client;
static char ca_path[] = "/tmp/test_tls.XXXXXX";
static char text[512];

static struct tls_server *serve(const struct certified *one)
{
	const struct tls_identity identity = certified_identity(one);
	struct tls_server *made = tls_server_new(&identity, 1, text, sizeof(text));

	assert_non_null(made);
	return made;
}

static void write_ca(void)
{
	const int fd = mkstemp(ca_path);
	const size_t size = strlen(authority->certificate_pem);

	assert_true(fd >= 0 && write(fd, authority->certificate_pem, size) == (ssize_t)size);
	close(fd);
}

static int make(void **state)
{
	struct tls_identity identities[3];

	(void)state;
	srandom(8915);
	authority = certify(KEY_P256, NULL, NULL, DAY);
	stranger = certify(KEY_P256, NULL, NULL, DAY);
	first = certify(KEY_P256, "DNS:one.example,IP:192.0.2.1,IP:2001:db8::1", authority, DAY);
	wild = certify(KEY_RSA2048, "DNS:*.wild.example", authority, DAY);
	other = certify(KEY_ED25519, "DNS:other.example,DNS:two.example", authority, DAY);
	identities[0] = certified_identity(first);
	identities[1] = certified_identity(wild);
	identities[2] = certified_identity(other);
	server = tls_server_new(identities, 3, text, sizeof(text));
	write_ca();
	client = tls_client_new(ca_path, text, sizeof(text));
	return server && client ? 0 : -1;
}

static int unmake(void **state)
{
	(void)state;
	unlink(ca_path);
	tls_client_free(client);
	tls_server_release(server);
	certified_free(first);
	certified_free(wild);
	certified_free(other);
	certified_free(authority);
	certified_free(stranger);
	return 0;
}

/* --- two of ours, with a wire that cuts --- */

static struct tls *accept_one(struct tls_server *of)
{
	struct tls *tls = tls_accept_new(of);

	assert_non_null(tls);
	return tls;
}

static struct tls *connect_to(const char *host)
{
	struct tls *tls = tls_connect_new(client, host);

	assert_non_null(tls);
	return tls;
}

/* Pieces of 1 to `most` octets; how many octets went. The error queue stays clean. */
static size_t carry(struct tls *from, struct tls *to, size_t most)
{
	uint8_t piece[4096];
	size_t size, sum = 0;

	while ((size = tls_output(from, piece, 1 + (size_t)random() % most)) > 0) {
		tls_input(to, piece, size);
		sum += size;
	}
	assert_int_equal(ERR_peek_error(), 0);
	return sum;
}

static void shake(struct tls *a, struct tls *b, size_t most)
{
	while (carry(a, b, most) + carry(b, a, most) > 0)
		continue;
}

static void assert_explained(const struct tls *tls, enum tls_state state, const char *part)
{
	tls_explain(tls, text, sizeof(text));
	assert_string_equal(tls_state_name[tls_state(tls)], tls_state_name[state]);
	if (!strstr(text, part))
		fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void free_both(struct tls *a, struct tls *b)
{
	tls_free(a);
	tls_free(b);
}

static void send_and_compare(struct tls *from, struct tls *to, size_t size, size_t most)
{
	uint8_t *sent = malloc(size), *got = malloc(size + 1);
	uint8_t piece[4096];
	size_t n, used = 0;

	for (size_t i = 0; i < size; i++)
		sent[i] = (uint8_t)random();
	assert_true(tls_write(from, sent, size));
	while ((n = tls_output(from, piece, 1 + (size_t)random() % most)) > 0) {
		tls_input(to, piece, n);
		while ((n = tls_read(to, got + used, size + 1 - used)) > 0)
			used += n;
	}
	assert_int_equal(used, size);
	assert_memory_equal(sent, got, size);
	free(sent);
	free(got);
}

static void test_cuts(void **state)
{
	static const size_t most[] = {1, 2, 7, 100, 4096};

	(void)state;
	for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		struct tls *s = accept_one(server), *c = connect_to("one.example");

		shake(c, s, most[i]);
		assert_int_equal(tls_state(c), TLS_OPEN);
		assert_int_equal(tls_state(s), TLS_OPEN);
		send_and_compare(c, s, 16, most[i]);
		send_and_compare(s, c, 40000, most[i]);
		send_and_compare(c, s, 16385, most[i]);
		free_both(c, s);
	}
}

static void test_close(void **state)
{
	struct tls *s = accept_one(server), *c = connect_to("one.example");
	uint8_t got[8];

	(void)state;
	shake(c, s, 4096);
	assert_true(tls_write(c, "ask", 3));
	tls_close(c);
	tls_close(c);
	assert_false(tls_write(c, "more", 4));
	shake(c, s, 4096);
	/* what was said before comes first, and the other direction is still open */
	assert_int_equal(tls_state(s), TLS_OPEN);
	assert_int_equal(tls_read(s, got, sizeof(got)), 3);
	assert_int_equal(tls_read(s, got, sizeof(got)), 0);
	assert_int_equal(tls_state(s), TLS_CLOSED);
	assert_int_equal(tls_read(s, got, sizeof(got)), 0);
	assert_int_equal(tls_input(s, "junk", 4), TLS_CLOSED);
	assert_true(tls_write(s, "answer", 6));
	tls_close(s);
	shake(s, c, 4096);
	assert_int_equal(tls_read(c, got, sizeof(got)), 6);
	assert_memory_equal(got, "answer", 6);
	assert_int_equal(tls_read(c, got, sizeof(got)), 0);
	assert_int_equal(tls_state(c), TLS_CLOSED);
	free_both(c, s);
}

/* Each way of taking one octet away, or changing one, of what the client sends after its hello. */
static void test_damage(void **state)
{
	uint8_t flight[1024];
	size_t size;

	(void)state;
	for (size_t at = 0; at < 120; at++) {
		struct tls *s = accept_one(server), *c = connect_to("one.example");

		carry(c, s, 4096);
		carry(s, c, 4096);
		assert_int_equal(tls_state(c), TLS_OPEN);
		assert_true(tls_write(c, "0123456789abcdef", 16));
		size = tls_output(c, flight, sizeof(flight));
		assert_true(size > 100 && size < sizeof(flight));
		if (at < size) {
			/* cut off: never closed, whatever it is otherwise */
			tls_input(s, flight, at);
			assert_true(tls_state(s) == TLS_HANDSHAKE || tls_state(s) == TLS_OPEN);
			flight[at] ^= 0x10;
			tls_input(s, flight + at, size - at);
			assert_true(tls_state(s) == TLS_FAILED_TLS || tls_read(s, flight, 16) == 0);
		}
		assert_int_equal(ERR_peek_error(), 0);
		free_both(c, s);
	}
}

static void test_garbage(void **state)
{
	static const char *const lines[] = {"GET / HTTP/1.1\r\n", "SSH-2.0-x\r\n", "\x16\x02\x01\x02\x03",
		"\x17\x03\x03\xff\xff", "\x80\x2e\x01\x03\x01\x02\x03\x04\x05\x06"};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct tls *s = accept_one(server), *c = connect_to("one.example");

		assert_int_equal(tls_input(s, lines[i], strlen(lines[i])), TLS_FAILED_TLS);
		assert_int_equal(tls_input(c, lines[i], strlen(lines[i])), TLS_FAILED_TLS);
		tls_explain(s, text, sizeof(text));
		assert_true(strlen(text) > 10);
		assert_int_equal(tls_input(s, lines[i], 5), TLS_FAILED_TLS);
		assert_int_equal(tls_cause(s), TLS_CAUSE_PROTOCOL);
		assert_int_equal(tls_cause(c), TLS_CAUSE_PROTOCOL);
		assert_int_equal(ERR_peek_error(), 0);
		free_both(c, s);
	}
}

/* Random octets, and a real hello with random changes: nothing but a state comes of it. */
static void test_noise(void **state)
{
	uint8_t octets[2048], reply[4096];
	size_t size, sum;

	(void)state;
	for (int round = 0; round < 600; round++) {
		struct tls *s = accept_one(server), *c = connect_to("one.example");

		size = tls_output(c, octets, sizeof(octets));
		for (int i = random() % 6; i >= 0; i--)
			octets[round % 2 ? (size_t)random() % size : 5 + (size_t)random() % 40] ^=
				(uint8_t)(1 + random() % 255);
		tls_input(s, octets, size);
		sum = 0;
		while ((size = tls_output(s, reply, sizeof(reply))) > 0)
			sum += size;
		assert_true(sum < 4096);
		assert_true(tls_state(s) != TLS_OPEN);
		assert_int_equal(ERR_peek_error(), 0);
		free_both(c, s);
	}
}

/* Neither claims nor floods make a server hold much. */
static void test_bounds(void **state)
{
	static const uint8_t claim[] = {22, 3, 1, 0, 4, 1, 1, 0xff, 0xff};
	static const uint8_t crumb[] = {22, 3, 1, 0, 1, 1};
	static uint8_t plain[16000], piece[20000];
	struct tls *s = accept_one(server), *c;
	size_t n;

	(void)state;
	assert_int_equal(tls_input(s, claim, sizeof(claim)), TLS_FAILED_TLS);
	assert_explained(s, TLS_FAILED_TLS, "too long");
	tls_free(s);
	s = accept_one(server);
	assert_int_equal(tls_input(s, crumb, sizeof(crumb)), TLS_FAILED_TLS);
	tls_free(s);

	s = accept_one(server);
	c = connect_to("one.example");
	shake(c, s, 4096);
	n = 0;
	while (tls_state(s) == TLS_OPEN && n < 100) {
		assert_true(tls_write(c, plain, sizeof(plain)));
		tls_input(s, piece, tls_output(c, piece, sizeof(piece)));
		n++;
	}
	assert_true(n > 4 && n <= 2 + TLS_HELD_MAX / sizeof(plain));
	assert_explained(s, TLS_FAILED_TLS, "more than is asked for");
	n = 0;
	while (tls_write(c, plain, sizeof(plain)))
		n++;
	assert_int_equal(n, TLS_HELD_MAX / (sizeof(plain) + 64));
	assert_int_equal(tls_state(c), TLS_OPEN);
	free_both(c, s);
}

/* --- whom a client accepts --- */

static void expect(struct tls_server *of, const char *host, enum tls_state at_client, const char *why)
{
	struct tls *s = accept_one(of), *c = connect_to(host);

	shake(c, s, 4096);
	assert_explained(c, at_client, why);
	assert_int_equal(tls_cause(c), at_client == TLS_OPEN ? TLS_CAUSE_NONE : TLS_CAUSE_CERTIFICATE);
	if (at_client != TLS_OPEN) {
		assert_explained(s, TLS_FAILED_TLS, "the peer refuses");
		assert_int_equal(tls_cause(s), TLS_CAUSE_ALERT);
	}
	free_both(c, s);
}

static void test_hosts(void **state)
{
	(void)state;
	expect(server, "one.example", TLS_OPEN, "");
	expect(server, "ONE.example.", TLS_OPEN, "");
	expect(server, "192.0.2.1", TLS_OPEN, "");
	expect(server, "2001:db8::1", TLS_OPEN, "");
	expect(server, "2001:db8::1%eth0", TLS_OPEN, "");
	expect(server, "192.0.2.2", TLS_FAILED_TLS, "IP address mismatch");
	expect(server, "nobody.example", TLS_FAILED_TLS, "ostname mismatch");
	assert_null(tls_connect_new(client, ""));
	assert_null(tls_connect_new(client, "."));
}

/* A name that stands in the subject alone is none. */
static void test_common_name(void **state)
{
	struct certified *bare = certify(KEY_P256, "", authority, DAY);
	struct tls_server *bare_server = serve(bare);
	char name[64];

	(void)state;
	assert_true(X509_NAME_get_text_by_NID(X509_get_subject_name(bare->certificate), NID_commonName, name,
			    sizeof(name)) > 0);
	expect(bare_server, name, TLS_FAILED_TLS, "ostname mismatch");
	tls_server_release(bare_server);
	certified_free(bare);
}

static void test_trust(void **state)
{
	struct certified *strange = certify(KEY_P256, "DNS:one.example", stranger, DAY);
	struct certified *past = certify(KEY_P256, "DNS:one.example", authority, -60);
	struct certified *self = certify(KEY_P256, "DNS:one.example", NULL, DAY);
	struct tls_server *servers[] = {serve(strange), serve(past), serve(self)};

	(void)state;
	expect(servers[0], "one.example", TLS_FAILED_TLS, "unable to get local issuer");
	expect(servers[1], "one.example", TLS_FAILED_TLS, "expired");
	expect(servers[2], "one.example", TLS_FAILED_TLS, "self");
	assert_true(tls_server_facts(servers[1], 0)->not_after < time(NULL));
	for (size_t i = 0; i < 3; i++)
		tls_server_release(servers[i]);
	certified_free(strange);
	certified_free(past);
	certified_free(self);
}

static void test_chain(void **state)
{
	struct certified *between = certify(KEY_P256, NULL, authority, DAY);
	struct certified *leaf = certify(KEY_P256, "DNS:leaf.example", between, DAY);
	struct tls_identity identity = certified_identity(leaf);
	struct tls_server *alone = serve(leaf), *chained;
	char both[8192];

	(void)state;
	identity.certificate_size =
		(size_t)snprintf(both, sizeof(both), "%s%s", leaf->certificate_pem, between->certificate_pem);
	identity.certificate = both;
	chained = tls_server_new(&identity, 1, text, sizeof(text));
	assert_non_null(chained);
	expect(chained, "leaf.example", TLS_OPEN, "");
	expect(alone, "leaf.example", TLS_FAILED_TLS, "not accepted");
	tls_server_release(alone);
	tls_server_release(chained);
	certified_free(leaf);
	certified_free(between);
}

static void test_client_settings(void **state)
{
	(void)state;
	assert_null(tls_client_new("/nonexistent/ca.pem", text, sizeof(text)));
	assert_string_equal(text, "/nonexistent/ca.pem: No such file or directory");
	assert_null(tls_client_new("/dev/null", text, sizeof(text)));
	assert_non_null(strstr(text, "/dev/null: no certificates in PEM"));
	assert_int_equal(ERR_peek_error(), 0);
}

/* --- what a server takes --- */

static void refuse(struct tls_identity identity, const char *part)
{
	assert_null(tls_server_new(&identity, 1, text, sizeof(text)));
	if (!strstr(text, part))
		fail_msg("\"%s\" does not say \"%s\"", text, part);
	assert_int_equal(ERR_peek_error(), 0);
}

static char *encrypt(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	static char pem[4096];
	int size;

	assert_int_equal(
		PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL), 1);
	size = BIO_read(bio, pem, sizeof(pem) - 1);
	assert_true(size > 0);
	pem[size] = 0;
	BIO_free(bio);
	return pem;
}

static void test_refusals(void **state)
{
	struct tls_identity i = certified_identity(first);
	char *cut = strdup(first->certificate_pem);

	(void)state;
	i.key = wild->key_pem, i.key_size = strlen(wild->key_pem);
	refuse(i, "the key in key.pem is not that of the certificate in cert.pem");
	i.key = "garbage", i.key_size = 7;
	refuse(i, "key.pem holds no key in PEM");
	i.key = NULL, i.key_size = 0;
	refuse(i, "key.pem holds no key in PEM");
	i.key = encrypt(first->key), i.key_size = strlen(i.key);
	refuse(i, "key.pem is encrypted");
	i = certified_identity(first);
	i.certificate = "garbage", i.certificate_size = 7;
	refuse(i, "cert.pem holds no certificate in PEM");
	i.certificate = first->key_pem, i.certificate_size = strlen(first->key_pem);
	refuse(i, "cert.pem holds no certificate in PEM");
	cut[strlen(cut) / 2] = '!';
	i.certificate = cut, i.certificate_size = strlen(cut);
	refuse(i, "certificate 1 in it is damaged");
	free(cut);
	assert_null(tls_server_new(NULL, 0, text, sizeof(text)));
}

static void test_weak_keys(void **state)
{
	struct certified *weak = certify(KEY_RSA1024, "DNS:one.example", NULL, DAY);
	struct certified *curve = certify(KEY_P256K1, "DNS:one.example", NULL, DAY);

	(void)state;
	refuse(certified_identity(weak), "too weak (RSA 1024)");
	refuse(certified_identity(curve), "no use for a key of this kind (EC secp256k1)");
	certified_free(weak);
	certified_free(curve);
}

static void test_facts(void **state)
{
	const struct tls_identity_facts *facts = tls_server_facts(server, 0);

	(void)state;
	assert_int_equal(tls_server_identities(server), 3);
	assert_string_equal(facts->subject, "one.example, 192.0.2.1, 2001:db8::1");
	assert_string_equal(facts->kind, "EC prime256v1");
	assert_in_range(facts->not_after, time(NULL) + DAY - 600, time(NULL) + DAY);
	assert_in_range(facts->not_before, time(NULL) - 3600 - 600, time(NULL) - 3600);
	assert_string_equal(tls_server_facts(server, 1)->subject, "*.wild.example");
	assert_string_equal(tls_server_facts(server, 1)->kind, "RSA 2048");
	assert_string_equal(tls_server_facts(server, 2)->kind, "ED25519");
}

static void test_holders(void **state)
{
	struct tls_server *one = serve(first);
	struct tls *s = accept_one(one), *c = connect_to("one.example");

	(void)state;
	assert_ptr_equal(tls_server_hold(one), one);
	tls_server_release(one);
	tls_server_release(one);
	shake(c, s, 4096);
	assert_int_equal(tls_state(s), TLS_OPEN);
	free_both(c, s);
	tls_server_release(NULL);
	tls_free(NULL);
	tls_client_free(NULL);
}

/* --- against OpenSSL used plainly --- */

struct plain {
	SSL_CTX *context;
	SSL *ssl;
	BIO *in, *out;
};

static char exporter_secret[2 * HASH_MAX + 1];

/* "EXPORTER_SECRET <client random> <secret>" */
static void note_secret(const SSL *ssl, const char *line)
{
	(void)ssl;
	if (strncmp(line, "EXPORTER_SECRET ", 16) == 0)
		snprintf(exporter_secret, sizeof(exporter_secret), "%s", strrchr(line, ' ') + 1);
}

static struct plain plain_client(int version, const char *alpn, size_t alpn_size, const char *name)
{
	struct plain p = {.context = SSL_CTX_new(TLS_client_method())};
	char copy[64]; /* the library's macro casts const away */

	SSL_CTX_set_max_proto_version(p.context, version);
	SSL_CTX_set_keylog_callback(p.context, note_secret);
	p.ssl = SSL_new(p.context);
	p.in = BIO_new(BIO_s_mem());
	p.out = BIO_new(BIO_s_mem());
	SSL_set_bio(p.ssl, p.in, p.out);
	SSL_set_connect_state(p.ssl);
	if (alpn)
		SSL_set_alpn_protos(p.ssl, (const unsigned char *)alpn, (unsigned)alpn_size);
	if (name) {
		snprintf(copy, sizeof(copy), "%s", name);
		SSL_set_tlsext_host_name(p.ssl, copy);
	}
	return p;
}

static void plain_free(struct plain *p)
{
	SSL_free(p->ssl);
	SSL_CTX_free(p->context);
	ERR_clear_error();
}

/* Until neither has anything to say; the last result of the plain one's handshake. */
static int plain_shake(struct plain *p, struct tls *tls)
{
	uint8_t piece[2048];
	int result = 0, size;
	size_t n;

	for (int i = 0; i < 6; i++) {
		result = SSL_do_handshake(p->ssl);
		while ((size = BIO_read(p->out, piece, sizeof(piece))) > 0)
			tls_input(tls, piece, (size_t)size);
		while ((n = tls_output(tls, piece, sizeof(piece))) > 0)
			BIO_write(p->in, piece, (int)n);
	}
	return result;
}

/* The server's judgement, and the alert that the client gets. */
static void reject(int version, const char *alpn, size_t size, enum tls_state expected, int alert)
{
	struct plain p = plain_client(version, alpn, size, NULL);
	struct tls *s = accept_one(server);

	ERR_clear_error();
	assert_int_not_equal(plain_shake(&p, s), 1);
	assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_AD_REASON_OFFSET + alert);
	assert_explained(s, expected, "");
	tls_free(s);
	plain_free(&p);
}

static void test_rejections(void **state)
{
	(void)state;
	reject(0, NULL, 0, TLS_FAILED_ALPN, SSL_AD_NO_APPLICATION_PROTOCOL);
	reject(0, "\x02h2", 3, TLS_FAILED_ALPN, SSL_AD_NO_APPLICATION_PROTOCOL);
	reject(0, "\x07ntske/2\x02h2", 11, TLS_FAILED_ALPN, SSL_AD_NO_APPLICATION_PROTOCOL);
	reject(TLS1_2_VERSION, "\x07ntske/1", 8, TLS_FAILED_VERSION, SSL_AD_PROTOCOL_VERSION);
	reject(TLS1_2_VERSION, NULL, 0, TLS_FAILED_VERSION, SSL_AD_PROTOCOL_VERSION);
}

static void test_alpn_among_others(void **state)
{
	struct plain p = plain_client(0, "\x02h2\x07ntske/1", 11, NULL);
	struct tls *s = accept_one(server);

	(void)state;
	assert_int_equal(plain_shake(&p, s), 1);
	assert_int_equal(tls_state(s), TLS_OPEN);
	/* no tickets: nothing but the handshake has come */
	assert_int_equal(SSL_SESSION_is_resumable(SSL_get_session(p.ssl)), 0);
	tls_free(s);
	plain_free(&p);
}

/* A client whose first share is of a group that is not served sends two hellos. */
static void test_retried_hello(void **state)
{
	struct plain p = plain_client(0, "\x07ntske/1", 8, "other.example");
	struct tls *s = accept_one(server);
	char groups[] = "P-384:P-256"; /* the library's macro casts const away */

	(void)state;
	assert_int_equal(SSL_set1_groups_list(p.ssl, groups), 1);
	assert_int_equal(plain_shake(&p, s), 1);
	assert_int_equal(tls_state(s), TLS_OPEN);
	assert_int_equal(SSL_get_negotiated_group(p.ssl), NID_X9_62_prime256v1);
	tls_free(s);
	plain_free(&p);
}

/* Ask for new traffic keys; the server's answer is left where it is. */
static void update_keys(struct plain *p, struct tls *s)
{
	uint8_t piece[2048];
	int size;

	assert_int_equal(SSL_key_update(p->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
	assert_int_equal(SSL_do_handshake(p->ssl), 1);
	while ((size = BIO_read(p->out, piece, sizeof(piece))) > 0)
		tls_input(s, piece, (size_t)size);
}

/* New traffic keys change nothing of the exported ones. */
static void test_key_update(void **state)
{
	struct plain p = plain_client(0, "\x07ntske/1", 8, NULL);
	struct tls *s = accept_one(server);
	struct cookie_keys before, after;
	uint8_t piece[2048];
	size_t size;

	(void)state;
	assert_int_equal(plain_shake(&p, s), 1);
	assert_true(tls_export_keys(s, 15, 15, &before));
	update_keys(&p, s);
	assert_true(tls_export_keys(s, 15, 15, &after));
	assert_memory_equal(&before, &after, sizeof(before));
	assert_true(tls_write(s, "answer", 6));
	while ((size = tls_output(s, piece, sizeof(piece))) > 0)
		BIO_write(p.in, piece, (int)size);
	assert_int_equal(SSL_read(p.ssl, piece, sizeof(piece)), 6);
	tls_free(s);
	plain_free(&p);
}

/* Who asks for them without end and takes no answer is not held answers for without end. */
static void test_key_update_flood(void **state)
{
	struct plain p = plain_client(0, "\x07ntske/1", 8, NULL);
	struct tls *s = accept_one(server);
	uint8_t piece[2048];
	size_t size, held = 0;

	(void)state;
	assert_int_equal(plain_shake(&p, s), 1);
	for (int i = 0; tls_state(s) == TLS_OPEN && i < TLS_HELD_MAX / 16; i++)
		update_keys(&p, s);
	assert_explained(s, TLS_FAILED_TLS, "takes no answer");
	while ((size = tls_output(s, piece, sizeof(piece))) > 0)
		held += size;
	assert_in_range(held, TLS_HELD_MAX / 2, TLS_HELD_MAX);
	assert_int_equal(ERR_peek_error(), 0);
	tls_free(s);
	plain_free(&p);
}

static void ask_by_name(const char *name, const struct certified *expected)
{
	struct plain p = plain_client(0, "\x07ntske/1", 8, name);
	struct tls *s = accept_one(server);
	X509 *got;

	assert_int_equal(plain_shake(&p, s), 1);
	got = SSL_get1_peer_certificate(p.ssl);
	assert_int_equal(X509_cmp(got, expected->certificate), 0);
	X509_free(got);
	tls_free(s);
	plain_free(&p);
}

static void test_names(void **state)
{
	(void)state;
	ask_by_name("one.example", first);
	ask_by_name("a.wild.example", wild);
	ask_by_name("A.Wild.Example", wild);
	ask_by_name("other.example", other);
	ask_by_name("two.example", other);
	ask_by_name("192.0.2.1", first);
	ask_by_name("a.b.wild.example", first);
	ask_by_name("wild.example", first);
	ask_by_name("unknown.example", first);
	ask_by_name("server4.example", first); /* the common name of `wild`, which is none of its names */
	ask_by_name(NULL, first);
}

/* A server that knows no ALPN at all, which leaves it to the client to refuse. */
static void test_server_without_alpn(void **state)
{
	struct plain p = {.context = SSL_CTX_new(TLS_server_method())};
	struct tls *c = connect_to("one.example");

	(void)state;
	SSL_CTX_use_certificate(p.context, first->certificate);
	SSL_CTX_use_PrivateKey(p.context, first->key);
	p.ssl = SSL_new(p.context);
	p.in = BIO_new(BIO_s_mem());
	p.out = BIO_new(BIO_s_mem());
	SSL_set_bio(p.ssl, p.in, p.out);
	SSL_set_accept_state(p.ssl);
	plain_shake(&p, c);
	carry(c, c, 4096);
	plain_shake(&p, c);
	assert_explained(c, TLS_FAILED_ALPN, "ntske/1");
	tls_free(c);
	plain_free(&p);
}

/* --- the exporter --- */

static size_t from_hex(const char *hex, uint8_t *octets)
{
	size_t n = 0;

	for (; hex[2 * n]; n++)
		assert_int_equal(sscanf(hex + 2 * n, "%2hhx", &octets[n]), 1);
	return n;
}

/* HKDF-Expand (RFC 5869) to at most one hash, of HkdfLabel (RFC 8446 section 7.1). */
static void expand_label(const EVP_MD *hash, const uint8_t *secret, const char *label, const uint8_t *context,
	uint8_t *out, size_t size)
{
	const size_t hash_size = (size_t)EVP_MD_get_size(hash);
	uint8_t info[256], block[HASH_MAX];
	size_t n = 0;

	info[n++] = 0;
	info[n++] = (uint8_t)size;
	info[n++] = (uint8_t)(6 + strlen(label));
	n += (size_t)sprintf((char *)info + n, "tls13 %s", label);
	info[n++] = (uint8_t)hash_size;
	memcpy(info + n, context, hash_size);
	n += hash_size;
	info[n++] = 1;
	assert_true(size <= hash_size);
	assert_non_null(HMAC(hash, secret, (int)hash_size, info, n, block, NULL));
	memcpy(out, block, size);
}

/* RFC 8446 section 7.5 with the label and context of RFC 8915 section 5.1, from the secret alone. */
static void export_by_hand(
	const EVP_MD *hash, uint16_t aead, uint8_t direction, uint8_t *key, size_t key_size)
{
	const uint8_t context[] = {0, 0, (uint8_t)(aead >> 8), (uint8_t)aead, direction};
	uint8_t secret[HASH_MAX], derived[HASH_MAX], digest[HASH_MAX];
	const size_t size = from_hex(exporter_secret, secret);

	assert_int_equal(size, EVP_MD_get_size(hash));
	assert_int_equal(EVP_Digest("", 0, digest, NULL, hash, NULL), 1);
	expand_label(hash, secret, "EXPORTER-network-time-security", digest, derived, size);
	assert_int_equal(EVP_Digest(context, sizeof(context), digest, NULL, hash, NULL), 1);
	expand_label(hash, derived, "exporter", digest, key, key_size);
}

static void check_export(
	const char *suite, const EVP_MD *hash, uint16_t aead, uint16_t context, size_t key_size)
{
	struct plain p = plain_client(0, "\x07ntske/1", 8, NULL);
	struct tls *s = accept_one(server);
	struct cookie_keys keys, expected = {0}, nothing = {0};

	assert_int_equal(SSL_set_ciphersuites(p.ssl, suite), 1);
	memset(&keys, 0xee, sizeof(keys));
	assert_false(tls_export_keys(s, aead, context, &keys));
	assert_memory_equal(&keys, &nothing, sizeof(keys));
	memset(&keys, 0xee, sizeof(keys));
	assert_int_equal(plain_shake(&p, s), 1);
	assert_true(tls_export_keys(s, aead, context, &keys));
	export_by_hand(hash, context, 0, expected.c2s, key_size);
	export_by_hand(hash, context, 1, expected.s2c, key_size);
	assert_memory_equal(&keys, &expected, sizeof(keys));
	tls_free(s);
	plain_free(&p);
}

static void test_export_by_hand(void **state)
{
	(void)state;
	check_export("TLS_AES_128_GCM_SHA256", EVP_sha256(), 15, 15, 32);
	check_export("TLS_AES_256_GCM_SHA384", EVP_sha384(), 15, 15, 32);
	check_export("TLS_CHACHA20_POLY1305_SHA256", EVP_sha256(), 15, 0x1e02, 32);
	/* both contexts that there are for the shorter keys: the rest of their room is zero */
	check_export("TLS_AES_128_GCM_SHA256", EVP_sha256(), 30, 30, 16);
	check_export("TLS_AES_256_GCM_SHA384", EVP_sha384(), 30, 30, 16);
	check_export("TLS_AES_256_GCM_SHA384", EVP_sha384(), 30, 15, 16);
}

static void test_export(void **state)
{
	struct tls *s = accept_one(server), *c = connect_to("one.example");
	struct cookie_keys at_server, at_client, of_other;

	(void)state;
	shake(c, s, 4096);
	assert_true(tls_export_keys(s, 15, 15, &at_server));
	assert_true(tls_export_keys(c, 15, 15, &at_client));
	assert_memory_equal(&at_server, &at_client, sizeof(at_server));
	assert_memory_not_equal(at_server.c2s, at_server.s2c, SIV_KEY);
	assert_true(tls_export_keys(s, 30, 30, &of_other));
	assert_memory_not_equal(at_server.c2s, of_other.c2s, GCM_SIV_KEY);
	assert_memory_not_equal(at_server.s2c, of_other.s2c, GCM_SIV_KEY);
	free_both(c, s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_common_name),
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_client_settings),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_weak_keys),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_holders),
		cmocka_unit_test(test_rejections),
		cmocka_unit_test(test_alpn_among_others),
		cmocka_unit_test(test_retried_hello),
		cmocka_unit_test(test_key_update),
		cmocka_unit_test(test_key_update_flood),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_server_without_alpn),
		cmocka_unit_test(test_export_by_hand),
		cmocka_unit_test(test_export),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
