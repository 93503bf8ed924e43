/* The client's side of key establishment: nts/ke_client.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ntp/octets.h"
#include "nts/ke_client.h"
#include "nts/ke_session.h"

enum { COOKIE = 100, ROOM = 2 * KE_CLIENT_MESSAGE_MAX };

/* A response that is being put together. */
static uint8_t room[ROOM];
static struct ke_writer message;
static struct ke_client_response response;

static const struct ke_aeads both = {2, {30, 15}}, both_other_way = {2, {15, 30}}, only_15 = {1, {15}},
			     only_30 = {1, {30}};

/* What was offered. */
static const struct ke_aeads *offered = &only_15;

static void add(bool critical, uint16_t type, const char *body)
{
	ke_write(&message, critical, type, body, (uint16_t)strlen(body));
}

static void add_cookie(size_t size, int octet)
{
	uint8_t cookie[1024];

	memset(cookie, octet, sizeof(cookie));
	ke_write(&message, false, KE_COOKIE, cookie, (uint16_t)size);
}

static void add_cookies(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		add_cookie(COOKIE, (int)(0x40 + i));
}

static void add_end(void)
{
	add(true, KE_END_OF_MESSAGE, "");
}

static void start(void)
{
	message = (struct ke_writer){.octets = room, .size = sizeof(room)};
}

/* All that is needed but the end. */
static void start_usual(void)
{
	start();
	ke_write_16(&message, true, KE_NEXT_PROTOCOL, 0);
	ke_write_16(&message, true, KE_AEAD, 15);
	add_cookies(KE_COOKIES);
}

/* Judge the first octets of the message, in a block of exactly their size. */
static enum ke_client_verdict judge(size_t size)
{
	uint8_t *block = malloc(size ? size : 1);
	enum ke_client_verdict verdict;

	assert_non_null(block);
	memcpy(block, room, size);
	memset(&response, 0xee, sizeof(response));
	verdict = ke_client_judge(&response, offered, block, size);
	free(block);
	assert_int_equal(verdict, response.verdict);
	return verdict;
}

static void assert_nothing_left(uint16_t code)
{
	struct ke_client_response nothing;

	memset(&nothing, 0, sizeof(nothing));
	nothing.verdict = response.verdict;
	nothing.code = code;
	assert_memory_equal(&response, &nothing, sizeof(nothing));
}

static void assert_verdict(enum ke_client_verdict verdict)
{
	assert_false(message.full);
	assert_int_equal(judge(message.used), verdict);
	if (verdict != KE_CLIENT_VALID && verdict != KE_CLIENT_ERROR && verdict != KE_CLIENT_WARNING)
		assert_nothing_left(0);
}

static void assert_ended(enum ke_client_verdict verdict)
{
	add_end();
	assert_verdict(verdict);
}

static void test_request(void **state)
{
	static const uint8_t expected[] = {0x80, 1, 0, 2, 0, 0, 0x80, 4, 0, 2, 0, 15, 0x80, 0, 0, 0};
	static const uint8_t of_both[] = {
		0x80, 1, 0, 2, 0, 0, 0x80, 4, 0, 4, 0, 30, 0, 15, 4, 0, 0, 0, 0x80, 0, 0, 0};
	static const uint8_t of_30[] = {0x80, 1, 0, 2, 0, 0, 0x80, 4, 0, 2, 0, 30, 4, 0, 0, 0, 0x80, 0, 0, 0};
	uint8_t octets[KE_CLIENT_REQUEST];

	(void)state;
	assert_int_equal(ke_client_request(octets, &only_15), sizeof(expected));
	assert_memory_equal(octets, expected, sizeof(expected));
	assert_int_equal(ke_client_request(octets, &both), sizeof(of_both));
	assert_memory_equal(octets, of_both, sizeof(of_both));
	assert_int_equal(ke_client_request(octets, &only_30), sizeof(of_30));
	assert_memory_equal(octets, of_30, sizeof(of_30));
	assert_int_equal(ke_client_request(octets, &both_other_way), KE_CLIENT_REQUEST);
	assert_memory_equal(octets + 10, "\0\x0f\0\x1e\4\0\0\0", 8);
}

