/*
 * A serial line with a pulse per second of CLOCK_REALTIME on its carrier detect (tests/deviceshim.h), for
 * gpsd: SERIALSHIM_DEVICE is its path, SERIALSHIM_FILE says what is behind it (tests/serialshim.h).
 */
#include "tests/serialshim.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <time.h>

#include "tests/deviceshim.h"

static const char *terminal(const volatile void *file)
{
	static struct serialshim shim;

	shim = *(const volatile struct serialshim *)file;
	return shim.terminal;
}

static long width_of(const volatile struct serialshim *shim)
{
	return (long)shim->width_ms * 1000000;
}

static bool is_high(const volatile struct serialshim *shim)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return !shim->silent && t.tv_nsec < width_of(shim);
}

/* Until the line changes, as TIOCMIWAIT does. */
static int wait_for_edge(const volatile struct serialshim *shim)
{
	struct timespec t;

	do {
		clock_gettime(CLOCK_REALTIME, &t);
		if (t.tv_nsec < width_of(shim)) {
			t.tv_nsec = width_of(shim);
		} else {
			t.tv_sec++;
			t.tv_nsec = 0;
		}
		clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL);
	} while (shim->silent);
	return 0;
}

static int answer_line(volatile void *file, unsigned long request, void *argument)
{
	if (request == TIOCMIWAIT)
		return wait_for_edge(file);
	if (request != TIOCMGET)
		return DEVICESHIM_REAL;
	*(int *)argument = is_high(file) ? TIOCM_CAR : 0;
	return 0;
}

const struct deviceshim deviceshim = {.device_variable = "SERIALSHIM_DEVICE",
	.file_variable = "SERIALSHIM_FILE",
	.size = sizeof(struct serialshim),
	.place = terminal,
	.answer = answer_line};
