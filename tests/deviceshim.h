/*
 * LD_PRELOAD: a device for a process, where there is none. The path in one environment variable opens as the
 * shim's device, and what it does is in the file that another names, which a test writes at any time; without
 * the variables nothing changes. One device a shim. A descriptor that another process has opened and handed
 * over is the device, too.
 */
#ifndef TESTS_DEVICESHIM_H
#define TESTS_DEVICESHIM_H

#include <stdbool.h>
#include <stddef.h>

enum { DEVICESHIM_REAL = -2 /* let the descriptor itself answer */ };

struct deviceshim {
	const char *device_variable, *file_variable;
	size_t size; /* of the file */
	/* What is opened in the device's place; always the same. NULL: the file itself. */
	const char *(*place)(const volatile void *file);
	/* Before it is opened, and for as long as that shall take: 0, or why it cannot be, an errno. NULL:
	 * always 0. */
	int (*refuse)(volatile void *file);
	/* As ioctl(2) on it, or DEVICESHIM_REAL. */
	int (*answer)(volatile void *file, unsigned long request, void *argument);
};

/* Each shim defines its own. */
extern const struct deviceshim deviceshim;

/* This process has opened the device with openat2. */
extern bool deviceshim_opens;

#endif