static void test_lists(void **state)
{
	static const char *const bad[] = {"", "16", "0", "x", "15,", ",15", "15,,30", "15,15", "30,15,30",
		"15 30", " 15", "-15", "+15", "0x0f", "65551", "18446744073709551631", "30,15,"};
	struct ke_aeads aeads;

	(void)state;
	assert_true(ke_aeads_parse(&aeads, "15"));
	assert_memory_equal(&aeads, &only_15, sizeof(aeads));
	assert_true(ke_aeads_parse(&aeads, "30"));
	assert_memory_equal(&aeads, &only_30, sizeof(aeads));
	assert_true(ke_aeads_parse(&aeads, "30,15"));
	assert_memory_equal(&aeads, &both, sizeof(aeads));
	assert_true(ke_aeads_parse(&aeads, "15,30"));
	assert_memory_equal(&aeads, &both_other_way, sizeof(aeads));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(ke_aeads_parse(&aeads, bad[i]));
	assert_string_equal(ke_aead_name(15), "AEAD_AES_SIV_CMAC_256");
	assert_string_equal(ke_aead_name(30), "AEAD_AES_128_GCM_SIV");
	assert_string_equal(ke_aead_name(0), "-");
}

static uint16_t exported_aead, exported_context;

static bool export_keys(void *opaque, uint16_t aead, uint16_t context, struct cookie_keys *keys)
{
	(void)opaque;
	exported_aead = aead;
	exported_context = context;
	memset(keys, 0, sizeof(*keys));
	return true;
}

static size_t make_cookies(void *opaque, uint16_t aead, const struct cookie_keys *keys,
	uint8_t (*cookies)[COOKIE_SIZE], size_t count)
{
	(void)opaque, (void)keys;
	for (size_t i = 0; i < count; i++)
		memset(cookies[i], (int)(0x40 + i), cookie_size(aead));
	return cookie_size(aead);
}

static void assert_cookies(unsigned count)
{
	uint8_t octets[COOKIE];

	assert_int_equal(response.cookies, count);
	for (unsigned i = 0; i < count; i++) {
		memset(octets, (int)(0x40 + i), sizeof(octets));
		assert_int_equal(response.cookie[i].size, COOKIE);
		assert_memory_equal(response.cookie[i].octets, octets, COOKIE);
	}
}

/* With our own server. */
static void test_session(void **state)
{
	const struct ke_offer offer = {.aeads = both,
		.server = "ntp.example.org",
		.port = 4123,
		.export_keys = export_keys,
		.make_cookies = make_cookies};
	struct ke_session session = {.used = 0};
	uint8_t request[KE_CLIENT_REQUEST];
	const size_t size = ke_client_request(request, &only_15);

	(void)state;
	assert_int_equal(ke_session_take(&session, &offer, request, size, NULL), KE_ANSWERED);
	assert_int_equal(ke_client_judge(&response, &only_15, session.response, session.response_size),
		KE_CLIENT_VALID);
	assert_cookies(KE_COOKIES);
	assert_int_equal(response.aead, 15);
	assert_string_equal(response.server, "ntp.example.org");
	assert_int_equal(response.port, 4123);
	ke_session_end(&session);
	assert_int_equal(ke_session_give_up(&session), KE_INCOMPLETE);
	assert_int_equal(ke_client_judge(&response, &only_15, session.response, session.response_size),
		KE_CLIENT_ERROR);
	assert_int_equal(response.code, KE_ERROR_BAD_REQUEST);
	ke_session_end(&session);
}

