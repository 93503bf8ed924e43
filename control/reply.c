#include "control/reply.h"

#include <stdarg.h>
#include <stdio.h>

void reply_say(struct reply *r, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(r->text + r->used, r->size - r->used, format, ap);
	va_end(ap);
	if (n > 0)
		r->used = r->used + (size_t)n < r->size ? r->used + (size_t)n : r->size - 1;
}
