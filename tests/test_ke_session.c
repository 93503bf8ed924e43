/* The server's side of key establishment: nts/ke_session.h, and the records of nts/ke_record.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ntp/octets.h"
#include "nts/ke_session.h"

enum { CRITICAL = 1, OPTIONAL = 0, UNKNOWN = 1025, ROOM = 2 * KE_MESSAGE_MAX };

static struct ke_offer offer;
static bool export_fails, cookies_fail;
/* What is to be agreed on: the AEAD, the one that the exporter's context names, and whether record 1024 is
 * in the response. */
static uint16_t agreed, context;
static bool is_confirmed;

static bool export_keys(void *opaque, uint16_t aead, uint16_t named, struct cookie_keys *keys)
{
	assert_ptr_equal(opaque, &offer);
	assert_int_equal(aead, agreed);
	assert_int_equal(named, context);
	memset(keys->c2s, 0xc2, sizeof(keys->c2s));
	memset(keys->s2c, 0x52, sizeof(keys->s2c));
	return !export_fails;
}

static size_t make_cookies(void *opaque, uint16_t aead, const struct cookie_keys *keys,
	uint8_t (*cookies)[COOKIE_SIZE], size_t count)
{
	assert_ptr_equal(opaque, &offer);
	assert_int_equal(aead, agreed);
	assert_int_equal(keys->c2s[SIV_KEY - 1], 0xc2);
	assert_int_equal(keys->s2c[SIV_KEY - 1], 0x52);
	for (size_t i = 0; i < count; i++)
		memset(cookies[i], (int)(0x40 + i), cookie_size(aead));
	return cookies_fail ? 0 : cookie_size(aead);
}

static int reset(void **state)
{
	(void)state;
	offer = (struct ke_offer){
		.aeads = {2, {30, 15}}, .export_keys = export_keys, .make_cookies = make_cookies};
	agreed = context = 15;
	is_confirmed = false;
	export_fails = cookies_fail = false;
	return 0;
}

/* A request that is being put together. */
static uint8_t room[ROOM];
static struct ke_writer message;

static void start(void)
{
	message = (struct ke_writer){.octets = room, .size = sizeof(room)};
}

/* Append a record whose body is a list of `count` integers. */
static void add_list(bool critical, uint16_t type, unsigned count, ...)
{
	uint8_t body[64];
	va_list values;

	va_start(values, count);
	for (unsigned i = 0; i < count; i++)
		store_be16(body + 2 * (size_t)i, (uint16_t)va_arg(values, int));
	va_end(values);
	ke_write(&message, critical, type, body, (uint16_t)(2 * count));
}

static void add(bool critical, uint16_t type, const char *body)
{
	ke_write(&message, critical, type, body, (uint16_t)strlen(body));
}

static void add_protocol(void)
{
	add_list(CRITICAL, KE_NEXT_PROTOCOL, 1, KE_PROTOCOL_NTPV4);
}

static void add_aead(void)
{
	add_list(CRITICAL, KE_AEAD, 1, AEAD_AES_SIV_CMAC_256);
}

static void add_end(void)
{
	add(CRITICAL, KE_END_OF_MESSAGE, "");
}

static void start_usual(void)
{
	start();
	add_protocol();
	add_aead();
}

/* The response that a verdict has to have, octet by octet. */
static void write_association(struct ke_writer *w)
{
	uint8_t cookie[COOKIE_SIZE];

	ke_write_16(w, true, KE_AEAD, agreed);
	if (is_confirmed)
		ke_write(w, false, 1024, NULL, 0);
	if (offer.server && offer.server[0])
		ke_write(w, true, KE_SERVER, offer.server, (uint16_t)strlen(offer.server));
	if (offer.port)
		ke_write_16(w, true, KE_PORT, offer.port);
	for (int i = 0; i < 8; i++) {
		memset(cookie, 0x40 + i, sizeof(cookie));
		ke_write(w, false, KE_COOKIE, cookie, agreed == 30 ? 68 : 100);
	}
}

