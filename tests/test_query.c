/* What `tickwire query` makes of its samples, and its command line: control/query.h, control/query_report.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/query.h"
#include "control/query_report.h"

static struct exchange reply_of(enum client_verdict verdict, double offset, double delay)
{
	struct exchange x = {
		.status = EXCHANGE_REPLY,
		.t1 = ntp64_from_unix(1800000000, 0),
		.t4 = ntp64_from_unix(1800000000, 500000000),
		.kernel_stamp = true,
		.reply = {.verdict = verdict,
			.stratum = verdict == CLIENT_ANSWERED ? 2 : 0,
			.leap = verdict == CLIENT_ANSWERED ? NTP_LEAP_NONE : NTP_LEAP_UNSYNC,
			.version = 4,
			.precision = -24,
			.refid = {192, 0, 2, 9},
			.root_delay = 0x8000,
			.root_dispersion = 0x4000,
			.reference = ntp64_from_unix(1799999990, 250000000),
			.offset = offset,
			.delay = delay},
	};

	if (verdict == CLIENT_KISS)
		memcpy(x.reply.kiss, "RATE", 5);
	return x;
}

static struct query_result result_of(struct exchange *samples, size_t count)
{
	struct query_result r = {.host = "ntp.example", .port = 123, .sent = count, .sample = samples};

	snprintf(r.peer.text, sizeof(r.peer.text), "192.0.2.1");
	return r;
}

static void test_best_is_by_delay(void **state)
{
	struct exchange x[5] = {reply_of(CLIENT_ANSWERED, 0.003, 0.02),
		reply_of(CLIENT_ANSWERED, 0.001, 0.01), {.status = EXCHANGE_TIMEOUT},
		reply_of(CLIENT_ANSWERED, 0.005, 0.03), reply_of(CLIENT_UNSYNCHRONISED, 9, 0.0001)};
	struct query_result r = result_of(x, 5);
	struct query_summary s = query_summarise(&r);
	char text[512];

	(void)state;
	assert_ptr_equal(s.best, &x[1]);
	assert_true(s.valid);
	assert_int_equal(s.answered, 4);
	assert_true(fabs(s.jitter - sqrt((4e-6 + 16e-6) / 2)) < 1e-12);
	assert_null(s.kiss);
	query_explain(&r, text, sizeof(text));
	assert_string_equal(text, "");
	r.sent = 1;
	assert_true(isnan(query_summarise(&r).jitter));
}

static void check_explained(struct exchange x, const char *words)
{
	struct query_result r = result_of(&x, 1);
	char text[512];

	assert_false(query_summarise(&r).valid);
	query_explain(&r, text, sizeof(text));
	assert_non_null(strstr(text, "ntp.example (192.0.2.1)"));
	assert_non_null(strstr(text, words));
}

static void test_what_went_wrong(void **state)
{
	struct query_result none = result_of(NULL, 0);
	char text[512];

	(void)state;
	check_explained(reply_of(CLIENT_UNSYNCHRONISED, 0, 0), "is not synchronised (leap 3, stratum 0)");
	check_explained(reply_of(CLIENT_KISS, 0, 0), "kiss code RATE");
	check_explained(reply_of(CLIENT_ROOT_DISTANCE, 0, 0), "root distance of 16 s");
	check_explained((struct exchange){.status = EXCHANGE_TIMEOUT}, "does not answer on UDP port 123");
	check_explained((struct exchange){.status = EXCHANGE_PORT_UNREACHABLE, .error = ECONNREFUSED},
		"nothing listens on UDP port 123 of");
	check_explained((struct exchange){.status = EXCHANGE_UNREACHABLE, .error = ENETUNREACH},
		"there is no route to");
	check_explained((struct exchange){.status = EXCHANGE_UNREACHABLE, .error = EHOSTUNREACH},
		"cannot be reached");
	check_explained((struct exchange){.status = EXCHANGE_UNREACHABLE, .error = EPERM}, "packet filter");
	check_explained((struct exchange){.status = EXCHANGE_SYSTEM, .error = EMFILE}, "Too many open files");
	snprintf(none.unresolved, sizeof(none.unresolved), "it does not resolve");
	query_explain(&none, text, sizeof(text));
	assert_string_equal(text, "it does not resolve");
}

static void check_interval(double seconds, bool sign, const char *expected)
{
	char text[16];

	query_interval_text(text, seconds, sign);
	assert_string_equal(text, expected);
}

static void test_intervals(void **state)
{
	(void)state;
	check_interval(0, false, "0.0ns");
	check_interval(0, true, "+0.0ns");
	check_interval(-5e-9, true, "-5.0ns");
	check_interval(123.4e-9, false, "123.4ns");
	check_interval(999.94e-9, false, "999.9ns");
	check_interval(999.96e-9, false, "1.000us");
	check_interval(12.345e-6, true, "+12.35us");
	check_interval(9.99951e-3, false, "10.00ms");
	check_interval(-0.25, false, "-250.0ms");
	check_interval(1.5, false, "1.500s");
	check_interval(86400, true, "+86400s");
	check_interval(-2147483648.0, true, "-2147483648s");
	check_interval((double)NAN, true, "-");
}

/* The report of two hosts, one of which answered, as text that the caller frees. */
static char *report(void (*print)(FILE *out, const struct query_result *results))
{
	struct exchange x[2] = {reply_of(CLIENT_ANSWERED, -0.25, 0.125), reply_of(CLIENT_VERSION, 0, 0)};
	struct exchange kiss = reply_of(CLIENT_KISS, 0, 0);
	struct query_result results[2] = {result_of(x, 2), result_of(&kiss, 1)};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	x[0].ignored[CLIENT_ORIGIN] = 3;
	print(out, results);
	fclose(out);
	return text;
}

