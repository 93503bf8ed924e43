#include "control/gpsd_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/gpsd_lines.h"
#include "control/gpsd_trouble.h"
#include "control/gpsd_unpack.h"
#include "dataplane/log.h"
#include "refclock/gpsd_address.h"

enum {
	PARSE_S = 2,         /* more than any line takes */
	PAUSE_MS = 250,      /* before the second try to connect ... */
	PAUSE_MAX_MS = 8000, /* ... doubled with each that fails, up to this */
};

/* Exit statuses of who talks. */
enum end {
	END_DAEMON, /* nobody reads any more */
	END_ABSENT, /* gpsd was not there, or said nothing */
	END_CLOSED, /* it was, and has gone */
	END_FOREIGN,
	END_UNCONFINED,
};

struct talk {
	struct gpsd_address address;
	int pipe;
	enum sandbox_mode mode;
	enum end end; /* by what there has been as yet */
	struct gps_data_t data;
	struct gpsd_lines lines;
};

/* Ends the process when nobody reads any more. */
static void hand_over(const struct talk *talk, const struct gpsd_record *record)
{
	if (write(talk->pipe, record, sizeof(*record)) != sizeof(*record))
		_exit(END_DAEMON);
}

static void say_gone(const struct talk *talk, const char *reason)
{
	struct gpsd_record record = {.kind = GPSD_GONE};

	snprintf(record.text, sizeof(record.text), "gpsd at %.48s:%s: %.60s", talk->address.host,
		talk->address.port, reason);
	hand_over(talk, &record);
}

static void say_trouble(const struct talk *talk, const char *reason)
{
	struct gpsd_record record = {.kind = GPSD_TROUBLE};

	if (reason[0])
		snprintf(record.text, sizeof(record.text), "gpsd at %.48s:%s: %.60s", talk->address.host,
			talk->address.port, reason);
	hand_over(talk, &record);
}

static void say_connected(const struct talk *talk)
{
	const struct gpsd_record record = {.kind = GPSD_CONNECTED};

	hand_over(talk, &record);
}

/* Of what else than reports it says; NULL, or why there is no talk. */
static const char *heed(const struct talk *talk, const char *line, size_t length)
{
	static char text[64];
	const enum gpsd_word word = gpsd_trouble(line, length, talk->address.device, text, sizeof(text));

	if (word == GPSD_WORD_TROUBLE)
		say_trouble(talk, text);
	return word == GPSD_WORD_FOREIGN ? text : NULL;
}

/* NULL, or why there is no talk. */
static const char *hand_over_all(struct talk *talk)
{
	static char line[GPSD_LINE];
	const char *reason = NULL;
	size_t length;

	while (!reason && gpsd_lines_next(&talk->lines, line, &length)) {
		struct gpsd_record record[GPSD_UNPACK_RECORDS];
		int count;

		/* A parser that has lost its way is ended by the alarm. */
		alarm(PARSE_S);
		reason = heed(talk, line, length);
		count = gpsd_unpack(&talk->data, line, length, record);
		alarm(0);
		for (int i = 0; i < count; i++)
			hand_over(talk, &record[i]);
	}
	return reason;
}

/* Until gpsd has gone, and why; or the daemon, which may be while gpsd says nothing. */
static const char *listen_to(struct talk *talk)
{
	const char *reason = NULL;

	talk->lines.length = 0;
	talk->lines.skipping = false;
	while (!reason) {
		struct pollfd p[] = {
			{.fd = talk->data.gps_fd, .events = POLLIN}, {.fd = talk->pipe, .events = 0}};
		size_t room;
		char *at = gpsd_lines_room(&talk->lines, &room);
		ssize_t n;

		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents & POLLERR)
			_exit(END_DAEMON);
		n = read(talk->data.gps_fd, at, room);
		if (n <= 0)
			return "it has closed the connection";
		talk->end = END_CLOSED;
		gpsd_lines_added(&talk->lines, (size_t)n);
		reason = hand_over_all(talk);
	}
	talk->end = END_FOREIGN;
	return reason;
}

/* libgps leaves its own code in errno. */
static const char *why_not_open(int code)
{
	switch (code) {
	case NL_NOHOST:
		return "there is no such host";
	case NL_NOCONNECT:
		return "it does not take connections; is it running?";
	default:
		return gps_errstr(code);
	}
}

bool gpsd_helper_filter(enum sandbox_mode mode, char *text, size_t size)
{
	/* One is what the other is made of, where there is no such system call. */
	static const struct sandbox_rule rules[] = {{SCMP_SYS(alarm), -1, 0}, {SCMP_SYS(setitimer), -1, 0}};

	return sandbox_filter(mode, rules, sizeof(rules) / sizeof(rules[0]), text, size);
}

