/* control/drill.h: what is asked for, and what the clock daemon sees of it until it is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/drill.h"

static void requests(void **state)
{
	static const struct {
		const char *request;
		uint32_t kind;
		int64_t ends;
		double step;
	} good[] = {
		{"holdover 60", DRILL_HOLDOVER, 61000, 0},
		{"lost 86400", DRILL_LOST, 86401000, 0},
		{"step 1 -0.5", DRILL_STEP, 2000, -0.5},
		{"step 900 1", DRILL_STEP, 901000, 1},
		{"end", DRILL_NONE, 0, 0},
		{"end 60", DRILL_NONE, 0, 0},
	};
	static const char *const bad[] = {"", "loss 60", "holdover", "holdover 0", "lost 86401", "lost -1",
		"lost x", "step 60", "step 901 1", "step 60 nan", "step 60 1e9", "step 60 inf",
		"holdover 60 1", "step 60 1 2", "lost 9999999999999999", "holdoverholdoverholdover 5"};
	struct drill drill;
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (!drill_parse(&drill, good[i].request, 1000, text, sizeof(text)))
			fail_msg("%s: %s", good[i].request, text);
		assert_int_equal(drill.kind, good[i].kind);
		assert_int_equal(drill.ends_ms, good[i].ends);
		assert_true(drill.step == good[i].step);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		text[0] = '\0';
		if (drill_parse(&drill, bad[i], 1000, text, sizeof(text)))
			fail_msg("%s: was accepted", bad[i]);
		assert_non_null(strstr(text, "expected "));
	}
	assert_string_equal(drill_name(DRILL_LOST), "lost");
	assert_string_equal(drill_name(77), "unknown");
}

static void seen_by_the_clock(void **state)
{
	char dir[] = "/tmp/tickwire-test-drill-XXXXXX", path[64];
	struct shm writer = {0}, reader = {0};
	struct drill drill = {.kind = DRILL_STEP, .serial = 3, .ends_ms = 61000, .step = 0.25};

	(void)state;
	assert_int_equal(drill_state(&reader, 0).kind, DRILL_NONE);
	assert_non_null(mkdtemp(dir));
	assert_int_equal(shm_create(&writer, dir, &DRILL_CONTRACT), SHM_OK);
	assert_int_equal(shm_open_reader(&reader, dir, &DRILL_CONTRACT), SHM_OK);
	assert_int_equal(drill_state(&reader, 0).kind, DRILL_NONE);
	shm_publish(&writer, &drill);
	assert_int_equal(drill_state(&reader, 1000).kind, DRILL_STEP);
	assert_int_equal(drill_state(&reader, 60999).serial, 3);
	assert_true(drill_state(&reader, 60999).step == 0.25);
	assert_int_equal(drill_state(&reader, 61000).kind, DRILL_NONE);
	/* What makes no sense is no drill. */
	drill.ends_ms = INT64_C(1) << 40;
	shm_publish(&writer, &drill);
	assert_int_equal(drill_state(&reader, 1000).kind, DRILL_NONE);
	drill = (struct drill){.kind = DRILL_KINDS, .ends_ms = 61000};
	shm_publish(&writer, &drill);
	assert_int_equal(drill_state(&reader, 1000).kind, DRILL_NONE);
	drill = (struct drill){.kind = DRILL_LOST, .ends_ms = 61000};
	shm_publish(&writer, &drill);
	assert_int_equal(drill_state(&reader, 1000).kind, DRILL_LOST);
	shm_close(&writer);
	shm_close(&reader);
	snprintf(path, sizeof(path), "%s/drill", dir);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(requests), cmocka_unit_test(seen_by_the_clock)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