/* Our own two sides agree, whatever each has. */
static void test_agreement(void **state)
{
	static const struct ke_aeads *const lists[] = {&both, &both_other_way, &only_15, &only_30};

	(void)state;
	for (unsigned i = 0; i < 4 * 3; i++) {
		const struct ke_aeads *wanted = lists[i % 4];
		const struct ke_offer offer = {
			.aeads = *lists[i / 4], .export_keys = export_keys, .make_cookies = make_cookies};
		const bool agree = i / 4 < 2 || wanted != &only_30;
		struct ke_session session = {.used = 0};
		uint8_t request[KE_CLIENT_REQUEST];
		const size_t size = ke_client_request(request, wanted);

		assert_int_equal(ke_session_take(&session, &offer, request, size, NULL),
			agree ? KE_ANSWERED : KE_NO_AEAD);
		assert_int_equal(ke_client_judge(&response, wanted, session.response, session.response_size),
			agree ? KE_CLIENT_VALID : KE_CLIENT_AEAD);
		if (agree) {
			assert_int_equal(response.aead, i / 4 < 2 ? wanted->id[0] : 15);
			assert_int_equal(response.aead, exported_aead);
			assert_int_equal(response.context, exported_context);
			assert_int_equal(response.context, response.aead);
			assert_int_equal(response.cookie[7].size, response.aead == 30 ? 68 : 100);
		}
		ke_session_end(&session);
	}
}

/* A server that says nothing of record 1024 exports as old ones do; one that does, as RFC 8915 says. */
static void test_compliant(void **state)
{
	(void)state;
	offered = &both;
	for (unsigned i = 0; i < 8; i++) {
		const uint16_t aead = i & 1 ? 30 : 15;
		const unsigned records = i >> 1;

		start();
		ke_write_16(&message, true, KE_NEXT_PROTOCOL, 0);
		ke_write_16(&message, true, KE_AEAD, aead);
		for (unsigned k = 0; k < records; k++)
			add(k == 1, 1024, "");
		add_cookies(1);
		assert_ended(KE_CLIENT_VALID);
		assert_int_equal(response.aead, aead);
		assert_int_equal(response.context, aead == 30 && records > 0 ? 30 : 15);
		start_usual();
		add(i & 1, 1024, "x");
		assert_ended(KE_CLIENT_RECORD_BODY);
	}
	offered = &only_15;
}

static void test_usual(void **state)
{
	(void)state;
	start_usual();
	assert_ended(KE_CLIENT_VALID);
	assert_cookies(KE_COOKIES);
	assert_string_equal(response.server, "");
	assert_int_equal(response.port, 0);
	assert_int_equal(response.code, 0);
}

/* Whatever is missing at the end, the response is PENDING. */
static void test_cuts(void **state)
{
	(void)state;
	start_usual();
	add_end();
	for (size_t size = 0; size < message.used; size++) {
		assert_int_equal(judge(size), KE_CLIENT_PENDING);
		assert_nothing_left(0);
	}
	assert_int_equal(ke_client_judge(&response, offered, NULL, 0), KE_CLIENT_PENDING);
}

static void test_order(void **state)
{
	(void)state;
	start();
	add(false, KE_SERVER, "192.0.2.1");
	add_cookies(3);
	ke_write_16(&message, false, KE_AEAD, 15);
	ke_write_16(&message, false, KE_PORT, 123);
	ke_write_16(&message, true, KE_NEXT_PROTOCOL, 0);
	add(false, 1025, "");
	assert_ended(KE_CLIENT_VALID);
	assert_cookies(3);
	assert_string_equal(response.server, "192.0.2.1");
	assert_int_equal(response.port, 123);
}

static void test_protocol(void **state)
{
	static const uint8_t two[] = {0, 0, 0, 0};

	(void)state;
	for (unsigned i = 0; i < 7; i++) {
		start();
		if (i == 0 || i == 5)
			ke_write_16(&message, true, KE_NEXT_PROTOCOL, 0);
		else if (i == 1)
			ke_write_16(&message, false, KE_NEXT_PROTOCOL, 0);
		else if (i == 2)
			ke_write_16(&message, true, KE_NEXT_PROTOCOL, 1);
		else if (i < 5)
			ke_write(&message, true, KE_NEXT_PROTOCOL, two, i == 3 ? 0 : 4);
		ke_write_16(&message, true, KE_AEAD, 15);
		add_cookies(1);
		if (i == 5)
			ke_write_16(&message, true, KE_NEXT_PROTOCOL, 0);
		assert_ended(i == 0 ? KE_CLIENT_VALID : KE_CLIENT_PROTOCOL);
	}
}