static void write_expected(struct ke_writer *w, enum ke_verdict verdict)
{
	if (verdict == KE_NO_PROTOCOL) {
		ke_write(w, true, KE_NEXT_PROTOCOL, NULL, 0);
	} else if (verdict == KE_NO_AEAD || verdict == KE_ANSWERED) {
		ke_write_16(w, true, KE_NEXT_PROTOCOL, 0);
		if (verdict == KE_ANSWERED)
			write_association(w);
		else
			ke_write(w, true, KE_AEAD, NULL, 0);
	} else {
		ke_write_16(w, true, KE_ERROR,
			verdict == KE_UNKNOWN_CRITICAL ? 0
			: verdict == KE_INTERNAL       ? 2
						       : 1);
	}
	ke_write(w, true, KE_END_OF_MESSAGE, NULL, 0);
	assert_false(w->full);
}

static void assert_concluded(const struct ke_session *session, enum ke_verdict verdict)
{
	uint8_t octets[KE_RESPONSE_MAX];
	struct ke_writer expected = {.octets = octets, .size = sizeof(octets)};

	assert_int_equal(session->verdict, verdict);
	if (verdict == KE_PENDING) {
		assert_int_equal(session->response_size, 0);
		return;
	}
	write_expected(&expected, verdict);
	assert_int_equal(session->response_size, expected.used);
	assert_memory_equal(session->response, octets, expected.used);
	assert_null(session->request);
}

/* Hand over a copy in a block of exactly its size. */
static enum ke_verdict take(struct ke_session *session, const uint8_t *octets, size_t size)
{
	uint8_t *block = malloc(size ? size : 1);
	enum ke_verdict verdict;

	assert_non_null(block);
	memcpy(block, octets, size);
	verdict = ke_session_take(session, &offer, block, size, &offer);
	free(block);
	assert_int_equal(verdict, session->verdict);
	return verdict;
}

/* The whole message in pieces of `piece` octets. */
static void assert_pieces(size_t piece, enum ke_verdict verdict)
{
	struct ke_session session = {.used = 0};

	for (size_t at = 0; at < message.used; at += piece)
		take(&session, room + at, message.used - at < piece ? message.used - at : piece);
	assert_concluded(&session, verdict);
	ke_session_end(&session);
}

static void assert_verdict(enum ke_verdict verdict)
{
	assert_false(message.full);
	assert_pieces(message.used, verdict);
	assert_pieces(1, verdict);
}

/* With the End of Message that is to come. */
static void assert_ended(enum ke_verdict verdict)
{
	add_end();
	assert_verdict(verdict);
}

static void test_usual(void **state)
{
	static const uint8_t octets[] = {0x80, 1, 0, 2, 0, 0, 0x80, 4, 0, 2, 0, 15, 0x80, 0, 0, 0};
	static const uint8_t head[] = {0x80, 1, 0, 2, 0, 0, 0x80, 4, 0, 2, 0, 15, 0, 5, 0, 100, 0x40};
	struct ke_session session = {.used = 0};

	(void)state;
	start_usual();
	add_end();
	assert_int_equal(message.used, sizeof(octets));
	assert_memory_equal(room, octets, sizeof(octets));
	assert_verdict(KE_ANSWERED);
	assert_int_equal(take(&session, octets, sizeof(octets)), KE_ANSWERED);
	assert_int_equal(session.response_size, 6 + 6 + 8 * 104 + 4);
	assert_memory_equal(session.response, head, sizeof(head));
	ke_session_end(&session);
}

static void test_server_and_port(void **state)
{
	char longest[KE_NAME_MAX + 2];

	(void)state;
	start_usual();
	add_end();
	offer.server = "";
	assert_verdict(KE_ANSWERED);
	offer.server = "ntp.example.org";
	assert_verdict(KE_ANSWERED);
	offer.port = 11123;
	assert_verdict(KE_ANSWERED);
	memset(longest, 'a', sizeof(longest));
	longest[KE_NAME_MAX] = '\0';
	offer.server = longest;
	assert_verdict(KE_ANSWERED);
	longest[KE_NAME_MAX] = 'a';
	longest[KE_NAME_MAX + 1] = '\0';
	assert_verdict(KE_INTERNAL);
}

