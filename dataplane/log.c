#include "dataplane/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *name = "tickwire";
static enum log_level least_level = LOG_LEVEL_NOTICE;
static int to_journal;

/* systemd says by JOURNAL_STREAM which file the journal is (systemd.exec(5)); stderr may have been redirected
 * since. */
static int stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%lu:%lu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	       st.st_dev == device && st.st_ino == inode;
}

void log_init(const char *program, enum log_level least)
{
	name = program;
	least_level = least;
	to_journal = stderr_is_journal();
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[1024];
	int n = 0;
	va_list ap;

	if (level > least_level)
		return;
	if (to_journal)
		n = snprintf(line, sizeof(line), "<%d>", (int)level);
	n += snprintf(line + n, sizeof(line) - (size_t)n, "%s: %s", name,
		level == LOG_LEVEL_ERROR     ? "error: "
		: level == LOG_LEVEL_WARNING ? "warning: "
					     : "");
	va_start(ap, format);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n, format, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n++] = '\n';
	/* One write, so that the lines of several daemons do not mix; stderr may be gone, which nobody can be
	 * told. */
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}
