/*
 * The process that talks with a gpsd by libgps and hands what it says to the clock daemon through a pipe, as
 * records of refclock/gpsd_record.h: JSON from a socket is parsed where there is nothing to be had.
 *
 * The helper becomes the unprivileged user at once and dies with the daemon. It is two processes: one
 * connects, anew with back-off when gpsd is not there or has gone, and the other starts it again should it
 * crash.
 */
#ifndef CONTROL_GPSD_HELPER_H
#define CONTROL_GPSD_HELPER_H

#include <stddef.h>

#include "dataplane/sandbox.h"

/*
 * Start one for the gpsd of a `refclock GPSD` parameter. The reading end of the pipe (close-on-exec, does not
 * block), whose end of file says that the helper is gone for good; or -1 with a sentence in text[size]. Call
 * it from a process without other threads, before its system calls are filtered, and best before it maps what
 * the helper should not be able to write: file descriptors are closed in it, mappings are not.
 */
int gpsd_helper_start(const char *parameter, const struct sandbox_user *user, char *text, size_t size);

#endif