static void print_json(FILE *out, const struct query_result *results)
{
	assert_true(query_print_json(out, results, 2));
}

static void print_table(FILE *out, const struct query_result *results)
{
	query_print_table(out, results, 2);
}

static double number(const json_t *object, const char *key)
{
	assert_true(json_is_number(json_object_get(object, key)));
	return json_number_value(json_object_get(object, key));
}

static void check_first(const json_t *o)
{
	const json_t *refused = json_object_get(o, "refused");

	assert_string_equal(json_string_value(json_object_get(o, "host")), "ntp.example");
	assert_string_equal(json_string_value(json_object_get(o, "address")), "192.0.2.1");
	assert_string_equal(json_string_value(json_object_get(o, "refid")), "192.0.2.9");
	assert_true(json_is_true(json_object_get(o, "valid")));
	assert_true(number(o, "stratum") == 2 && number(o, "leap") == 0 && number(o, "version") == 4);
	assert_true(number(o, "offset") == -0.25 && number(o, "delay") == 0.125);
	assert_true(number(o, "error_bound") == 0.0625 + 0.25 + 0.25);
	assert_true(number(o, "root_delay") == 0.5 && number(o, "root_dispersion") == 0.25);
	assert_true(number(o, "precision") == -24 && number(o, "reference_time") == 1799999990.25);
	assert_true(number(o, "sent") == 2 && number(o, "answered") == 1);
	assert_true(number(refused, "version") == 1 && number(refused, "origin") == 3);
	assert_int_equal(json_object_size(refused), 2);
	assert_int_equal(json_array_size(json_object_get(o, "samples")), 2);
	assert_true(json_is_null(json_object_get(o, "jitter")));
	assert_true(json_is_null(json_object_get(o, "error")));
	assert_true(json_is_null(json_object_get(o, "nts")));
}

static void test_json(void **state)
{
	char *text = report(print_json);
	json_t *array = json_loads(text, 0, NULL);
	const json_t *second = json_array_get(array, 1);
	const char *key;
	json_t *value;

	(void)state;
	assert_int_equal(json_array_size(array), 2);
	check_first(json_array_get(array, 0));
	assert_string_equal(json_string_value(json_object_get(second, "kiss_code")), "RATE");
	assert_true(json_is_false(json_object_get(second, "valid")));
	assert_true(json_is_string(json_object_get(second, "error")));
	json_object_foreach(json_array_get(array, 0), key, value)
		assert_non_null(json_object_get(second, key));
	json_decref(array);
	free(text);
}

static void test_table(void **state)
{
	static const char expected[] = "HOST         ADDRESS    STRATUM  REFID      LEAP    OFFSET   ±ERROR  "
				       "  DELAY  JITTER  ROOTDELAY  ROOTDISP"
				       "  ANSWERED\n"
				       "ntp.example  192.0.2.1        2  192.0.2.9  none  -250.0ms  562.5ms  "
				       "125.0ms       -    500.0ms   250.0ms"
				       "       1/2\n"
				       "ntp.example  192.0.2.1        -  RATE       -            -        -  "
				       "      -       -          -         -"
				       "       0/1\n";
	char *text = report(print_table);

	(void)state;
	assert_string_equal(text, expected);
	free(text);
}

