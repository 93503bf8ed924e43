/* Which rates a load tries: bench/search.h, beside servers that lose above a rate, and now and then by
 * chance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "bench/random.h"
#include "bench/search.h"

enum { SENT = 100000 };

/* A server that answers `capacity` requests a second and loses what is above; one step in `upset` loses for
 * no reason. */
struct server {
	double capacity;
	unsigned upset;   /* 0: never */
	double generator; /* requests a second that can be made; 0: any */
	uint64_t random;
};

static void serve(struct server *server, double rate, struct result_step *step)
{
	memset(step, 0, sizeof(*step));
	step->rate_wanted = rate;
	step->due = step->sent = SENT;
	if (server->generator > 0 && rate > server->generator)
		step->sent = (uint64_t)(SENT * server->generator / rate);
	if (rate > server->capacity)
		step->counts.lost = (uint64_t)((double)step->sent * (1 - server->capacity / rate));
	if (server->upset && random_next(&server->random) % server->upset == 0)
		step->counts.lost = step->sent / 10;
	step->counts.asked = step->sent;
	step->counts.answered = step->sent - step->counts.lost;
}

/* Run a search to its end; gives the steps it took. */
static unsigned search_all(struct search *search, const struct search_settings *settings,
	struct server *server, struct result_knee *knee)
{
	static struct result_step step;
	unsigned steps = 0, repeat;
	double rate;

	search_init(search, settings);
	while (search_next(search, &rate, &repeat)) {
		assert_true(rate > 0 && isfinite(rate));
		serve(server, rate, &step);
		search_take(search, &step);
		assert_int_equal(step.repeat, repeat);
		steps++;
		assert_true(steps <= RESULT_STEPS_MAX);
	}
	search_knee(search, knee);
	return steps;
}

static const struct search_settings knee_settings = {
	.kind = RESULT_KNEE, .rate = 1e6, .loss = 0.001, .repeats = 3};

static void test_one_rate(void **state)
{
	struct search_settings settings = {.kind = RESULT_LOAD, .rate = 5000, .repeats = 3};
	struct server server = {.capacity = 1e9};
	struct search search;
	struct result_knee knee;

	(void)state;
	assert_int_equal(search_all(&search, &settings, &server, &knee), 1);
}

static void test_ramp(void **state)
{
	static const struct {
		double from, to, step;
		unsigned steps;
	} ramps[] = {{1000, 10000, 1000, 10}, {10000, 1000, -1000, 10}, {0.1, 0.3, 0.1, 3}, {5, 5, 1, 1},
		{1, 10, 4, 3}, {1, 1000, 1, RESULT_STEPS_MAX}};

	(void)state;
	for (unsigned i = 0; i < sizeof(ramps) / sizeof(ramps[0]); i++) {
		struct search_settings settings = {.kind = RESULT_RAMP,
			.from = ramps[i].from,
			.to = ramps[i].to,
			.step = ramps[i].step,
			.repeats = 1};
		struct server server = {.capacity = 1e9};
		struct search search;
		struct result_knee knee;

		assert_int_equal(search_all(&search, &settings, &server, &knee), ramps[i].steps);
	}
}

static void test_knee_is_found(void **state)
{
	struct search search;
	struct result_knee knee;

	(void)state;
	for (double capacity = 15; capacity < 9e5; capacity *= 1.37) {
		struct server server = {.capacity = capacity};
		const unsigned steps = search_all(&search, &knee_settings, &server, &knee);

		assert_true(knee.found && !knee.generator_limited);
		/* a loss of 0.1 % is let through, so a little above the capacity is still good */
		assert_true(knee.rate <= capacity * 1.0011);
		assert_true(knee.rate * SEARCH_NARROW >= capacity * 0.999);
		assert_true(steps <= 50);
	}
}

static void test_knee_despite_upsets(void **state)
{
	struct search search;
	struct result_knee knee;
	unsigned near = 0;

	(void)state;
	for (unsigned seed = 0; seed < 500; seed++) {
		struct server server = {.capacity = 123456, .upset = 20, .random = seed};

		search_all(&search, &knee_settings, &server, &knee);
		assert_true(knee.rate <= server.capacity * 1.0011);
		near += knee.found && knee.rate > 0.9 * server.capacity;
	}
	/* one step in twenty is upset: by chance two of three are in some searches */
	assert_true(near > 400);
}

static void test_highest_rate_is_good(void **state)
{
	struct server server = {.capacity = 1e9};
	struct search search;
	struct result_knee knee;

	(void)state;
	search_all(&search, &knee_settings, &server, &knee);
	assert_true(knee.found && knee.rate == 1e6 && knee.least_failed == 0 && !knee.generator_limited);
}

static void test_generator_is_the_limit(void **state)
{
	struct server server = {.capacity = 1e9, .generator = 50000};
	struct search search;
	struct result_knee knee;

	(void)state;
	search_all(&search, &knee_settings, &server, &knee);
	assert_true(knee.found && knee.generator_limited);
	assert_true(knee.rate <= 50000 * 1.0011 && knee.rate * SEARCH_NARROW >= 50000 * 0.999);
}

static void test_nothing_is_good(void **state)
{
	struct server server = {.capacity = 0};
	struct search search;
	struct result_knee knee;

	(void)state;
	assert_true(search_all(&search, &knee_settings, &server, &knee) < 40);
	assert_false(knee.found);
	assert_true(knee.rate == 0);
}

static void test_stopped(void **state)
{
	static struct result_step step;
	struct server server = {.capacity = 5000};
	struct search search;
	struct result_knee knee;
	unsigned repeat;
	double rate;

	(void)state;
	search_init(&search, &knee_settings);
	assert_true(search_next(&search, &rate, &repeat));
	serve(&server, rate, &step);
	step.stopped = true;
	search_take(&search, &step);
	assert_false(step.passed);
	assert_false(search_next(&search, &rate, &repeat));
	search_knee(&search, &knee);
	assert_false(knee.found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_rate),
		cmocka_unit_test(test_ramp),
		cmocka_unit_test(test_knee_is_found),
		cmocka_unit_test(test_knee_despite_upsets),
		cmocka_unit_test(test_highest_rate_is_good),
		cmocka_unit_test(test_generator_is_the_limit),
		cmocka_unit_test(test_nothing_is_good),
		cmocka_unit_test(test_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
