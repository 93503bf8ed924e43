/*
 * From a report of gpsd, as libgps has unpacked it, to the records of refclock/gpsd_record.h. Pure; any
 * thread.
 */
#ifndef CONTROL_GPSD_UNPACK_H
#define CONTROL_GPSD_UNPACK_H

#include <gps.h>

#include "refclock/gpsd_record.h"

enum { GPSD_UNPACK_RECORDS = 4 };

/* The records of one line, which gpsd_lines_next gave and libgps may change; their count, 0 for what is no
 * report that we want. Numbers that are none become 0, and what does not fit into a field is cut. `data` is
 * libgps's, all zeros before the first line. */
int gpsd_unpack(
	struct gps_data_t *data, char *line, size_t length, struct gpsd_record record[GPSD_UNPACK_RECORDS]);

#endif
