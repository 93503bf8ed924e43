/*
 * What gpsd says of why it has no time to give: a version of its protocol that is not ours, no receiver, or
 * one that has gone. Pure; any thread.
 */
#ifndef CONTROL_GPSD_TROUBLE_H
#define CONTROL_GPSD_TROUBLE_H

#include <stddef.h>

enum gpsd_word {
	GPSD_WORD_OTHER,   /* nothing of this */
	GPSD_WORD_TROUBLE, /* text is a sentence, or "" where there is none any more */
	GPSD_WORD_FOREIGN, /* its protocol is another; text says which */
};

/* Of a line, which gpsd_lines_next gave. `device`: the receiver that was asked for, "" for whichever. */
enum gpsd_word gpsd_trouble(const char *line, size_t length, const char *device, char *text, size_t size);

#endif
