#include "refclock/driver.h"

#include <errno.h>
#include <linux/pps.h>
#include <linux/ptp_clock.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "refclock/drivers.h"

/* By kind. */
static const struct driver_functions *const drivers[SOURCE_KINDS] = {
	[SOURCE_PPS] = &driver_pps,
	[SOURCE_PHC] = &driver_phc,
	[SOURCE_SHM] = &driver_shm,
	[SOURCE_SOCK] = &driver_sock,
	[SOURCE_GPSD] = &driver_gpsd,
	[SOURCE_NMEA] = &driver_nmea,
	[SOURCE_DCF77] = &driver_dcf77,
	[SOURCE_MEINBERG] = &driver_meinberg,
};

const struct driver_functions *driver_of(enum source_kind kind)
{
	return (unsigned)kind < SOURCE_KINDS ? drivers[kind] : NULL;
}

static const char *remedy(int error)
{
	switch (error) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return "; is it plugged in?";
	case EACCES:
	case EPERM:
		return "; tickwire has to be started by root, and a container needs the device";
	case EBUSY:
		return "; another program has it";
	case EPIPE:
		return "; the process that opens it has ended: restart tickwire";
	default:
		return "";
	}
}

void driver_explain(char *text, size_t size, const char *path, int error)
{
	if (error == ETIMEDOUT)
		snprintf(text, size, "cannot open %s: the device does not answer; it is waited for", path);
	else
		snprintf(text, size, "cannot open %s: %s%s", path, strerror(error), remedy(error));
}

/* Bits of driver_call.kinds. */
enum {
	PPS = 1 << SOURCE_PPS,
	PHC = 1 << SOURCE_PHC,
	SHM = 1 << SOURCE_SHM,
	SOCK = 1 << SOURCE_SOCK,
	LINES = 1 << SOURCE_NMEA | 1 << SOURCE_DCF77 | 1 << SOURCE_MEINBERG,
};

static const struct driver_call calls[] = {
	/* PPS */
	{SYS_ioctl, 1, PPS_FETCH, PPS},
	{SYS_ioctl, 1, PPS_GETCAP, PPS},
	{SYS_ioctl, 1, PPS_GETPARAMS, PPS},
	{SYS_ioctl, 1, PPS_SETPARAMS, PPS},
	/* PHC */
	{SYS_ioctl, 1, PTP_SYS_OFFSET_PRECISE, PHC},
	{SYS_ioctl, 1, PTP_SYS_OFFSET_EXTENDED, PHC},
	{SYS_ioctl, 1, PTP_SYS_OFFSET, PHC},
	{SYS_ioctl, 1, PTP_CLOCK_GETCAPS, PHC},
	{SYS_ioctl, 1, PTP_EXTTS_REQUEST, PHC},
	{SYS_ioctl, 1, PTP_PIN_SETFUNC, PHC},
	/* Serial lines */
	{SYS_ioctl, 1, TCGETS, LINES},
	{SYS_ioctl, 1, TCSETS, LINES},
	{SYS_ioctl, 1, TCFLSH, LINES},
	{SYS_ioctl, 1, TIOCMBIS, LINES},
	{SYS_ioctl, 1, TIOCMBIC, LINES},
	{SYS_ioctl, 1, FIONREAD, LINES},
	/* SHM */
	{SYS_shmget, -1, 0, SHM},
	{SYS_shmat, -1, 0, SHM},
	{SYS_shmctl, -1, 0, SHM},
	{SYS_shmdt, -1, 0, SHM},
	/* SOCK. A socket that has gone is made again where the user may do so. */
	{SYS_recvfrom, -1, 0, SOCK},
	{SYS_socket, 0, 1 /* AF_UNIX */, SOCK},
	{SYS_bind, -1, 0, SOCK},
	{SYS_connect, -1, 0, SOCK},
	{SYS_umask, -1, 0, SOCK},
	{SYS_unlinkat, -1, 0, SOCK},
#ifdef SYS_unlink /* newer kernels' CPUs have the other one alone */
	{SYS_unlink, -1, 0, SOCK},
#endif
};

const struct driver_call *driver_calls(size_t *count)
{
	*count = sizeof(calls) / sizeof(calls[0]);
	return calls;
}
