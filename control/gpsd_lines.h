/*
 * What comes from gpsd's socket, as lines, and which of them are for libgps. libgps 3.22 searches a line for
 * the class of its report, wherever in it that stands, and can go round for ever where it finds two of them
 * or text that is no JSON; so only what is one whole report of a class that we want reaches it. Pure; one
 * thread per struct.
 */
#ifndef CONTROL_GPSD_LINES_H
#define CONTROL_GPSD_LINES_H

#include <stdbool.h>
#include <stddef.h>

enum { GPSD_LINE = 10240 /* with its end: gpsd makes none longer */ };

struct gpsd_lines {
	size_t length;
	bool skipping; /* the rest of a line that was too long */
	char octets[GPSD_LINE];
};

/* Where octets of the socket may be put, and how many: never 0. */
char *gpsd_lines_room(struct gpsd_lines *lines, size_t *room);

/* So many have been put there. */
void gpsd_lines_added(struct gpsd_lines *lines, size_t count);

/* The next whole line, without its end and with a NUL, and its length. False when there is none; then there
 * is room again. */
bool gpsd_lines_next(struct gpsd_lines *lines, char line[GPSD_LINE], size_t *length);

/* Whether the line is one JSON object that begins with a class TPV, SKY, PPS or TOFF and has no other. */
bool gpsd_line_is_report(const char *line, size_t length);

#endif
