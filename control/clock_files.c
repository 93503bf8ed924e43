#include "control/clock_files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control/clock_log.h"
#include "control/drift_file.h"
#include "control/monotonic.h"
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

/* What comes back, whole. */
struct answer {
	char trouble[CLOCK_FILES_TROUBLE]; /* a sentence, or "" */
};

struct log {
	int fd; /* -1: not open */
	int64_t looked_ms;
	uint32_t lines;                    /* since it was opened, for the banner */
	char trouble[CLOCK_FILES_TROUBLE]; /* "" while lines are written */
};

struct helper {
	const struct clock_settings *settings;
	int directory; /* -1: not open */
	int back;
	struct log log[CLOCK_LOG_FILES];
	/* As of a log. */
	char directory_trouble[CLOCK_FILES_TROUBLE], drift_trouble[CLOCK_FILES_TROUBLE];
	struct answer told;
};

/* openat2, because the filter of all daemons refuses open and openat. */
static int open_at(int directory, const char *name, int flags, mode_t mode)
{
	struct open_how how = {.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC), .mode = mode};

	return (int)syscall(SYS_openat2, directory, name, &how, sizeof(how));
}

/* A regular file that has no other name, so that nobody who may write to the directory leads us elsewhere. */
static int open_log(int directory, const char *name)
{
	int fd = open_at(
		directory, name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0644);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1)
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

/* The directory of the logs, made where it is missing, but not its parents. */
static int open_directory(const char *path)
{
	const int flags = O_RDONLY | O_DIRECTORY;
	int fd = open_at(AT_FDCWD, path, flags, 0);

	if (fd < 0 && errno == ENOENT && mkdirat(AT_FDCWD, path, 0755) == 0)
		fd = open_at(AT_FDCWD, path, flags, 0);
	return fd;
}

/* Anew each time: it may have been moved away, or come. */
static bool renew_directory(struct helper *h)
{
	const char *path = h->settings->log_dir;

	if (h->directory >= 0)
		close(h->directory);
	h->directory = open_directory(path);
	if (h->directory < 0)
		snprintf(h->directory_trouble, sizeof(h->directory_trouble),
			"logdir %.80s cannot be opened: %.32s; make it, and logs begin", path,
			strerror(errno));
	else
		h->directory_trouble[0] = '\0';
	return h->directory >= 0;
}

/* Whether the open file is still the one of that name; one that was emptied begins anew. */
static bool is_there(const struct helper *h, struct log *log, const char *name)
{
	struct stat open_one, named;

	if (fstat(log->fd, &open_one) != 0 || fstatat(h->directory, name, &named, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	if (open_one.st_size == 0)
		log->lines = 0;
	return open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev;
}

static void open_anew(struct helper *h, struct log *log, const char *name)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
	log->lines = 0;
	log->trouble[0] = '\0';
	if (!renew_directory(h))
		return;
	log->fd = open_log(h->directory, name);
	if (log->fd < 0)
		snprintf(log->trouble, sizeof(log->trouble), "%.80s/%s cannot be written: %.32s",
			h->settings->log_dir, name, strerror(errno));
}

static bool renew(struct helper *h, struct log *log, const char *name)
{
	const int64_t now = monotonic_ms();

	if (log->looked_ms && now - log->looked_ms < LOOK_MS)
		return log->fd >= 0;
	log->looked_ms = now;
	if (log->fd < 0 || !is_there(h, log, name))
		open_anew(h, log, name);
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
	if (good)
		log->trouble[0] = '\0';
	else
		snprintf(log->trouble, sizeof(log->trouble), "%.80s/%s: a line could not be written: %.32s",
			h->settings->log_dir, clock_log_file_name(file), strerror(errno));
	log->lines++;
}

static void write_drift(struct helper *h, double ppm, double skew_ppm)
{
	char text[512];
	const bool good = drift_file_write(h->settings->drift_file, ppm, skew_ppm, text, sizeof(text));

	snprintf(h->drift_trouble, sizeof(h->drift_trouble), "%.*s", CLOCK_FILES_TROUBLE - 1,
		good ? "" : text);
}

static void obey(struct helper *h, const struct message *m)
{
	if (m->kind == CLOCK_LOG_FILES && h->settings->drift_file[0])
		write_drift(h, m->drift.ppm, m->drift.skew_ppm);
	else if (m->kind < CLOCK_LOG_FILES && m->length <= sizeof(m->line) && h->settings->logs)
		write_line(h, (enum clock_log_file)m->kind, m->line, m->length);
}

/* The first trouble that there is. */
static const char *trouble_of(const struct helper *h)
{
	if (h->directory_trouble[0])
		return h->directory_trouble;
	for (unsigned i = 0; i < CLOCK_LOG_FILES; i++) {
		if (h->log[i].trouble[0])
			return h->log[i].trouble;
	}
	return h->drift_trouble;
}

/* Where it is another than before; should there be no room for it, the next record is an occasion. */
static void tell(struct helper *h)
{
	struct answer answer = {.trouble = ""};

	snprintf(answer.trouble, sizeof(answer.trouble), "%s", trouble_of(h));
	if (strcmp(answer.trouble, h->told.trouble) != 0 &&
		write(h->back, &answer, sizeof(answer)) == sizeof(answer))
		h->told = answer;
}

/* Until the daemon is gone. */
static void serve(struct helper *h, int input)
{
	struct message m;
	ssize_t n;

	while ((n = read(input, &m, sizeof(m))) == sizeof(m) || (n < 0 && errno == EINTR)) {
		if (n > 0)
			obey(h, &m);
		tell(h);
	}
}

bool clock_files_filter(enum sandbox_mode mode, char *text, size_t size)
{
	static const struct sandbox_rule rules[] = {
		{SCMP_SYS(openat2), -1, 0},
		{SCMP_SYS(mkdirat), -1, 0},
		/* Of the drift file, which is written beside and renamed. */
		{SCMP_SYS(fchmod), -1, 0},
		{SCMP_SYS(fsync), -1, 0},
		{SCMP_SYS(renameat), -1, 0},
		{SCMP_SYS(renameat2), -1, 0},
		{SCMP_SYS(unlinkat), -1, 0},
		{SCMP_SYS(unlink), -1, 0},
	};

	return sandbox_filter(mode, rules, sizeof(rules) / sizeof(rules[0]), text, size);
}

static void confine(const struct sandbox_user *user, enum sandbox_mode mode)
{
	const cap_value_t keep[] = {CAP_DAC_OVERRIDE};
	char text[256];

	if (sandbox_drop_privileges(user, keep, geteuid() == 0 ? 1 : 0, text, sizeof(text))) {
		prctl(PR_SET_PDEATHSIG, 0L, 0L, 0L, 0L);
		if (clock_files_filter(mode, text, sizeof(text)))
			return;
	}
	log_error("files helper: %s", text);
	_exit(1);
}

/* What the daemon holds, devices above all, is not held twice. */
static void keep_descriptors(int input, int back)
{
	const int keep[] = {input < back ? input : back, input < back ? back : input};

	sandbox_keep_descriptors(keep, 2);
}

/* At the start, so that what is wrong with the directory is known before there is a line to be written. */
static void look_at_directory(struct helper *h)
{
	if (h->settings->logs)
		(void)renew_directory(h);
	tell(h);
}

static void run_helper(struct helper *h, const struct sandbox_user *user, enum sandbox_mode mode, int input)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* What the daemon has written before its end is still written: the end of the pipe is the end. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	keep_descriptors(input, h->back);
	prctl(PR_SET_NAME, "tickwire-files", 0L, 0L, 0L);
	confine(user, mode);
	look_at_directory(h);
	serve(h, input);
	_exit(0);
}

