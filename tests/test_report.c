/* The reports of a load: bench/report.h, of all kinds of results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "bench/report.h"
#include "bench/text.h"
#include "tests/markup.h"
#include "tests/results.h"

typedef int report(FILE *out, const struct result *result);

static char *told(report *tell, const struct result *r)
{
	static char *text; /* not of the stack: gcc 12 cannot see that it leaves through the stream */
	static size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(tell(out, r), 0);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(strlen(text), size);
	return text;
}

static void for_each(report *tell, void (*check)(const struct result *, const char *))
{
	for (unsigned kind = 0; kind < RESULTS_KINDS; kind++)
		for (uint64_t seed = 1; seed <= 2; seed++) {
			struct result *r = results_new((enum results_kind)kind, seed);
			char *text = told(tell, r);

			for (const char *c = text; *c; c += text_sequence(c))
				assert_true(text_sequence(c) > 0);
			check(r, text);
			free(text);
			results_free(r);
		}
}

static json_int_t integer_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static json_int_t clamped(uint64_t count)
{
	return count < INT64_MAX ? (json_int_t)count : INT64_MAX;
}

static void assert_step(const json_t *object, const struct result_step *step)
{
	const json_t *latency = json_object_get(object, "latency");

	assert_int_equal(integer_of(object, "sent"), clamped(step->sent));
	assert_int_equal(integer_of(object, "answered"), clamped(step->counts.answered));
	assert_int_equal(integer_of(object, "lost"), clamped(step->counts.lost));
	assert_int_equal(integer_of(object, "wrong"), clamped(result_wrong(&step->counts)));
	assert_int_equal(integer_of(latency, "count"), clamped(step->latency.count));
	if (step->latency.count)
		assert_true(fabs(json_real_value(json_object_get(latency, "max")) -
				    (double)step->latency.most * 1e-9) <=
			    1e-9 * (double)step->latency.most * 1e-9);
	else
		assert_true(json_is_null(json_object_get(latency, "max")));
	assert_true(
		json_is_true(json_object_get(object, "generator_limited")) == result_generator_limited(step));
	assert_int_equal(integer_of(json_object_get(object, "verdicts"), "duplicate"),
		clamped(step->counts.verdict[JUDGE_DUPLICATE]));
}

static void assert_sums(const json_t *object, const struct result *r)
{
	uint64_t sent = 0, lost = 0, valid = 0;
	double seconds = 0;

	for (unsigned i = 0; i < r->steps; i++) {
		sent += r->step[i].sent;
		lost += r->step[i].counts.lost;
		valid += r->step[i].counts.verdict[JUDGE_VALID];
		seconds += r->step[i].seconds;
	}
	assert_int_equal(integer_of(object, "sent"), clamped(sent));
	assert_int_equal(integer_of(object, "lost"), clamped(lost));
	assert_int_equal(integer_of(object, "valid"), clamped(valid));
	if (seconds > 0)
		assert_true(fabs(json_real_value(json_object_get(object, "rate_sent")) * seconds -
				    (double)sent) <= 1e-6 * (double)sent);
}

static void assert_text(const json_t *object, const char *key, const char *expected)
{
	char clean[TEXT_MAX];

	assert_string_equal(
		json_string_value(json_object_get(object, key)), text_clean(clean, sizeof(clean), expected));
}

static void check_json(const struct result *r, const char *text)
{
	json_error_t error;
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	const json_t *steps = json_object_get(object, "steps");
	const char *of = json_string_value(json_object_get(object, "of"));

	assert_true(json_is_object(object));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_int_equal(json_array_size(steps), r->steps);
	for (unsigned i = 0; i < r->steps; i++) {
		assert_step(json_array_get(steps, i), &r->step[i]);
		assert_int_equal(json_array_size(json_object_get(json_array_get(steps, i), "series")),
			r->step[i].points);
	}
	if (strcmp(of, "all") == 0)
		assert_sums(object, r);
	else
		assert_true(json_real_value(json_object_get(object, "rate_wanted")) == r->knee.rate);
	assert_text(object, "command", r->command);
	assert_text(object, "target", r->target);
	assert_int_equal(json_array_size(json_object_get(object, "remarks")), r->remarks);
	assert_true(json_is_null(json_object_get(object, "knee")) == (r->kind != RESULT_KNEE));
	json_decref(object);
}

static void test_json(void **state)
{
	(void)state;
	for_each(report_json, check_json);
}

/* Columns of a line of RFC 4180, and the start of the next. */
static unsigned columns(const char **text)
{
	unsigned count = 1;
	bool quoted = false;
	const char *c = *text;

	for (; *c && (quoted || *c != '\r'); c++)
		if (*c == '"')
			quoted = !quoted;
		else if (!quoted && *c == ',')
			count++;
	assert_false(quoted);
	assert_true(c[0] == '\r' && c[1] == '\n');
	*text = c + 2;
	return count;
}

