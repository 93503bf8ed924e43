/*
 * A receiver of satellites, made up, for the guest of tests/guest. It knows the true time (truth.h), raises
 * the interrupt of the emulated parallel port at each of its seconds, where pps_parport takes it for a pulse,
 * and says in NMEA sentences which second that was.
 *
 * usage: receiver TRUTH SERIAL PPM WANDER PERIOD JITTER SEED
 *
 *   TRUTH   the file that gets the struct truth, as in memory
 *   SERIAL  the line that gets the sentences, or "-"
 *   PPM     the error of the guest's oscillator, WANDER ppm more or less in PERIOD seconds
 *   JITTER  of the pulses, ns, one sigma
 *   SEED    which sequence of jitter; the same one in each run with the same seed
 *
 * While the file TRUTH.unplugged is there, nothing is sent; while TRUTH.doubled is, a second pulse comes in
 * the middle of each second. After CALIBRATION pulses the file TRUTH.delay gets the median time, in ns, from
 * a pulse to its stamp in /dev/pps0: what an operator would take for the cable's delay.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <linux/pps.h>

#include "tests/guest/truth.h"

enum {
	CALIBRATION = 32,
	SECOND = 1000000000,
	SPIN = 700000,         /* ns before a pulse from which on the time is watched without sleep */
	NAP = 200000000,       /* ns, the longest sleep */
	TALK_AFTER = 60000000, /* ns from a pulse to its sentences, at least */
	DOUBLE_AFTER = 300000000,
	/* The port's control register with the interrupt of its acknowledge line enabled; QEMU answers the
	 * write by that interrupt. */
	CONTROL_PORT = 0x37a,
	CONTROL_PULSE = 0x1c,
};

struct receiver {
	struct truth truth;
	double jitter;
	unsigned short random[3];
	int port, pps, serial;
	char unplugged[256], doubled[256], delay_file[256];
	int64_t delays[CALIBRATION];
	int calibrated;
};

static void fail(const char *what)
{
	fprintf(stderr, "receiver: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double gaussian(struct receiver *r)
{
	double u = 1.0 - erand48(r->random), v = erand48(r->random);

	return sqrt(-2.0 * log(u)) * cos(2.0 * M_PI * v);
}

/* Wait for an instant of CLOCK_MONOTONIC_RAW, without sleep for the last `spin` ns. */
static void wait_until(int64_t raw, int64_t spin)
{
	int64_t left;

	while ((left = raw - truth_clock(CLOCK_MONOTONIC_RAW)) > spin) {
		struct timespec nap = {.tv_nsec = left - spin < NAP ? left - spin : NAP};

		nanosleep(&nap, NULL);
	}
	while (left > 0)
		left = raw - truth_clock(CLOCK_MONOTONIC_RAW);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void write_delay(struct receiver *r)
{
	FILE *f = fopen(r->delay_file, "w");

	qsort(r->delays, CALIBRATION, sizeof(r->delays[0]), compare);
	if (!f || fprintf(f, "%lld\n", (long long)r->delays[CALIBRATION / 2]) < 0 || fclose(f) != 0)
		fail(r->delay_file);
}

/* `due` is the CLOCK_REALTIME at which the pulse should have been; the kernel stamps in CLOCK_REALTIME, which
 * nobody has to have set right for this. */
static void calibrate(struct receiver *r, int64_t due)
{
	struct pps_fdata fetched = {.timeout = {.flags = 0}};

	if (r->calibrated >= CALIBRATION)
		return;
	if (ioctl(r->pps, PPS_FETCH, &fetched) != 0)
		fail("PPS_FETCH");
	r->delays[r->calibrated++] =
		fetched.info.assert_tu.sec * (int64_t)SECOND + fetched.info.assert_tu.nsec - due;
	if (r->calibrated == CALIBRATION)
		write_delay(r);
}

static void pulse(struct receiver *r, int64_t second)
{
	const unsigned char control = CONTROL_PULSE;
	int64_t jitter = (int64_t)(r->jitter * gaussian(r));
	int64_t raw = truth_raw(&r->truth, second + jitter), before, after, due;

	wait_until(raw, SPIN);
	before = truth_clock(CLOCK_MONOTONIC_RAW);
	due = truth_clock(CLOCK_REALTIME);
	after = truth_clock(CLOCK_MONOTONIC_RAW);
	due -= before + (after - before) / 2 - raw;
	if (pwrite(r->port, &control, 1, CONTROL_PORT) != 1)
		fail("/dev/port");
	calibrate(r, due);
}

static void say(const struct receiver *r, const char *sentence)
{
	unsigned char sum = 0;

	for (const char *c = sentence; *c; c++)
		sum ^= (unsigned char)*c;
	dprintf(r->serial, "$%s*%02X\r\n", sentence, sum);
}

/* What a receiver with a fix says, with the time of the pulse before. */
static void talk(struct receiver *r, int64_t second)
{
	time_t seconds = (time_t)(second / SECOND);
	char time_of_day[16], text[128];
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(time_of_day, sizeof(time_of_day), "%H%M%S.00", &utc);
	snprintf(text, sizeof(text), "GPGGA,%s,5221.1000,N,00943.3000,E,1,09,0.9,55.0,M,46.0,M,,",
		time_of_day);
	say(r, text);
	say(r, "GPGSA,A,3,02,05,07,13,15,18,20,24,30,,,,1.7,0.9,1.4");
	snprintf(text, sizeof(text), "GPRMC,%s,A,5221.1000,N,00943.3000,E,0.0,0.0,%02d%02d%02d,,,A",
		time_of_day, utc.tm_mday, utc.tm_mon + 1, utc.tm_year % 100);
	say(r, text);
	strftime(text, sizeof(text), "GPZDA,%H%M%S.00,%d,%m,%Y,00,00", &utc);
	say(r, text);
}

static int open_serial(const char *path)
{
	int fd = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK);
	struct termios line;

	if (fd < 0 || tcgetattr(fd, &line) != 0)
		fail(path);
	cfmakeraw(&line);
	line.c_cflag |= CLOCAL;
	cfsetspeed(&line, B115200);
	if (tcsetattr(fd, TCSANOW, &line) != 0)
		fail(path);
	return fd;
}

static void write_truth(const struct truth *truth, const char *path)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(truth, sizeof(*truth), 1, f) != 1 || fclose(f) != 0)
		fail(path);
}