static void init_helper(struct helper *h, const struct clock_settings *settings)
{
	*h = (struct helper){.settings = settings, .directory = -1};
	for (unsigned i = 0; i < CLOCK_LOG_FILES; i++)
		h->log[i].fd = -1;
}

/* The daemon's ends of both pipes. */
static bool start_helper(struct clock_files *files, const struct sandbox_user *user, enum sandbox_mode mode)
{
	struct helper h;
	int to[2], from[2];
	pid_t pid;

	if (pipe2(to, O_CLOEXEC) != 0)
		return false;
	if (pipe2(from, O_CLOEXEC | O_NONBLOCK) != 0) {
		close(to[0]);
		close(to[1]);
		return false;
	}
	pid = fork();
	if (pid == 0) {
		init_helper(&h, files->settings);
		h.back = from[1];
		run_helper(&h, user, mode, to[0]);
	}
	close(to[0]);
	close(from[1]);
	fcntl(to[1], F_SETFL, O_NONBLOCK);
	files->fd = to[1];
	files->back = from[0];
	return pid > 0;
}

bool clock_files_start(struct clock_files *files, const struct clock_settings *settings,
	const struct sandbox_user *user, enum sandbox_mode mode, char *text, size_t size)
{
	*files = (struct clock_files){.settings = settings, .fd = -1, .back = -1};
	if (!settings->logs && !settings->drift_file[0])
		return true;
	signal(SIGPIPE, SIG_IGN); /* a helper that was killed costs the logs, not the time */
	if (start_helper(files, user, mode))
		return true;
	snprintf(text, size, "cannot start the files helper: %s", strerror(errno));
	clock_files_stop(files);
	return false;
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

/* False when the helper is gone. */
static bool hear(struct clock_files *files)
{
	struct answer answer;
	ssize_t n;

	while ((n = read(files->back, &answer, sizeof(answer))) == sizeof(answer)) {
		answer.trouble[sizeof(answer.trouble) - 1] = '\0';
		memcpy(files->said, answer.trouble, sizeof(files->said));
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static const char *judge(struct clock_files *files)
{
	const bool loses = files->lost != files->looked;

	files->looked = files->lost;
	if (files->back >= 0 && !hear(files)) {
		close(files->back);
		files->back = -1;
	}
	if (files->back < 0)
		return "tickwire-files, which writes logs and the drift file, has ended: restart tickwire";
	if (loses)
		return "tickwire-files does not keep up: lines of the logs are lost; is the disk slow or "
		       "hung?";
	return files->said;
}

void clock_files_look(struct clock_files *files)
{
	const char *trouble;

	if (files->fd < 0)
		return;
	trouble = judge(files);
	if (strcmp(trouble, files->trouble) == 0)
		return;
	if (trouble[0])
		log_warning("%s", trouble);
	else
		log_notice("the logs and the drift file are written again");
	snprintf(files->trouble, sizeof(files->trouble), "%s", trouble);
}

void clock_files_stop(struct clock_files *files)
{
	if (files->fd >= 0)
		close(files->fd);
	if (files->back >= 0)
		close(files->back);
	files->fd = files->back = -1;
}
