/*
 * Puts a recorded file through the NMEA parser as if it came at 9600 baud without a pause, and prints a line
 * for each time that the parser gives ("time 1118327641.500 valid", or "refused") and last one with the
 * counts of its verdicts and what it knows of satellites.
 *
 * usage: nmea_replay FLOOR FILE     FLOOR: the earliest day, in days since 1970
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "refclock/nmea.h"

static const double hz = 1e9;
static const uint64_t octet_ns = 1041667;

static void print_time(const struct nmea_time *time)
{
	int64_t seconds = (int64_t)(time->time >> 32) - (int64_t)NTP_UNIX_EPOCH;
	double fraction = (double)(uint32_t)time->time / 4294967296.0;

	/* Dates beyond the first era's end are of the next. */
	if (seconds < 0)
		seconds += INT64_C(1) << 32;
	if (time->time)
		printf("time %.3f %s\n", (double)seconds + fraction, time->valid ? "valid" : "refused");
}

static void print_counts(const struct nmea *n, uint64_t now)
{
	struct receiver_gnss gnss;

	nmea_report(n, now, &gnss);
	for (unsigned i = 1; i < NMEA_VERDICT_COUNT; i++)
		printf("count %" PRIu32 " %s\n", n->verdicts[i], nmea_verdict_text(i));
	printf("satellites fix %u used %u view %u listed %u hdop %.2f pdop %.2f rollovers %" PRIu32
	       " jumps %" PRIu32 "\n",
		gnss.fix, gnss.used, gnss.in_view, gnss.satellites, (double)gnss.hdop, (double)gnss.pdop,
		gnss.week_rollovers, n->jumps);
}

int main(int argc, char **argv)
{
	static struct nmea nmea;
	struct nmea_time time;
	uint64_t now = 1000000000;
	FILE *file = argc == 3 ? fopen(argv[2], "rbe") : NULL;
	int c;

	if (!file) {
		fprintf(stderr, "usage: nmea_replay FLOOR FILE\n");
		return 2;
	}
	nmea_init(&nmea, &(struct nmea_options){.hz = hz, .floor = atoi(argv[1])});
	while ((c = getc(file)) != EOF) {
		now += octet_ns;
		nmea_octet(&nmea, (uint8_t)c, now);
		if (nmea_take(&nmea, &time))
			print_time(&time);
	}
	print_counts(&nmea, now);
	fclose(file);
	return 0;
}