/* The longest response with the other AEAD, too. */
static void test_server_and_port_compliant(void **state)
{
	char longest[KE_NAME_MAX + 1];

	(void)state;
	memset(longest, 'a', KE_NAME_MAX);
	longest[KE_NAME_MAX] = '\0';
	offer.server = longest;
	offer.port = 11123;
	agreed = context = 30;
	is_confirmed = true;
	start();
	add_protocol();
	add_list(CRITICAL, KE_AEAD, 1, 30);
	add(OPTIONAL, KE_COMPLIANT_GCM_SIV, "");
	assert_ended(KE_ANSWERED);
}

static void add_part(unsigned part)
{
	if (part == 0)
		add_protocol();
	else if (part == 1)
		add_aead();
	else if (part == 2)
		add(OPTIONAL, KE_SERVER, "2001:db8::1");
	else
		add_list(OPTIONAL, KE_PORT, 1, 123);
}

/* All orders of four records, and all of four where one or more come twice. */
static void test_order(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		const unsigned part[] = {i & 3, i >> 2 & 3, i >> 4 & 3, i >> 6};
		unsigned seen = 0, twice = 0;

		start();
		for (unsigned k = 0; k < 4; k++) {
			add_part(part[k]);
			/* the first that comes a second time decides */
			if (seen & 1U << part[k] && !twice)
				twice = part[k] + 1;
			seen |= 1U << part[k];
		}
		assert_ended(twice == 1   ? KE_PROTOCOLS
			     : twice == 2 ? KE_AEADS
			     : twice      ? KE_REPEATED
					  : KE_ANSWERED);
	}
}

static void test_missing(void **state)
{
	(void)state;
	start();
	assert_ended(KE_PROTOCOLS);
	start();
	add_aead();
	assert_ended(KE_PROTOCOLS);
	start();
	add_protocol();
	assert_ended(KE_AEADS);
	start_usual();
	assert_verdict(KE_PENDING);
}

static void test_protocols(void **state)
{
	(void)state;
	start();
	add_list(CRITICAL, KE_NEXT_PROTOCOL, 3, 7, 0x8001, KE_PROTOCOL_NTPV4);
	add_aead();
	assert_ended(KE_ANSWERED);
	start();
	add_list(CRITICAL, KE_NEXT_PROTOCOL, 2, 1, 0x8001);
	add_aead();
	assert_ended(KE_NO_PROTOCOL);
	start();
	add_list(CRITICAL, KE_NEXT_PROTOCOL, 1, 1);
	assert_ended(KE_NO_PROTOCOL);
	start();
	add_list(OPTIONAL, KE_NEXT_PROTOCOL, 1, KE_PROTOCOL_NTPV4);
	add_aead();
	assert_ended(KE_PROTOCOLS);
}

static void test_aeads(void **state)
{
	(void)state;
	start();
	add_protocol();
	add_list(CRITICAL, KE_AEAD, 3, 17, AEAD_AES_SIV_CMAC_256, 30);
	assert_ended(KE_ANSWERED);
	start();
	add_protocol();
	add_list(OPTIONAL, KE_AEAD, 2, AEAD_AES_SIV_CMAC_256, AEAD_AES_SIV_CMAC_256);
	assert_ended(KE_ANSWERED);
	start();
	add_protocol();
	add_list(CRITICAL, KE_AEAD, 2, 31, 0x0f00);
	assert_ended(KE_NO_AEAD);
	/* 15 across two values is none */
	start();
	add_protocol();
	add_list(CRITICAL, KE_AEAD, 2, 0x1200, 0x0f12);
	assert_ended(KE_NO_AEAD);
	/* and 0 is none, though lists have room */
	offer.aeads = (struct ke_aeads){1, {15}};
	start();
	add_protocol();
	add_list(CRITICAL, KE_AEAD, 2, 0, 30);
	assert_ended(KE_NO_AEAD);
}

