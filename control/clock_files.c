#include "control/clock_files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/clock_log.h"
#include "control/drift_file.h"
#include "dataplane/log.h"

enum { LOOK_MS = 1000 /* between two looks whether a log is still the file of its name */ };

/* What goes through the pipe, whole. */
struct message {
	uint32_t kind; /* enum clock_log_file, or CLOCK_LOG_FILES: the drift */
	uint32_t length;
	union {
		char line[CLOCK_LOG_LINE];
		struct {
			double ppm, skew_ppm;
		} drift;
	};
};
static_assert(sizeof(struct message) <= PIPE_BUF, "written whole or not at all");

struct log {
	int fd; /* -1: not open */
	int64_t looked_ms;
	uint32_t lines;    /* since it was opened, for the banner */
	bool closed, full; /* has been said: cannot be opened, a line did not fit */
};

struct helper {
	const struct clock_settings *settings;
	int directory;
	struct log log[CLOCK_LOG_FILES];
	bool drift_failed;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A regular file that has no other name, so that nobody who may write to the directory leads us elsewhere. */
static int open_log(int directory, const char *name)
{
	int fd = openat(directory, name,
		O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1)
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

/* Whether the open file is still the one of that name. */
static bool is_there(const struct helper *h, int fd, const char *name)
{
	struct stat open_one, named;

	return fstat(fd, &open_one) == 0 && fstatat(h->directory, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev;
}

static bool renew(struct helper *h, struct log *log, const char *name)
{
	const int64_t now = now_ms();

	if (log->looked_ms && now - log->looked_ms < LOOK_MS)
		return log->fd >= 0;
	log->looked_ms = now;
	if (log->fd >= 0 && !is_there(h, log->fd, name)) {
		close(log->fd);
		log->fd = -1;
	}
	if (log->fd < 0) {
		log->fd = open_log(h->directory, name);
		log->lines = 0;
	}
	if (log->fd < 0 && !log->closed)
		log_warning("%s/%s cannot be written: %s", h->settings->log_dir, name, strerror(errno));
	log->closed = log->fd < 0;
	return log->fd >= 0;
}

static void write_line(struct helper *h, enum clock_log_file file, const char *line, size_t length)
{
	const uint32_t banner = h->settings->log_banner;
	struct log *log = &h->log[file];
	char text[4 * CLOCK_LOG_LINE];
	size_t used = 0;
	bool good;

	if (!renew(h, log, clock_log_file_name(file)))
		return;
	if (banner && log->lines % banner == 0)
		used = clock_log_banner(text, sizeof(text), file);
	memcpy(text + used, line, length);
	used += length;
	/* A full disk is no reason to stop: the next line may fit. */
	good = write(log->fd, text, used) == (ssize_t)used;
	if (!good && !log->full)
		log_warning("%s/%s: a line could not be written: %s", h->settings->log_dir,
			clock_log_file_name(file), strerror(errno));
	log->full = !good;
	log->lines++;
}

static void write_drift(struct helper *h, double ppm, double skew_ppm)
{
	char text[512];
	const bool good = drift_file_write(h->settings->drift_file, ppm, skew_ppm, text, sizeof(text));

	if (!good && !h->drift_failed)
		log_warning("%s", text);
	h->drift_failed = !good;
}

static void obey(struct helper *h, const struct message *m)
{
	if (m->kind == CLOCK_LOG_FILES && h->settings->drift_file[0])
		write_drift(h, m->drift.ppm, m->drift.skew_ppm);
	else if (m->kind < CLOCK_LOG_FILES && m->length <= sizeof(m->line) && h->directory >= 0)
		write_line(h, (enum clock_log_file)m->kind, m->line, m->length);
}

/* Until the daemon is gone. */
static void serve(struct helper *h, int input)
{
	struct message m;
	ssize_t n;

	while ((n = read(input, &m, sizeof(m))) == sizeof(m) || (n < 0 && errno == EINTR))
		if (n > 0)
			obey(h, &m);
}

static void shed_privileges(const struct sandbox_user *user)
{
	const cap_value_t keep[] = {CAP_DAC_OVERRIDE};
	char text[256];

	if (sandbox_drop_privileges(user, keep, geteuid() == 0 ? 1 : 0, text, sizeof(text)))
		return;
	log_error("files helper: %s", text);
	_exit(1);
}

/* What the daemon holds, devices above all, is not held twice. */
static void keep_descriptors(int directory, int input)
{
	const int keep[] = {directory < input ? directory : input, directory < input ? input : directory};

	/* -1, where there is no directory, comes first. */
	sandbox_keep_descriptors(directory < 0 ? keep + 1 : keep, directory < 0 ? 1 : 2);
}

static void run_helper(struct helper *h, const struct sandbox_user *user, int input)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* What the daemon has written before its end is still written: the end of the pipe is the end. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	umask(022);
	keep_descriptors(h->directory, input);
	shed_privileges(user);
	prctl(PR_SET_PDEATHSIG, 0L, 0L, 0L, 0L);
	prctl(PR_SET_NAME, "tickwire-files", 0L, 0L, 0L);
	serve(h, input);
	_exit(0);
}

/* A directory that is not there is an error at the start, and a file that cannot be made a warning later. */
static bool open_directory(struct helper *h, char *text, size_t size)
{
	h->directory = -1;
	for (unsigned i = 0; i < CLOCK_LOG_FILES; i++)
		h->log[i].fd = -1;
	if (!h->settings->logs)
		return true;
	h->directory = open(h->settings->log_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (h->directory >= 0)
		return true;
	snprintf(text, size, "%s, the directory of the logs, cannot be opened: %s", h->settings->log_dir,
		strerror(errno));
	return false;
}

bool clock_files_start(struct clock_files *files, const struct clock_settings *settings,
	const struct sandbox_user *user, char *text, size_t size)
{
	struct helper h = {.settings = settings};
	int ends[2];
	pid_t pid;

	*files = (struct clock_files){.settings = settings, .fd = -1};
	if (!settings->logs && !settings->drift_file[0])
		return true;
	if (!open_directory(&h, text, size))
		return false;
	if (pipe2(ends, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
		snprintf(text, size, "cannot start the files helper: %s", strerror(errno));
		return false;
	}
	if (pid == 0) {
		close(ends[1]);
		run_helper(&h, user, ends[0]);
	}
	close(ends[0]);
	if (h.directory >= 0)
		close(h.directory);
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	signal(SIGPIPE, SIG_IGN); /* a helper that was killed costs the logs, not the time */
	files->fd = ends[1];
	return true;
}

static void send_message(struct clock_files *files, const struct message *m)
{
	if (files->fd >= 0 && write(files->fd, m, sizeof(*m)) != sizeof(*m))
		files->lost++;
}

void clock_files_log(void *opaque, const struct discipline_record *record)
{
	struct clock_files *files = opaque;
	struct clock_log_line line[CLOCK_LOG_LINES];
	int lines;

	if (files->fd < 0)
		return;
	lines = clock_log_format(line, files->settings, record);
	for (int i = 0; i < lines; i++) {
		struct message m = {.kind = line[i].file, .length = (uint32_t)strlen(line[i].text)};

		memcpy(m.line, line[i].text, m.length);
		send_message(files, &m);
	}
}

void clock_files_drift(struct clock_files *files, double ppm, double skew_ppm)
{
	const struct message m = {.kind = CLOCK_LOG_FILES, .drift = {.ppm = ppm, .skew_ppm = skew_ppm}};

	if (files->settings && files->settings->drift_file[0])
		send_message(files, &m);
}

void clock_files_stop(struct clock_files *files)
{
	if (files->fd >= 0)
		close(files->fd);
	files->fd = -1;
}