static void start(struct receiver *r, char **argv)
{
	struct sched_param first = {.sched_priority = 50};

	r->truth.ppm = atof(argv[3]);
	r->truth.wander = atof(argv[4]);
	r->truth.period = atof(argv[5]);
	r->jitter = atof(argv[6]);
	r->random[0] = (unsigned short)atoi(argv[7]);
	snprintf(r->unplugged, sizeof(r->unplugged), "%s.unplugged", argv[1]);
	snprintf(r->doubled, sizeof(r->doubled), "%s.doubled", argv[1]);
	snprintf(r->delay_file, sizeof(r->delay_file), "%s.delay", argv[1]);
	r->port = open("/dev/port", O_WRONLY);
	r->pps = open("/dev/pps0", O_RDONLY);
	if (r->port < 0 || r->pps < 0)
		fail(r->port < 0 ? "/dev/port" : "/dev/pps0");
	r->serial = strcmp(argv[2], "-") == 0 ? -1 : open_serial(argv[2]);
	if (sched_setscheduler(0, SCHED_FIFO, &first) != 0)
		fail("SCHED_FIFO");
	r->truth.raw = truth_clock(CLOCK_MONOTONIC_RAW);
	r->truth.unix_ns = truth_clock(CLOCK_REALTIME);
	write_truth(&r->truth, argv[1]);
}

int main(int argc, char **argv)
{
	struct receiver r = {.random = {0, 2, 3}};

	if (argc != 8) {
		fprintf(stderr, "usage: receiver TRUTH SERIAL PPM WANDER PERIOD JITTER SEED\n");
		return 2;
	}
	start(&r, argv);
	for (int64_t second = r.truth.unix_ns / SECOND * SECOND + 2 * (int64_t)SECOND;; second += SECOND) {
		bool plugged = access(r.unplugged, F_OK) != 0;

		if (plugged)
			pulse(&r, second);
		wait_until(truth_raw(&r.truth, second + TALK_AFTER), 0);
		if (plugged && r.serial >= 0)
			talk(&r, second);
		if (plugged && access(r.doubled, F_OK) == 0)
			pulse(&r, second + DOUBLE_AFTER);
	}
}