/* A request that prefers one AEAD to the other, or knows it alone, with record 1024 `records` times. */
static void start_choice(uint16_t first, uint16_t second, unsigned records)
{
	start();
	for (unsigned i = 0; i < records; i++)
		add(i % 2 ? CRITICAL : OPTIONAL, 1024, "");
	add_protocol();
	if (second)
		add_list(CRITICAL, KE_AEAD, 3, 4711, first, second);
	else
		add_list(CRITICAL, KE_AEAD, 1, first);
}

/* Who offers what, whatever the order of the server's list; and record 1024 matters to AEAD 30 alone. */
static void test_choice(void **state)
{
	static const struct ke_aeads served[] = {{2, {30, 15}}, {2, {15, 30}}, {1, {15}}};
	static const uint16_t asked[][2] = {{15, 0}, {30, 0}, {15, 30}, {30, 15}};

	(void)state;
	for (unsigned s = 0; s < 3; s++)
		for (unsigned a = 0; a < 4; a++)
			for (unsigned records = 0; records < 3; records++) {
				const bool has_30 = s < 2;
				const bool is_served = has_30 || asked[a][0] == 15 || asked[a][1] == 15;

				offer.aeads = served[s];
				agreed = asked[a][0] == 30 && has_30 ? 30 : 15;
				is_confirmed = agreed == 30 && records > 0;
				context = is_confirmed ? 30 : 15;
				start_choice(asked[a][0], asked[a][1], records);
				assert_ended(is_served ? KE_ANSWERED : KE_NO_AEAD);
			}
}

/* The octets of the answer to chrony's request. */
static void test_compliant(void **state)
{
	static const uint8_t octets[] = {
		0x80, 1, 0, 2, 0, 0, 0x80, 4, 0, 4, 0, 30, 0, 15, 4, 0, 0, 0, 0x80, 0, 0, 0};
	static const uint8_t head[] = {
		0x80, 1, 0, 2, 0, 0, 0x80, 4, 0, 2, 0, 30, 4, 0, 0, 0, 0, 5, 0, 68, 0x40};
	struct ke_session session = {.used = 0};

	(void)state;
	agreed = context = 30;
	is_confirmed = true;
	assert_int_equal(take(&session, octets, sizeof(octets)), KE_ANSWERED);
	assert_int_equal(session.response_size, 6 + 6 + 4 + 8 * 72 + 4);
	assert_memory_equal(session.response, head, sizeof(head));
	ke_session_end(&session);
}

/* A body makes it a bad request, whatever is agreed on. */
static void test_compliant_body(void **state)
{
	static const uint16_t asked[] = {15, 30, 17};

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		for (int critical = 0; critical < 2; critical++) {
			start_choice(asked[i], 0, 0);
			add(critical, 1024, "x");
			assert_ended(KE_RECORD_BODY);
		}
}

/* Bodies of 0 to 5 zero octets but for the first, for each type. */
static void test_sizes(void **state)
{
	static const uint8_t body[5] = {'1', 0, 0, 0, 0};

	(void)state;
	for (uint16_t size = 0; size <= sizeof(body); size++) {
		const bool is_list = size == 2 || size == 4;

		start();
		ke_write(&message, true, KE_NEXT_PROTOCOL, body, size);
		add_aead();
		assert_ended(size == 4 ? KE_ANSWERED : is_list ? KE_NO_PROTOCOL : KE_PROTOCOLS);
		start();
		add_protocol();
		ke_write(&message, true, KE_AEAD, body, size);
		assert_ended(is_list ? KE_NO_AEAD : KE_AEADS);
		start_usual();
		ke_write(&message, false, KE_PORT, body, size);
		assert_ended(size == 2 ? KE_ANSWERED : KE_RECORD_BODY);
		start_usual();
		ke_write(&message, false, KE_SERVER, body, size);
		assert_ended(size == 1 ? KE_ANSWERED : KE_RECORD_BODY);
		start_usual();
		ke_write(&message, true, KE_END_OF_MESSAGE, body, size);
		assert_verdict(size == 0 ? KE_ANSWERED : KE_END);
	}
}