/* An association that got eight cookies and holds seven. */
static struct query_nts association(void)
{
	struct query_nts nts = {
		.terms = {.host = "ntp.example", .port = 4460, .timeout = 5},
		.ke = {.peer.text = "192.0.2.7",
			.connect_time = 0.001,
			.handshake_time = 0.004,
			.time = 0.008,
			.aead = AEAD_AES_SIV_CMAC_256,
			.cookies = 8,
			.server = "time.example",
			.port = 1123},
		.establishments = 2,
		.client.cookies = 7,
	};

	nts.judged[NTS_CLIENT_AUTHENTIC] = 9;
	nts.judged[NTS_CLIENT_NAK] = 1;
	nts.judged[NTS_CLIENT_UNAUTHENTICATED] = 2;
	nts.judged[NTS_CLIENT_FORGED] = 3;
	return nts;
}

/* The second line of the table and beyond, and the object "nts"; the caller frees both. */
static json_t *report_nts(struct query_nts *nts, struct exchange *sample, size_t count, char **line)
{
	struct query_result r = result_of(sample, count);
	char *text = NULL, *table = NULL;
	size_t size = 0, table_size = 0;
	FILE *out = open_memstream(&text, &size), *table_out = open_memstream(&table, &table_size);
	json_t *array, *object;

	r.nts = nts;
	assert_true(query_print_json(out, &r, 1));
	fclose(out);
	query_print_table(table_out, &r, 1);
	fclose(table_out);
	*line = strdup(strstr(table, "  NTS: "));
	array = json_loads(text, 0, NULL);
	object = json_incref(json_object_get(json_array_get(array, 0), "nts"));
	json_decref(array);
	free(table);
	free(text);
	return object;
}

static void test_nts(void **state)
{
	struct query_nts nts = association();
	struct exchange x = reply_of(CLIENT_ANSWERED, 0, 0.125);
	char *line;
	json_t *o = report_nts(&nts, &x, 1, &line);

	(void)state;
	assert_string_equal(line,
		"  NTS: keys from 192.0.2.7 port 4460 in 8.000ms (TCP 1.000ms, TLS 4.000ms), "
		"AEAD_AES_SIV_CMAC_256, 8 cookies got, 7 held, for server time.example, for UDP port 1123, "
		"2 establishments, 1 NAK, 5 discarded datagrams\n");
	assert_string_equal(json_string_value(json_object_get(o, "status")), "agreed");
	assert_string_equal(json_string_value(json_object_get(o, "ke_address")), "192.0.2.7");
	assert_string_equal(json_string_value(json_object_get(o, "aead")), "AEAD_AES_SIV_CMAC_256");
	assert_string_equal(json_string_value(json_object_get(o, "server")), "time.example");
	assert_true(number(o, "ke_port") == 4460 && number(o, "port") == 1123);
	assert_true(number(o, "ke_time") == 0.008 && number(o, "connect_time") == 0.001);
	assert_true(number(o, "handshake_time") == 0.004 && number(o, "establishments") == 2);
	assert_true(number(o, "cookies") == 8 && number(o, "cookies_held") == 7);
	assert_true(number(o, "naks") == 1 && number(o, "unauthenticated") == 2);
	assert_true(number(o, "discarded") == 5);
	json_decref(o);
	free(line);
}

static void test_nts_of_another_aead(void **state)
{
	struct query_nts nts = association();
	struct exchange x = reply_of(CLIENT_ANSWERED, 0, 0.125);
	char *line;
	json_t *o;

	(void)state;
	nts.ke.aead = AEAD_AES_128_GCM_SIV;
	o = report_nts(&nts, &x, 1, &line);
	assert_non_null(strstr(line, ", AEAD_AES_128_GCM_SIV, 8 cookies got"));
	assert_string_equal(json_string_value(json_object_get(o, "aead")), "AEAD_AES_128_GCM_SIV");
	json_decref(o);
	free(line);
}