static void check_csv(const struct result *r, const char *text)
{
	const unsigned count = columns(&text);
	unsigned lines = 0;

	assert_true(count > 40);
	for (; *text; lines++)
		assert_int_equal(columns(&text), count);
	assert_int_equal(lines, r->steps);
}

static void test_csv(void **state)
{
	(void)state;
	for_each(report_csv, check_csv);
}

/* Each word of letters alone, as numbers that are none would stand. */
static void assert_numbers(const char *text)
{
	static const char *const none[] = {
		">nan", ">-nan", ">inf", ">-inf", " nan ", " -nan ", " inf ", " -inf "};

	for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_null(strstr(text, none[i]));
}

static void check_html(const struct result *r, const char *text)
{
	(void)r;
	markup_assert_balanced(text);
	markup_assert_inside(text);
	assert_numbers(text);
	assert_null(strstr(text, "<script"));
	assert_null(strstr(text, "http://"));
	assert_null(strstr(text, "https://"));
	assert_null(strstr(text, "url("));
	assert_non_null(strstr(text, "default-src 'none'"));
	assert_true(strlen(text) < 1000000);
}

static void test_html(void **state)
{
	(void)state;
	for_each(report_html, check_html);
}

static void test_html_has_its_plots(void **state)
{
	static const char *const plot[] = {"step-rates", "step-loss", "step-latency", "series-rates",
		"series-latency", "percentiles", "latency", "offset"};
	struct result *r = results_new(RESULTS_RAMP, 1);
	char *text = told(report_html, r), name[64];

	(void)state;
	for (unsigned i = 0; i < sizeof(plot) / sizeof(plot[0]); i++) {
		snprintf(name, sizeof(name), "id=\"%s-t\"", plot[i]);
		assert_non_null(strstr(text, name));
	}
	free(text);
	results_free(r);
}

/* A single reply after 1 ms with an offset of 0: one bar for each, and no percentile but the greatest. */
static void test_html_of_one_reply(void **state)
{
	struct result *r = results_new(RESULTS_ONE, 1);
	char *text = told(report_html, r);

	(void)state;
	assert_non_null(strstr(text, "<td>1 ms</td><td>1 ms</td><td>100 %</td>"));
	assert_non_null(strstr(text, "<td>0 s</td><td>1 ns</td><td>100 %</td>"));
	assert_non_null(strstr(text, "<td>max</td><td>1 ms</td><td>0</td>"));
	assert_non_null(strstr(text, ">1 ms</text>"));
	free(text);
	results_free(r);
}

static void check_table(const struct result *r, const char *text)
{
	(void)r;
	assert_numbers(text);
	for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		assert_true(end - line <= 100);
		for (const char *c = line; c < end; c++)
			assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
	}
}

static void test_table(void **state)
{
	(void)state;
	for_each(report_table, check_table);
}

static void assert_told(enum results_kind kind, const char *expected)
{
	struct result *r = results_new(kind, 1);
	char *text = told(report_table, r);

	if (!strstr(text, expected))
		fail_msg("\"%s\" is not in:\n%s", expected, text);
	free(text);
	results_free(r);
}

static void test_table_says(void **state)
{
	(void)state;
	assert_told(RESULTS_LOAD, "500 k/s, steady, for 10 s");
	assert_told(RESULTS_LOAD, "answers a request that has had its reply");
	assert_told(RESULTS_KNEE, "knee 850 k/s: at most 0.1 % lost in most of 3 runs; 900 k/s failed");
	assert_told(RESULTS_NO_KNEE, "no knee");
	assert_told(RESULTS_RAMP, "generator-limited");
	assert_told(RESULTS_NTS, "forged");
	assert_told(RESULTS_NTS, "of 1 000 clients, by AEAD_AES_SIV_CMAC_256");
	assert_told(RESULTS_UNSENT, "nothing was sent");
	assert_told(RESULTS_UNANSWERED, "no request was answered; 9 000 refused by ICMP");
	assert_told(RESULTS_WRONG, "has a root distance of 16 s or more");
}

static void test_full_disk(void **state)
{
	static report *const all[] = {report_table, report_json, report_csv, report_html};
	struct result *r = results_new(RESULTS_LOAD, 1);

	(void)state;
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		FILE *out = fopen("/dev/full", "w");

		assert_non_null(out);
		assert_int_equal(all[i](out, r), -1);
		fclose(out);
	}
	results_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_html),
		cmocka_unit_test(test_html_has_its_plots),
		cmocka_unit_test(test_html_of_one_reply),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_table_says),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