static void test_names(void **state)
{
	static const char *const good[] = {"192.0.2.1", "2001:db8::1", "a", "A-z_9.example.org."};
	static const char *const bad[] = {
		"", "a b", "a\n", "\x1b[2J", "fe80::1%eth0", "\xc3\xa4.org", "a/b", "@[`{", "a\x7f"};
	char name[KE_NAME_MAX + 2];

	(void)state;
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		start_usual();
		add(i % 2, KE_SERVER, good[i]);
		assert_ended(KE_ANSWERED);
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		start_usual();
		add(i % 2, KE_SERVER, bad[i]);
		assert_ended(KE_RECORD_BODY);
	}
	for (unsigned size = KE_NAME_MAX; size <= KE_NAME_MAX + 1; size++) {
		memset(name, 'n', size);
		name[size] = '\0';
		start_usual();
		add(OPTIONAL, KE_SERVER, name);
		assert_ended(size <= KE_NAME_MAX ? KE_ANSWERED : KE_RECORD_BODY);
	}
}

static void test_port_zero(void **state)
{
	(void)state;
	start_usual();
	add_list(OPTIONAL, KE_PORT, 1, 0);
	assert_ended(KE_RECORD_BODY);
}

static void test_unknown(void **state)
{
	static const uint16_t types[] = {8, UNKNOWN, 0x4000, 0x7fff};

	(void)state;
	for (unsigned i = 0; i < 4 * 3; i++) {
		for (int critical = 0; critical < 2; critical++) {
			start();
			for (unsigned k = 0; k < 3; k++) {
				if (k == i / 4)
					add(critical, types[i % 4], "anything");
				if (k < 2)
					add_part(k);
			}
			assert_ended(critical ? KE_UNKNOWN_CRITICAL : KE_ANSWERED);
		}
	}
	start_usual();
	add(OPTIONAL, UNKNOWN, "");
	add(OPTIONAL, UNKNOWN, "");
	assert_ended(KE_ANSWERED);
}

static void test_forbidden(void **state)
{
	static const uint16_t types[] = {KE_ERROR, KE_WARNING, KE_COOKIE};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		for (int critical = 0; critical < 2; critical++) {
			start_usual();
			add_list(critical, types[i], 1, 1);
			assert_ended(KE_FORBIDDEN);
			start();
			add_list(critical, types[i], 0);
			assert_ended(KE_FORBIDDEN);
		}
	}
}

static void test_end_not_critical(void **state)
{
	(void)state;
	start_usual();
	add(OPTIONAL, KE_END_OF_MESSAGE, "");
	assert_verdict(KE_END);
}

static void test_first_decides(void **state)
{
	(void)state;
	start();
	add(CRITICAL, UNKNOWN, "");
	add_list(CRITICAL, KE_ERROR, 1, 1);
	assert_ended(KE_UNKNOWN_CRITICAL);
	start();
	add_list(CRITICAL, KE_ERROR, 1, 1);
	add(CRITICAL, UNKNOWN, "");
	assert_ended(KE_FORBIDDEN);
}

/* Verdict and response do not depend on where the stream was cut. */
static void test_cuts(void **state)
{
	(void)state;
	offer.server = "ntp.example.org";
	for (unsigned i = 0; i < 3; i++) {
		start_usual();
		add(OPTIONAL, KE_SERVER, "192.0.2.1");
		add(i == 1, UNKNOWN, "a body of some length");
		add(i != 2, KE_END_OF_MESSAGE, "");
		for (size_t cut = 0; cut <= message.used; cut++) {
			struct ke_session session = {.used = 0};

			assert_int_equal(take(&session, room, cut) == KE_PENDING, cut < message.used);
			take(&session, room + cut, message.used - cut);
			assert_concluded(&session, i == 0   ? KE_ANSWERED
						   : i == 1 ? KE_UNKNOWN_CRITICAL
							    : KE_END);
			ke_session_end(&session);
		}
		for (size_t piece = 2; piece < message.used; piece++)
			assert_pieces(piece, i == 0 ? KE_ANSWERED : i == 1 ? KE_UNKNOWN_CRITICAL : KE_END);
	}
}

