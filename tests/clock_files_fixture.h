/*
 * For the tests of what tickwire-clock writes: settings of two sources with all logs, in a directory of their
 * own, and chrony's example of a sample. Once in a test program.
 */
#ifndef TESTS_CLOCK_FILES_FIXTURE_H
#define TESTS_CLOCK_FILES_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/clock_settings.h"
#include "ntp/timestamp.h"
#include "refclock/discipline.h"

static struct clock_settings settings;
static char dir[64], text[512];

static int setup(void **state)
{
	(void)state;
	clock_settings_init(&settings);
	settings.sources = 2;
	source_options_init(&settings.source[0], SOURCE_PPS);
	memcpy(settings.source[0].refid, "PPS2", 4);
	source_options_init(&settings.source[1], SOURCE_NMEA);
	memcpy(settings.source[1].refid, "GPS", 3);
	settings.logs =
		CLOCK_LOG_MEASUREMENTS | CLOCK_LOG_STATISTICS | CLOCK_LOG_TRACKING | CLOCK_LOG_REFCLOCKS;
	settings.log_banner = 0;
	snprintf(dir, sizeof(dir), "/tmp/tickwire-test-log-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(settings.log_dir, sizeof(settings.log_dir), "%s", dir);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

/* 2009-11-30 14:33:27 */
static const struct discipline_record example = {.kind = RECORD_RAW,
	.source = 0,
	.time = (UINT64_C(1259591607) + NTP_UNIX_EPOCH) << 32,
	.number = 7,
	.pulse = true,
	.stratum = 1,
	.raw_offset = 4.9e-7,
	.offset = -6.741777e-7,
	.dispersion = 1e-6,
	.deviation = 2.94e-3,
	.frequency = -3.541,
	.skew = 0.075,
	.samples = 16,
	.combined = 2};

#endif