static void test_aead(void **state)
{
	static const uint8_t two[] = {0, 15, 0, 15};

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		start();
		ke_write_16(&message, true, KE_NEXT_PROTOCOL, 0);
		if (i == 0 || i == 4)
			ke_write_16(&message, true, KE_AEAD, 15);
		else if (i == 1)
			ke_write_16(&message, true, KE_AEAD, 30);
		else if (i < 4)
			ke_write(&message, true, KE_AEAD, two, i == 2 ? 0 : 4);
		add_cookies(1);
		if (i == 4)
			ke_write_16(&message, true, KE_AEAD, 15);
		assert_ended(i == 0 ? KE_CLIENT_VALID : KE_CLIENT_AEAD);
	}
	/* what is known, but was not offered */
	offered = &only_30;
	start_usual();
	assert_ended(KE_CLIENT_AEAD);
	offered = &only_15;
}

static void test_cookies(void **state)
{
	(void)state;
	start();
	ke_write_16(&message, true, KE_NEXT_PROTOCOL, 0);
	ke_write_16(&message, true, KE_AEAD, 15);
	assert_ended(KE_CLIENT_NO_COOKIE);
	start_usual();
	add_cookies(40);
	assert_ended(KE_CLIENT_VALID);
	assert_cookies(KE_COOKIES);
}

static void test_cookie_sizes(void **state)
{
	(void)state;
	for (size_t size = 0; size <= 600; size++) {
		const bool is_sound = size % 4 == 0 && size >= 12 && size <= 512;

		start();
		ke_write_16(&message, true, KE_NEXT_PROTOCOL, 0);
		ke_write_16(&message, true, KE_AEAD, 15);
		add_cookie(size, 1);
		assert_ended(is_sound ? KE_CLIENT_VALID : KE_CLIENT_COOKIE_SIZE);
		if (is_sound)
			assert_int_equal(response.cookie[0].size, size);
		/* those that are left out, too */
		start_usual();
		add_cookie(size, 1);
		assert_ended(is_sound ? KE_CLIENT_VALID : KE_CLIENT_COOKIE_SIZE);
	}
}

/* An error says more than what is missing beside it. */
static void test_error(void **state)
{
	(void)state;
	for (uint16_t code = 0; code < 4; code++) {
		start();
		ke_write_16(&message, true, KE_ERROR, code);
		assert_ended(KE_CLIENT_ERROR);
		assert_nothing_left(code);
		start();
		ke_write(&message, true, KE_NEXT_PROTOCOL, NULL, 0);
		add_cookies(1);
		ke_write_16(&message, false, KE_ERROR, code);
		assert_ended(KE_CLIENT_ERROR);
		assert_nothing_left(code);
		start_usual();
		ke_write_16(&message, true, KE_WARNING, code);
		assert_ended(KE_CLIENT_WARNING);
		assert_nothing_left(code);
	}
}

static void test_bodies(void **state)
{
	static const uint16_t types[] = {KE_ERROR, KE_WARNING, KE_PORT};
	static const uint8_t zero[4];

	(void)state;
	for (uint16_t size = 0; size <= sizeof(zero); size++) {
		for (unsigned i = 0; i < 3; i++) {
			start_usual();
			ke_write(&message, true, types[i], zero, size);
			/* port 0 is none */
			assert_ended(size == 2 && i == 0   ? KE_CLIENT_ERROR
				     : size == 2 && i == 1 ? KE_CLIENT_WARNING
							   : KE_CLIENT_RECORD_BODY);
		}
		start_usual();
		ke_write(&message, true, KE_END_OF_MESSAGE, zero, size);
		assert_verdict(size == 0 ? KE_CLIENT_VALID : KE_CLIENT_END);
	}
	start_usual();
	add(false, KE_END_OF_MESSAGE, "");
	assert_verdict(KE_CLIENT_END);
}