/* A request of `size` octets, for its most part one record that means nothing. */
static void fill_to(size_t size)
{
	const size_t rest = size - 6 - 6 - KE_RECORD_HEADER - KE_RECORD_HEADER;
	static const uint8_t zero[ROOM];

	start_usual();
	ke_write(&message, false, UNKNOWN, zero, (uint16_t)rest);
	add_end();
	assert_int_equal(message.used, size);
}

static void test_long(void **state)
{
	(void)state;
	fill_to(KE_MESSAGE_MIN);
	assert_verdict(KE_ANSWERED);
	fill_to(KE_MESSAGE_MAX - 1);
	assert_verdict(KE_ANSWERED);
	fill_to(KE_MESSAGE_MAX);
	assert_verdict(KE_ANSWERED);
	assert_pieces(1000, KE_ANSWERED);
	for (size_t more = 1; more < 6; more++) {
		fill_to(KE_MESSAGE_MAX + more);
		assert_verdict(KE_TOO_LONG);
		assert_pieces(1000, KE_TOO_LONG);
		assert_pieces(KE_MESSAGE_MAX - 1, KE_TOO_LONG);
	}
	fill_to(ROOM);
	assert_verdict(KE_TOO_LONG);
}

/* Records without an end: the verdict comes with the last octet that could have belonged to a request. */
static void test_endless(void **state)
{
	static const uint8_t record[KE_RECORD_HEADER] = {0x04, 0x01, 0, 0};
	struct ke_session session = {.used = 0};

	(void)state;
	for (size_t at = 0; at < KE_MESSAGE_MAX; at += sizeof(record)) {
		assert_concluded(&session, KE_PENDING);
		assert_true(session.room <= KE_MESSAGE_MAX);
		take(&session, record, sizeof(record));
	}
	assert_concluded(&session, KE_TOO_LONG);
	take(&session, record, sizeof(record));
	assert_concluded(&session, KE_TOO_LONG);
	ke_session_end(&session);
}

static void test_trailing(void **state)
{
	(void)state;
	for (size_t more = 1; more < 20; more++) {
		struct ke_session session = {.used = 0};
		size_t size;

		start_usual();
		add_end();
		size = message.used;
		take(&session, room, size - 1);
		take(&session, room + size - 1, more);
		assert_concluded(&session, more == 1 ? KE_ANSWERED : KE_TRAILING);
		/* what comes later changes nothing */
		take(&session, room, size);
		assert_concluded(&session, more == 1 ? KE_ANSWERED : KE_TRAILING);
		ke_session_end(&session);
	}
	/* beyond the room there is for a request, too */
	fill_to(KE_MESSAGE_MAX);
	message.used++;
	assert_pieces(message.used, KE_TRAILING);
}

static void test_two_ends(void **state)
{
	(void)state;
	start_usual();
	add_end();
	add_end();
	assert_pieces(message.used, KE_TRAILING);
}

static void test_give_up(void **state)
{
	(void)state;
	start_usual();
	add_end();
	for (size_t size = 0; size <= message.used; size++) {
		struct ke_session session = {.used = 0};
		const enum ke_verdict verdict = size < message.used ? KE_INCOMPLETE : KE_ANSWERED;

		take(&session, room, size);
		assert_int_equal(ke_session_give_up(&session), verdict);
		assert_concluded(&session, verdict);
		take(&session, room + size, message.used - size);
		assert_concluded(&session, verdict);
		ke_session_end(&session);
	}
}

static void test_internal(void **state)
{
	(void)state;
	start_usual();
	add_end();
	export_fails = true;
	assert_verdict(KE_INTERNAL);
	export_fails = false;
	cookies_fail = true;
	assert_verdict(KE_INTERNAL);
	/* what needs neither is answered as ever */
	start();
	add_protocol();
	add_list(CRITICAL, KE_AEAD, 1, 17);
	assert_ended(KE_NO_AEAD);
}

