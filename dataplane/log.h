/*
 * What daemons say to their operator: one line each on stderr, "tickwire-clock: warning: text". Lines carry a
 * "<N>" syslog level in front when stderr is the journal. Any thread; not from the
 * packet path.
 */
#ifndef DATAPLANE_LOG_H
#define DATAPLANE_LOG_H

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_NOTICE = 5, LOG_LEVEL_DEBUG = 7 };

/* Name before each line, and the least important level that is printed. Call first, once. */
void log_init(const char *program, enum log_level least);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
