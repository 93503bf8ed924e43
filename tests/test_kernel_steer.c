#include "refclock/kernel_steer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/random.h"
#include "ntp/packet.h"

/* A kernel clock: its oscillator is off by `error` ppm, its frequency is set to `set`. */
struct kernel {
	double offset, error, set;
	long maxerror, esterror;
	int status;
	long tai;
};

static void apply(struct kernel *k, const struct timex *t)
{
	if (t->modes & ADJ_SETOFFSET) {
		assert_int_equal(t->modes, ADJ_SETOFFSET | ADJ_NANO);
		assert_true(t->time.tv_usec >= 0 && t->time.tv_usec < 1000000000);
		k->offset += (double)t->time.tv_sec + (double)t->time.tv_usec * 1e-9;
		return;
	}
	/* What the modes do not name, the kernel leaves as it is. */
	if (t->modes & ADJ_FREQUENCY)
		k->set = (double)t->freq / 65536;
	assert_true(fabs(k->set) <= KERNEL_STEER_MOST_PPM);
	if (t->modes & ADJ_STATUS)
		k->status = t->status;
	if (t->modes & ADJ_MAXERROR)
		k->maxerror = t->maxerror;
	if (t->modes & ADJ_ESTERROR)
		k->esterror = t->esterror;
	if (t->modes & ADJ_TAI)
		k->tai = t->constant;
}

static void second(struct kernel_steer *steer, struct kernel *k, bool synchronised, double noise)
{
	const struct kernel_state state = {.offset = k->offset + noise,
		.rate = k->set + k->error,
		.frequency = k->set,
		.bound = 1.5e-6,
		.jitter = 2e-7,
		.leap = NTP_LEAP_INSERT,
		.tai_offset = 37,
		.synchronised = synchronised};
	struct timex t;
	bool stepped;

	memset(&t, 0xff, sizeof(t));
	stepped = kernel_steer_plan(steer, &state, &t);
	assert_int_equal(stepped, (t.modes & ADJ_SETOFFSET) != 0);
	apply(k, &t);
	k->offset += (k->set + k->error) * 1e-6;
}

static void test_converges(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct kernel k = {.offset = (random_unit(&random) - 0.5) * 0.01,
			.error = (random_unit(&random) - 0.5) * 400};
		struct kernel_steer steer;

		kernel_steer_init(&steer, 0, 0);
		for (int s = 0; s < 200; s++)
			second(&steer, &k, true, (random_unit(&random) - 0.5) * 1e-7);
		assert_true(fabs(k.offset) < 2e-7);
		assert_int_equal(k.status, STA_INS);
		assert_int_equal(k.maxerror, 2);
		assert_int_equal(k.esterror, 1);
		assert_int_equal(k.tai, 37);
		assert_int_equal(steer.steps, 0);
	}
}

static void test_steps(void **state)
{
	const double offsets[] = {3600.25, -3600.25, 0.75, -0.75, 1, -1};

	(void)state;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		struct kernel k = {.offset = offsets[i]};
		struct kernel_steer steer;

		kernel_steer_init(&steer, 0.1, 1);
		second(&steer, &k, true, 0);
		assert_true(fabs(k.offset) < 1e-6);
		assert_int_equal(steer.steps, 1);
		/* There was one step to make: the next offset is made good at the most that the kernel can.
		 */
		k.offset += 2;
		second(&steer, &k, true, 0);
		assert_int_equal(steer.steps, 1);
		assert_true(fabs(k.set + KERNEL_STEER_MOST_PPM) < 0.001);
	}
}

/* While nobody knows the time, the clock runs on at the rate that was found. */
static void test_unsynchronised(void **state)
{
	struct kernel k = {.offset = 0.001, .error = 80};
	struct kernel_steer steer;

	(void)state;
	kernel_steer_init(&steer, 0.1, -1);
	for (int s = 0; s < 100; s++)
		second(&steer, &k, true, 0);
	for (int s = 0; s < 100; s++)
		second(&steer, &k, false, 5);
	assert_int_equal(k.status, STA_UNSYNC);
	assert_true(fabs(k.set + 80) < 0.001);
}

/* Modes and status, to the letter. */
static void test_call(void **state)
{
	struct kernel_state s = {.bound = 20, .synchronised = true};
	const unsigned modes = ADJ_FREQUENCY | ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR;
	struct kernel_steer steer;
	struct timex t;

	(void)state;
	kernel_steer_init(&steer, 0, -1);
	s.offset = 1000;
	assert_false(kernel_steer_plan(&steer, &s, &t));
	assert_int_equal(t.modes, modes);
	assert_int_equal(t.status, 0);
	assert_int_equal(t.maxerror, 16000000);
	s.leap = NTP_LEAP_DELETE;
	s.tai_offset = 38;
	kernel_steer_plan(&steer, &s, &t);
	assert_int_equal(t.modes, modes | ADJ_TAI);
	assert_int_equal(t.constant, 38);
	assert_int_equal(t.status, STA_DEL);
	s.synchronised = false;
	kernel_steer_plan(&steer, &s, &t);
	assert_int_equal(t.status, STA_UNSYNC);
	/* No step is left. */
	s.synchronised = true;
	kernel_steer_init(&steer, 0.1, 0);
	assert_false(kernel_steer_plan(&steer, &s, &t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_converges),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_unsynchronised),
		cmocka_unit_test(test_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