static void test_nts_without_keys(void **state)
{
	struct query_nts nts = {.terms = {.port = 4460},
		.ke = {.status = KE_EXCHANGE_ALPN,
			.connect_time = 0.001,
			.handshake_time = (double)NAN,
			.time = (double)NAN}};
	static const char *const nulls[] = {
		"ke_address", "ke_time", "handshake_time", "aead", "cookies", "server", "port"};
	char *line;
	json_t *o = report_nts(&nts, NULL, 0, &line);

	(void)state;
	assert_string_equal(line, "  NTS: no keys (alpn)\n");
	assert_string_equal(json_string_value(json_object_get(o, "status")), "alpn");
	for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
		assert_true(json_is_null(json_object_get(o, nulls[i])));
	json_decref(o);
	free(line);
}

static void check_nts_explained(struct exchange x, const char *words)
{
	struct query_nts nts = association();
	struct query_result r = result_of(&x, 1);
	char text[QUERY_SENTENCE];

	r.nts = &nts;
	query_explain(&r, text, sizeof(text));
	assert_non_null(strstr(text, words));
}

static void test_nts_sentences(void **state)
{
	struct exchange nak = reply_of(CLIENT_KISS, 0, 0);

	(void)state;
	memcpy(nak.reply.kiss, "NTSN", 5);
	check_nts_explained(nak, "declines our cookies by an NTS NAK");
	check_nts_explained((struct exchange){.status = EXCHANGE_TIMEOUT},
		"a reply of 5 that were discarded does not verify: forged or damaged");
	check_nts_explained((struct exchange){.status = EXCHANGE_PORT_UNREACHABLE}, "nothing listens on UDP");
}

static void check_usage(const char *first, const char *second, int status)
{
	char words[3][64] = {"query"};
	char *argv[] = {words[0], words[1], words[2], NULL};

	snprintf(words[1], sizeof(words[1]), "%s", first);
	snprintf(words[2], sizeof(words[2]), "%s", second);
	argv[1 + (*first != '\0') + (*second != '\0')] = NULL;
	assert_int_equal(query_main(1 + (*first != '\0') + (*second != '\0'), argv), status);
}

static void test_command_line(void **state)
{
	static const char *const bad[][2] = {{"", ""}, {"--nts", ""}, {"--nts=1", "::1"},
		{"--key=keys:1", "::1"}, {"--ca=file", "::1"}, {"--ca", ""}, {"--ke-port=4460", "::1"},
		{"--ke-port=0", "--nts"}, {"--aead=15", "::1"}, {"--aead=16", "--nts"}, {"--aead", "--nts"},
		{"--ke-port=65536", "--nts"}, {"-n0", "::1"}, {"-n1001", "::1"}, {"-n1.5", "::1"},
		{"-nx", "::1"}, {"-i0.049", "::1"}, {"-inan", "::1"}, {"-p0", "::1"}, {"-p65536", "::1"},
		{"-V0", "::1"}, {"-V5", "::1"}, {"-t0", "::1"}, {"-46", "::1"}, {"-x", "::1"},
		{"--bogus", "::1"}, {"-n", ""}, {"--json=1", "::1"}};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_usage(bad[i][0], bad[i][1], 2);
	check_usage("--help", "", 0);
	check_usage("--nts", "--help", 0);
}

/* What goes with what. */
static void test_nts_options(void **state)
{
	static const char *const bad[][2] = {{"--nts", "-V3"}, {"--ca=file", "-n1"}, {"--ke-port=1", "-n1"},
		{"--aead=15", "-n1"}, {"--aead=30,30", "--nts"}, {"--nts", "--ca=/dev/null"}};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char words[4][64] = {"query", "", "", "::1"};
		char *argv[] = {words[0], words[1], words[2], words[3], NULL};

		snprintf(words[1], sizeof(words[1]), "%s", bad[i][0]);
		snprintf(words[2], sizeof(words[2]), "%s", bad[i][1]);
		assert_int_equal(query_main(4, argv), 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_best_is_by_delay),
		cmocka_unit_test(test_what_went_wrong),
		cmocka_unit_test(test_intervals),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_nts),
		cmocka_unit_test(test_nts_of_another_aead),
		cmocka_unit_test(test_nts_without_keys),
		cmocka_unit_test(test_nts_sentences),
		cmocka_unit_test(test_command_line),
		cmocka_unit_test(test_nts_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
