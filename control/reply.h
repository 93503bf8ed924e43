/* A reply to a request of the control socket, put together in a buffer; what does not fit is cut off. */
#ifndef CONTROL_REPLY_H
#define CONTROL_REPLY_H

#include <stddef.h>

struct reply {
	char *text;
	size_t used, size;
};

void reply_say(struct reply *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