/* Before the first octet of gpsd's is read. */
static void confine(const struct talk *talk)
{
	char text[256];

	if (gpsd_helper_filter(talk->mode, text, sizeof(text)))
		return;
	log_error("gpsd helper: %s", text);
	_exit(END_UNCONFINED);
}

/* Why there is no talk any more. */
static const char *converse(struct talk *talk)
{
	const char *reason = "it has closed the connection", *device = talk->address.device;
	unsigned flags = WATCH_ENABLE | WATCH_JSON | WATCH_PPS | (device[0] ? WATCH_DEVICE : 0);

	memset(&talk->data, 0, sizeof(talk->data));
	if (gps_open(talk->address.host, talk->address.port, &talk->data) != 0)
		return why_not_open(errno);
	if (gps_stream(&talk->data, flags, talk->address.device) == 0) {
		confine(talk);
		say_connected(talk);
		reason = listen_to(talk);
	}
	gps_close(&talk->data);
	return reason;
}

/* Never returns. One conversation: its filter is for good, and the next one has to look a name up again. */
static void run_worker(struct talk *talk, pid_t parent)
{
	prctl(PR_SET_NAME, "tickwire-gpsd", 0L, 0L, 0L);
	if (!sandbox_follow_parent(parent))
		_exit(END_DAEMON);
	talk->end = END_ABSENT;
	say_gone(talk, converse(talk));
	_exit((int)talk->end);
}

static int twice(int pause)
{
	return pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
}

/* How long to wait after a conversation, in ms; the next such pause is in *pause. A signal has ended who had
 * it where what comes over the socket has found an error of a parser. */
static int pause_after(const struct talk *talk, int status, int *pause)
{
	int now = *pause;

	if (!WIFEXITED(status)) {
		log_warning(
			"the process that talks with gpsd has crashed (wait status %#x); starting it again",
			(unsigned)status);
		say_gone(talk, "the process that talks with it has crashed");
		return PAUSE_MAX_MS / 4;
	}
	/* What it is will not change soon. */
	if (WEXITSTATUS(status) != END_ABSENT && WEXITSTATUS(status) != END_CLOSED)
		return PAUSE_MAX_MS;
	if (WEXITSTATUS(status) == END_CLOSED)
		now = PAUSE_MS;
	*pause = twice(now);
	return now;
}

/* Starts a worker for each conversation. */
static void run_keeper(struct talk *talk)
{
	const pid_t self = getpid();
	int pause = PAUSE_MS;

	for (;;) {
		const pid_t pid = fork();
		int status;

		if (pid == 0)
			run_worker(talk, self);
		/* It ends by itself when the daemon is gone. */
		if (pid < 0 || waitpid(pid, &status, 0) != pid ||
			(WIFEXITED(status) && WEXITSTATUS(status) == END_DAEMON))
			_exit(0);
		poll(NULL, 0, pause_after(talk, status, &pause));
	}
}

/* Never returns. */
static void run_helper(struct talk *talk, const struct sandbox_user *user, pid_t parent)
{
	char text[256];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_IGN); /* of a terminal: the daemon decides */
	signal(SIGPIPE, SIG_IGN);
	/* Nothing of the daemon's is in reach of what parses. */
	sandbox_keep_descriptors(&talk->pipe, 1);
	if (!sandbox_drop_privileges(user, NULL, 0, text, sizeof(text))) {
		log_error("gpsd helper: %s", text);
		_exit(1);
	}
	prctl(PR_SET_NAME, "tickwire-gpsd", 0L, 0L, 0L);
	if (!sandbox_follow_parent(parent))
		_exit(0);
	run_keeper(talk);
}

int gpsd_helper_start(const char *parameter, const struct sandbox_user *user, enum sandbox_mode mode,
	char *text, size_t size)
{
	static struct talk talk;
	pid_t pid, self = getpid();
	int ends[2];

	if (!gpsd_address_parse(&talk.address, parameter)) {
		snprintf(text, size, "GPSD \"%s\": expected [HOST][:PORT][:DEVICE]", parameter);
		return -1;
	}
	if (pipe2(ends, O_CLOEXEC) != 0) {
		snprintf(text, size, "cannot start the process that talks with gpsd: %s", strerror(errno));
		return -1;
	}
	talk.pipe = ends[1];
	talk.mode = mode;
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		run_helper(&talk, user, self);
	}
	if (pid < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
		snprintf(text, size, "cannot start the process that talks with gpsd: %s", strerror(errno));
		close(ends[0]);
		ends[0] = -1;
	}
	close(ends[1]);
	return ends[0];
}
