/*
 * A PPS device (tests/deviceshim.h): PPSSHIM_DEVICE is its path, and its pulses are those of PPSSHIM_FILE
 * (tests/ppsshim.h). It answers the calls of linux/pps.h that <sys/timepps.h> makes.
 */
#include "tests/ppsshim.h"

#include <errno.h>
#include <linux/pps.h>
#include <poll.h>
#include <string.h>

#include "tests/deviceshim.h"

static int refuse(volatile void *file)
{
	const volatile struct ppsshim *shim = file;

	while (shim->unplugged == PPSSHIM_HANGS)
		poll(NULL, 0, 10);
	return shim->unplugged ? ENOENT : 0;
}

/* The test writes its words between two raises of `sequence`. */
static struct ppsshim read_shim(const volatile struct ppsshim *shim)
{
	struct ppsshim s;
	uint64_t before;

	do {
		before = __atomic_load_n(&shim->sequence, __ATOMIC_ACQUIRE);
		s = *shim;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (before % 2 || __atomic_load_n(&shim->sequence, __ATOMIC_RELAXED) != before);
	return s;
}

static int fetch(const struct ppsshim *s, struct pps_fdata *data)
{
	if (data->timeout.sec || data->timeout.nsec) {
		errno = EOPNOTSUPP; /* nobody here waits */
		return -1;
	}
	memset(&data->info, 0, sizeof(data->info));
	data->info.current_mode = (int)s->mode | PPS_TSFMT_TSPEC;
	if (s->mode & PPS_CAPTUREASSERT) {
		data->info.assert_sequence = s->assert_pulses;
		data->info.assert_tu.sec = s->assert_sec;
		data->info.assert_tu.nsec = s->assert_nsec;
	}
	if (s->mode & PPS_CAPTURECLEAR) {
		data->info.clear_sequence = s->clear_pulses;
		data->info.clear_tu.sec = s->clear_sec;
		data->info.clear_tu.nsec = s->clear_nsec;
	}
	return 0;
}

static int get_parameters(const struct ppsshim *s, struct pps_kparams *parameters)
{
	*parameters =
		(struct pps_kparams){.api_version = PPS_API_VERS, .mode = (int)s->mode | PPS_TSFMT_TSPEC};
	return 0;
}

/* The kernel's takes CAP_SYS_TIME, which nobody can be asked about under a filter. */
static int set_parameters(volatile struct ppsshim *shim, const struct pps_kparams *parameters)
{
	if (shim->strict && !deviceshim_opens) {
		errno = EPERM;
		return -1;
	}
	shim->mode = (uint32_t)parameters->mode & (PPS_CAPTUREASSERT | PPS_CAPTURECLEAR);
	return 0;
}

static int answer(volatile void *file, unsigned long request, void *argument)
{
	const struct ppsshim s = read_shim(file);

	if (s.unplugged) {
		errno = ENODEV;
		return -1;
	}
	switch (request) {
	case PPS_GETCAP:
		*(int *)argument = (int)s.capabilities | PPS_TSFMT_TSPEC;
		return 0;
	case PPS_GETPARAMS:
		return get_parameters(&s, argument);
	case PPS_SETPARAMS:
		return set_parameters(file, argument);
	case PPS_FETCH:
		return fetch(&s, argument);
	default:
		errno = ENOTTY;
		return -1;
	}
}

const struct deviceshim deviceshim = {.device_variable = "PPSSHIM_DEVICE",
	.file_variable = "PPSSHIM_FILE",
	.size = sizeof(struct ppsshim),
	.refuse = refuse,
	.answer = answer};
