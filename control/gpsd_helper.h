/*
 * The process that talks with a gpsd by libgps and hands what it says to the clock daemon through a pipe, as
 * records of refclock/gpsd_record.h: JSON from a socket is parsed where there is nothing to be had.
 *
 * The helper becomes the unprivileged user at once and dies with the daemon. It is two processes: one has a
 * conversation with gpsd, its system calls filtered as soon as it is connected, and the other, which reads
 * nothing from anybody, starts the next one with back-off when that has come to an end, or has crashed. To
 * look up gpsd's name, files are opened and sockets made; that is done before the filter is there.
 */
#ifndef CONTROL_GPSD_HELPER_H
#define CONTROL_GPSD_HELPER_H

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/sandbox.h"

/*
 * Start one for the gpsd of a `refclock GPSD` parameter. The reading end of the pipe (close-on-exec, does not
 * block), whose end of file says that the helper is gone for good; or -1 with a sentence in text[size]. Call
 * it from a process without other threads, before its system calls are filtered, and best before it maps what
 * the helper should not be able to write: file descriptors are closed in it, mappings are not.
 */
int gpsd_helper_start(const char *parameter, const struct sandbox_user *user, enum sandbox_mode mode,
	char *text, size_t size);

/* The filter of who talks, for the calling process: for good. False with a sentence in text[size]. */
bool gpsd_helper_filter(enum sandbox_mode mode, char *text, size_t size);

#endif