static void test_names(void **state)
{
	char name[KE_NAME_MAX + 2];

	(void)state;
	for (unsigned octet = 0; octet < 256; octet++) {
		const uint8_t body[] = {'a', (uint8_t)octet, 'b'};
		const bool is_sound = octet && octet < 128 &&
				      strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					     "0123456789-._:",
					      (int)octet);

		start_usual();
		ke_write(&message, true, KE_SERVER, body, sizeof(body));
		assert_ended(is_sound ? KE_CLIENT_VALID : KE_CLIENT_RECORD_BODY);
	}
	for (unsigned size = 0; size <= KE_NAME_MAX + 1; size++) {
		memset(name, 'n', size);
		name[size] = '\0';
		start_usual();
		add(true, KE_SERVER, name);
		assert_ended(size > 0 && size <= KE_NAME_MAX ? KE_CLIENT_VALID : KE_CLIENT_RECORD_BODY);
		if (response.verdict == KE_CLIENT_VALID)
			assert_string_equal(response.server, name);
	}
}

static void test_repeated(void **state)
{
	(void)state;
	start_usual();
	add(true, KE_SERVER, "a");
	add(true, KE_SERVER, "a");
	assert_ended(KE_CLIENT_REPEATED);
	start_usual();
	ke_write_16(&message, true, KE_PORT, 123);
	ke_write_16(&message, true, KE_PORT, 123);
	assert_ended(KE_CLIENT_REPEATED);
}

static void test_unknown(void **state)
{
	(void)state;
	start_usual();
	add(false, 8, "?");
	add(false, 0x7fff, "");
	assert_ended(KE_CLIENT_VALID);
	start_usual();
	add(true, 1025, "");
	assert_ended(KE_CLIENT_UNKNOWN_CRITICAL);
}

/* A response of `size` octets, with records that mean nothing. */
static void fill_to(size_t size)
{
	static const uint8_t zero[ROOM];

	start_usual();
	size -= KE_RECORD_HEADER;
	while (message.used < size) {
		const size_t rest = size - message.used - KE_RECORD_HEADER;

		ke_write(&message, false, 1025, zero, (uint16_t)(rest > 40000 ? 30000 : rest));
	}
	add_end();
	assert_int_equal(message.used, size + KE_RECORD_HEADER);
}

static void test_long(void **state)
{
	(void)state;
	fill_to(KE_CLIENT_MESSAGE_MAX);
	assert_verdict(KE_CLIENT_VALID);
	assert_int_equal(judge(message.used - 1), KE_CLIENT_PENDING);
	fill_to(KE_CLIENT_MESSAGE_MAX + 1);
	assert_verdict(KE_CLIENT_TOO_LONG);
	assert_int_equal(judge(message.used - 1), KE_CLIENT_TOO_LONG);
	assert_int_equal(judge(message.used - 2), KE_CLIENT_PENDING);
	fill_to(ROOM);
	assert_verdict(KE_CLIENT_TOO_LONG);
}

static void test_trailing(void **state)
{
	(void)state;
	start_usual();
	add_end();
	message.used++;
	assert_verdict(KE_CLIENT_TRAILING);
	start_usual();
	add_end();
	assert_ended(KE_CLIENT_TRAILING);
	fill_to(KE_CLIENT_MESSAGE_MAX);
	message.used += 3;
	assert_verdict(KE_CLIENT_TRAILING);
}

static void test_verdict_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < KE_CLIENT_VERDICT_COUNT; i++) {
		const char *name = ke_client_verdict_info[i].name;

		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(name));
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(name, ke_client_verdict_info[k].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_agreement),
		cmocka_unit_test(test_compliant),
		cmocka_unit_test(test_usual),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_protocol),
		cmocka_unit_test(test_aead),
		cmocka_unit_test(test_cookies),
		cmocka_unit_test(test_cookie_sizes),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_repeated),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_trailing),
		cmocka_unit_test(test_verdict_names),
	};

	return cmocka_run_group_tests_name("ke client", tests, NULL, NULL);
}
