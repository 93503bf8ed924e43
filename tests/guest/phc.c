/*
 * Sets the clock of a NIC in the guest of tests/guest off from the kernel's, so that it shows who follows it.
 *
 * usage: phc DEVICE SECONDS PPM
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timex.h>
#include <time.h>

#include "tests/guest/truth.h"

static int fail(const char *what)
{
	perror(what);
	return 1;
}

int main(int argc, char **argv)
{
	struct timespec t;
	struct timex rate = {.modes = ADJ_FREQUENCY};
	double seconds;
	clockid_t clock;
	int fd;

	if (argc != 4) {
		fprintf(stderr, "usage: phc DEVICE SECONDS PPM\n");
		return 2;
	}
	fd = open(argv[1], O_RDWR);
	if (fd < 0)
		return fail(argv[1]);
	clock = truth_phc(fd);
	seconds = atof(argv[2]);
	rate.freq = (long)(atof(argv[3]) * 65536.0);
	if (clock_adjtime(clock, &rate) < 0)
		return fail("clock_adjtime");
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += (time_t)seconds;
	if (clock_settime(clock, &t) != 0)
		return fail("clock_settime");
	return 0;
}
