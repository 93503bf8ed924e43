/*
 * For system tests, in place of tickwire-clock: publishes the line of LEAP_TRUTH (tests/leap_truth.h), with
 * its leap second turned or smeared by the real plan. Takes tickwire-clock's arguments, and needs --run-dir
 * of them. With LEAP_SILENT set it asks for silence.
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ntp/shm.h"
#include "refclock/leap_plan.h"
#include "tests/leap_truth.h"

enum { REFRESH_NS = 4000000 };

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static const char *find_run_dir(int argc, char **argv)
{
	static const char option[] = "--run-dir=";

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], option, sizeof(option) - 1) == 0)
			return argv[i] + sizeof(option) - 1;
	return NULL;
}

/* A table that knows of this one alone. */
static void make_table(struct leap_table *table, int sign)
{
	*table = (struct leap_table){.entries = 2,
		.entry = {{LEAP_1972, LEAP_TAI_1972}, {LEAP_TRUTH_MIDNIGHT, LEAP_TAI_1972 + sign}},
		.expires = LEAP_TRUTH_MIDNIGHT + 180 * LEAP_DAY};
}

static void publish(
	struct shm *shm, const struct timebase *even, struct leap_plan *plan, const struct leap_facts *facts)
{
	struct timebase tb = *even;
	static uint64_t updates;
	enum leap_news news;

	tb.counter = counter_read(COUNTER_MONOTONIC_RAW);
	tb.time = timebase_line(even, tb.counter);
	tb.valid_until = tb.counter + 60 * tb.counter_hz;
	tb.updates = ++updates;
	tb.serve = getenv("LEAP_SILENT") ? TIMEBASE_SILENT : TIMEBASE_ANSWER;
	strcpy(tb.source, "TRUTH");
	news = leap_plan_apply(plan, facts, &tb);
	if (news != LEAP_SAME)
		fprintf(stderr, "leap_clock: news %d at %+.3f s\n", (int)news,
			(double)(int64_t)(tb.counter - even->counter) * 1e-9);
	shm_publish(shm, &tb);
}

int main(int argc, char **argv)
{
	const char *run_dir = find_run_dir(argc, argv);
	const struct sigaction action = {.sa_handler = stop};
	struct leap_facts facts = {.gnss = LEAP_UNHEARD, .upstream = LEAP_UNHEARD};
	struct leap_options options;
	struct leap_table table;
	struct leap_truth truth;
	struct leap_plan plan;
	struct timebase even;
	struct shm shm;

	if (!run_dir || !leap_truth_parse(&truth, getenv("LEAP_TRUTH")) ||
		shm_create(&shm, run_dir, &TIMEBASE_CONTRACT) != SHM_OK) {
		fputs("leap_clock: needs --run-dir=DIR, and LEAP_TRUTH=MIDNIGHT,SIGN,SHAPE,WINDOW\n", stderr);
		return 2;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	/* A load on both cores shall not make publications late; where it cannot be had, they are. */
	(void)sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
	leap_options_init(&options);
	options.smear = truth.shape;
	options.window = truth.window;
	leap_plan_init(&plan, &options);
	make_table(&table, truth.sign);
	facts.table = &table;
	even = leap_truth_even(&truth);
	while (!stopped) {
		publish(&shm, &even, &plan, &facts);
		nanosleep(&(struct timespec){.tv_nsec = REFRESH_NS}, NULL);
	}
	shm_close(&shm);
	return 0;
}
