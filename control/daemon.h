/*
 * One child of the supervisor: started from the folder of our own executable, restarted with back-off,
 * stopped politely and then not. One thread.
 */
#ifndef CONTROL_DAEMON_H
#define CONTROL_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	DAEMON_ARGUMENTS = 192,
	DAEMON_TEXT = 16384,
	DAEMON_PASSED = 3, /* the descriptor behind the standard ones */
};

struct daemon {
	const char *name;  /* of the executable, as "tickwire-clock" */
	pid_t pid;         /* 0: not running */
	bool told_to_end;  /* and started anew then, by daemon_restart */
	int exit_status;   /* of the last run that has ended: what exit gave, 128 + signal for a killed one */
	unsigned restarts; /* since the supervisor's start */
	unsigned failures; /* in a row: each doubles the back-off */
	int64_t started_ms, restart_ms; /* CLOCK_MONOTONIC: last start; not before this one again */
	int passed;                     /* a descriptor that it is given as DAEMON_PASSED; 0: none */
	int arguments;
	char *argument[DAEMON_ARGUMENTS]; /* into text; [0] is the name, NULL behind the last */
	size_t used;
	char text[DAEMON_TEXT];
};

/*
 * The path of a program that stands beside our own executable, as all of ours do, in the build tree and
 * installed. False where it is not there, or may not be executed.
 */
bool daemon_find(const char *name, char *path, size_t size) __attribute__((warn_unused_result));

/* Name the executable and forget the arguments; what runs goes on. False where there is no room. */
bool daemon_init(struct daemon *d, const char *name) __attribute__((warn_unused_result));

/* Append one argument as printf does. False where there is no room. */
bool daemon_argument(struct daemon *d, const char *format, ...)
	__attribute__((format(printf, 2, 3), warn_unused_result));

/* Start it now. False with a sentence in text[size]. */
bool daemon_start(struct daemon *d, char *text, size_t size);

/* Whether it has ended since the last call; then pid is 0, exit_status is set and restart_ms says when it may
 * start again. */
bool daemon_reap(struct daemon *d);

/* Its end as a person would say it: "was killed by signal 9 (Killed)". */
void daemon_describe_end(const struct daemon *d, char *text, size_t size);

/* Its end into the log, and when it is started again. */
void daemon_log_end(const struct daemon *d);

/* Tell it to end, without waiting; once it has ended (daemon_reap), it may start again at once. */
void daemon_restart(struct daemon *d);

/* SIGTERM, and SIGKILL after `patience_ms`; waits for the end. */
void daemon_stop(struct daemon *d, int patience_ms);

#endif
