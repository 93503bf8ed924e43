#include "control/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "control/monotonic.h"
#include "dataplane/log.h"

enum {
	BACK_OFF_MS = 500, /* after a second failure in a row; the first restart is at once */
	BACK_OFF_MOST_MS = 30000,
	STABLE_MS = 30000, /* a run this long ends the row of failures */
	STOP_POLL_MS = 5,
};

bool daemon_init(struct daemon *d, const char *name)
{
	d->name = name;
	d->arguments = 0;
	d->used = 0;
	return daemon_argument(d, "%s", name);
}

bool daemon_argument(struct daemon *d, const char *format, ...)
{
	va_list ap;
	int n;

	if (d->arguments >= DAEMON_ARGUMENTS - 1)
		return false;
	va_start(ap, format);
	n = vsnprintf(d->text + d->used, sizeof(d->text) - d->used, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(d->text) - d->used)
		return false;
	d->argument[d->arguments++] = d->text + d->used;
	d->argument[d->arguments] = NULL;
	d->used += (size_t)n + 1;
	return true;
}

static bool name_executable(const char *name, char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	if (n <= 0)
		return false;
	path[n] = 0;
	slash = strrchr(path, '/');
	return slash && snprintf(slash + 1, size - (size_t)(slash + 1 - path), "%s", name) <
				(int)(size - (size_t)(slash + 1 - path));
}

bool daemon_find(const char *name, char *path, size_t size)
{
	return name_executable(name, path, size) && access(path, X_OK) == 0;
}

/* In the child: all other descriptors of ours close with the exec. */
static void pass_descriptor(int fd)
{
	if (fd == DAEMON_PASSED)
		fcntl(fd, F_SETFD, 0);
	else if (fd > 0)
		dup2(fd, DAEMON_PASSED);
}

bool daemon_start(struct daemon *d, char *text, size_t size)
{
	char path[PATH_MAX];
	sigset_t none;

	d->started_ms = monotonic_ms();
	if (!daemon_find(d->name, path, sizeof(path))) {
		snprintf(text, size, "%s is not beside the tickwire executable; is the installation whole?",
			d->name);
		return false;
	}
	d->pid = fork();
	if (d->pid < 0) {
		d->pid = 0;
		snprintf(text, size, "cannot start %s: %s", d->name, strerror(errno));
		return false;
	}
	if (d->pid == 0) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		/* Ctrl-C is for the supervisor, which then stops the daemons in order. */
		setpgid(0, 0);
		pass_descriptor(d->passed);
		execv(path, d->argument);
		_exit(127);
	}
	return true;
}

static void note_end(struct daemon *d, int status)
{
	int64_t now = monotonic_ms(), wait = 0;

	d->pid = 0;
	d->exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	d->failures = d->told_to_end || now - d->started_ms >= STABLE_MS ? 0 : d->failures + 1;
	d->told_to_end = false;
	if (d->failures > 1) {
		wait = BACK_OFF_MS;
		for (unsigned i = 2; i < d->failures && wait < BACK_OFF_MOST_MS; i++)
			wait *= 2;
	}
	d->restart_ms = now + (wait < BACK_OFF_MOST_MS ? wait : BACK_OFF_MOST_MS);
}

bool daemon_reap(struct daemon *d)
{
	int status;

	if (d->pid == 0 || waitpid(d->pid, &status, WNOHANG) != d->pid)
		return false;
	note_end(d, status);
	return true;
}

void daemon_describe_end(const struct daemon *d, char *text, size_t size)
{
	if (d->exit_status > 128)
		snprintf(text, size, "%s was killed by signal %d (%s)", d->name, d->exit_status - 128,
			strsignal(d->exit_status - 128));
	else
		snprintf(text, size, "%s ended with status %d", d->name, d->exit_status);
}

void daemon_log_end(const struct daemon *d)
{
	const int64_t wait = d->restart_ms - monotonic_ms();
	char text[128];

	daemon_describe_end(d, text, sizeof(text));
	if (wait > 0)
		log_error("%s; it is restarted in %.1f s", text, (double)wait / 1e3);
	else
		log_error("%s; it is restarted at once", text);
}

void daemon_restart(struct daemon *d)
{
	d->failures = 0;
	d->restart_ms = 0;
	if (d->pid == 0)
		return;
	d->told_to_end = true;
	kill(d->pid, SIGTERM);
}

void daemon_stop(struct daemon *d, int patience_ms)
{
	const int64_t end = monotonic_ms() + patience_ms;
	bool killed = false;

	if (d->pid == 0)
		return;
	kill(d->pid, SIGTERM);
	while (!daemon_reap(d)) {
		if (!killed && monotonic_ms() >= end) {
			kill(d->pid, SIGKILL);
			killed = true;
		}
		nanosleep(&(struct timespec){.tv_nsec = STOP_POLL_MS * 1000000}, NULL);
	}
}
