/*
 * Compares a clock of the guest of tests/guest with the true time that the receiver has made up (truth.h), or
 * with the clock of a NIC.
 *
 * usage: judge TRUTH SECONDS INTERVAL [RUN_DIR]
 *
 * Every INTERVAL seconds, for so many SECONDS, a line: true seconds since the receiver's start, the error and
 * the bound that the clock claims for it, both in ns, and the stratum. The bound is -1 while the clock says
 * that it is not synchronised. With RUN_DIR the clock is tickwire's timebase there, else CLOCK_REALTIME,
 * whose bound is the kernel's maxerror. TRUTH is the receiver's file or /dev/ptpN.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#include "refclock/timebase.h"
#include "tests/guest/truth.h"

enum { SECOND = 1000000000, TRIES = 4 };

struct judge {
	struct truth truth;
	clockid_t clock; /* that tells the truth: CLOCK_MONOTONIC_RAW by way of `truth`, or the NIC's as it is
			  */
	bool nic;
	bool timebase; /* is judged, else CLOCK_REALTIME */
	struct shm shm;
};

/* A clock as it was at an instant. */
struct reading {
	int64_t truth, shown; /* ns since 1970 */
	int64_t window;       /* ns that reading both has taken */
	double bound;         /* ns; < 0: the clock says that it is not synchronised */
	unsigned stratum;
};

static double to_ns(uint64_t units)
{
	return (double)units * (1e9 / 4294967296.0);
}

static int64_t to_unix_ns(ntp64 time)
{
	const uint64_t unix_epoch = UINT64_C(2208988800);

	return (int64_t)((time >> 32) - unix_epoch) * SECOND +
	       (int64_t)(((time & UINT32_MAX) * SECOND) >> 32);
}

/* All that a client would add up for the root distance. */
static double root_distance(const struct timebase *tb, uint64_t counter)
{
	uint64_t age = timebase_age(tb, counter);
	uint64_t sum = timebase_error(tb, counter) + tb->root_dispersion +
		       timebase_grow(age, tb->dispersion_growth) + ((uint64_t)tb->root_delay << 15);

	return timebase_is_synchronised(tb, counter) ? to_ns(sum) : -1.0;
}

/* Half-way between two readings. */
static int64_t true_time(const struct judge *j, int64_t before, int64_t after)
{
	int64_t middle = before + (after - before) / 2;

	return j->nic ? middle : truth_at(&j->truth, middle);
}

static bool read_timebase(const struct judge *j, struct reading *r)
{
	struct timebase tb;
	int64_t before, after;
	uint64_t counter;

	if (!shm_read(&j->shm, &tb))
		return false;
	before = truth_clock(j->clock);
	counter = counter_read((enum counter_kind)tb.counter_kind);
	after = truth_clock(j->clock);
	r->window = after - before;
	r->truth = true_time(j, before, after);
	r->shown = to_unix_ns(timebase_time(&tb, counter));
	r->bound = root_distance(&tb, counter);
	r->stratum = tb.stratum;
	return true;
}

static bool read_kernel(const struct judge *j, struct reading *r)
{
	struct timex timex = {.modes = 0};
	int64_t before = truth_clock(j->clock), after;

	r->shown = truth_clock(CLOCK_REALTIME);
	after = truth_clock(j->clock);
	r->window = after - before;
	r->truth = true_time(j, before, after);
	r->bound = adjtimex(&timex) == TIME_ERROR ? -1.0 : (double)timex.maxerror * 1e3;
	r->stratum = 0;
	return true;
}

/* The best of some, since any may be interrupted. */
static bool read_clock(const struct judge *j, struct reading *best)
{
	struct reading r;

	best->window = INT64_MAX;
	for (int i = 0; i < TRIES; i++)
		if ((j->timebase ? read_timebase(j, &r) : read_kernel(j, &r)) && r.window < best->window)
			*best = r;
	return best->window < INT64_MAX;
}

static void print(const struct judge *j, const struct reading *r)
{
	printf("%.3f %lld %.0f %u\n", (double)(r->truth - j->truth.unix_ns) * 1e-9,
		(long long)(r->shown - r->truth), r->bound, r->stratum);
	fflush(stdout);
}

static bool open_truth(struct judge *j, const char *path)
{
	int fd = open(path, O_RDONLY);

	j->nic = strncmp(path, "/dev/", 5) == 0;
	j->clock = j->nic ? truth_phc(fd) : CLOCK_MONOTONIC_RAW;
	return fd >= 0 && (j->nic || read(fd, &j->truth, sizeof(j->truth)) == sizeof(j->truth));
}

static void judge(const struct judge *j, int64_t seconds, int64_t interval)
{
	int64_t start = truth_clock(CLOCK_MONOTONIC_RAW);

	while (truth_clock(CLOCK_MONOTONIC_RAW) - start < seconds * SECOND) {
		struct timespec pause = {.tv_sec = interval / SECOND, .tv_nsec = interval % SECOND};
		struct reading r;

		if (read_clock(j, &r))
			print(j, &r);
		nanosleep(&pause, NULL);
	}
}

int main(int argc, char **argv)
{
	struct judge j = {.timebase = argc == 5};
	char text[256];
	enum shm_error error;

	if (argc != 4 && argc != 5) {
		fprintf(stderr, "usage: judge TRUTH SECONDS INTERVAL [RUN_DIR]\n");
		return 2;
	}
	if (!open_truth(&j, argv[1])) {
		perror(argv[1]);
		return 1;
	}
	if (j.timebase && (error = shm_open_reader(&j.shm, argv[4], &TIMEBASE_CONTRACT)) != SHM_OK) {
		shm_explain(error, argv[4], &TIMEBASE_CONTRACT, text, sizeof(text));
		fprintf(stderr, "judge: %s\n", text);
		return 1;
	}
	judge(&j, atol(argv[2]), (int64_t)(atof(argv[3]) * SECOND));
	return 0;
}