static void test_end_erases(void **state)
{
	struct ke_session session = {.used = 0};
	uint8_t octets[sizeof(session)];

	(void)state;
	start_usual();
	add_end();
	for (unsigned i = 0; i < 3; i++) {
		take(&session, room, i == 1 ? 7 : message.used);
		ke_session_end(&session);
		memcpy(octets, &session, sizeof(octets));
		for (size_t k = 0; k < sizeof(octets); k++)
			assert_int_equal(octets[k], 0);
	}
}

/* Random records against what they were made of. */
static void test_random(void **state)
{
	(void)state;
	srand(8915);
	for (unsigned i = 0; i < 20000; i++) {
		struct ke_session session = {.used = 0};
		bool is_wrong = false;
		unsigned protocols = 0, aeads = 0;

		start();
		for (int k = rand() % 5; k > 0; k--) {
			const unsigned kind = (unsigned)rand() % 3;
			const bool is_critical = rand() % 8 == 0;

			if (kind < 2)
				add_part(kind);
			else
				add(is_critical, UNKNOWN, "x");
			protocols += kind == 0;
			aeads += kind == 1;
			is_wrong = is_wrong || (kind == 2 && is_critical);
		}
		add_end();
		take(&session, room, message.used);
		assert_int_equal(session.verdict == KE_ANSWERED, !is_wrong && protocols == 1 && aeads == 1);
		ke_session_end(&session);
	}
}

static void test_writer(void **state)
{
	uint8_t octets[10];
	struct ke_writer w = {.octets = octets, .size = sizeof(octets)};

	(void)state;
	memset(octets, 0xee, sizeof(octets));
	ke_write_16(&w, false, 0x7fff, 0x1234);
	ke_write(&w, true, KE_SERVER, "x", 1);
	assert_true(w.full);
	assert_int_equal(w.used, 6);
	assert_memory_equal(octets, "\x7f\xff\0\2\x12\x34\xee\xee\xee\xee", 10);
	/* what would fit comes too late: a record is missing before it */
	ke_write(&w, true, KE_END_OF_MESSAGE, NULL, 0);
	assert_int_equal(w.used, 6);
}

static void test_verdict_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < KE_VERDICT_COUNT; i++) {
		const char *name = ke_verdict_info[i].name;

		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(name));
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(name, ke_verdict_info[k].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_usual, reset),
		cmocka_unit_test_setup(test_server_and_port, reset),
		cmocka_unit_test_setup(test_server_and_port_compliant, reset),
		cmocka_unit_test_setup(test_order, reset),
		cmocka_unit_test_setup(test_missing, reset),
		cmocka_unit_test_setup(test_protocols, reset),
		cmocka_unit_test_setup(test_aeads, reset),
		cmocka_unit_test_setup(test_choice, reset),
		cmocka_unit_test_setup(test_compliant, reset),
		cmocka_unit_test_setup(test_compliant_body, reset),
		cmocka_unit_test_setup(test_sizes, reset),
		cmocka_unit_test_setup(test_names, reset),
		cmocka_unit_test_setup(test_port_zero, reset),
		cmocka_unit_test_setup(test_unknown, reset),
		cmocka_unit_test_setup(test_forbidden, reset),
		cmocka_unit_test_setup(test_end_not_critical, reset),
		cmocka_unit_test_setup(test_first_decides, reset),
		cmocka_unit_test_setup(test_cuts, reset),
		cmocka_unit_test_setup(test_long, reset),
		cmocka_unit_test_setup(test_endless, reset),
		cmocka_unit_test_setup(test_trailing, reset),
		cmocka_unit_test_setup(test_two_ends, reset),
		cmocka_unit_test_setup(test_give_up, reset),
		cmocka_unit_test_setup(test_internal, reset),
		cmocka_unit_test_setup(test_end_erases, reset),
		cmocka_unit_test_setup(test_random, reset),
		cmocka_unit_test_setup(test_writer, reset),
		cmocka_unit_test_setup(test_verdict_names, reset),
	};

	return cmocka_run_group_tests_name("ke session", tests, NULL, NULL);
}
