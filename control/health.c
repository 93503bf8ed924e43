#include "control/health.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "control/clock_names.h"
#include "control/daemon.h"
#include "control/monotonic.h"
#include "control/new_file.h"
#include "dataplane/log.h"
#include "refclock/counter.h"

enum { STALE_S = 10 /* without a word of the clock daemon, which it has each second */ };

static void say(struct health_verdict *verdict, enum ladder_rung rung, const char *reason)
{
	size_t n = 0;

	memset(verdict, 0, sizeof(*verdict));
	verdict->rung = rung;
	for (; reason[n] && n < sizeof(verdict->reason) - 1; n++)
		verdict->reason[n] = (char)(reason[n] >= 0x20 && reason[n] < 0x7f ? reason[n] : '?');
}

void health_judge(
	struct health_verdict *verdict, const struct sources *sources, bool synchronised, bool answering)
{
	/* Of a system clock that others keep there is nothing more to be said. */
	const bool said = sources && sources->count > 0;
	const unsigned rung = said ? sources->rung : (unsigned)LADDER_SERVING;

	if (!answering)
		say(verdict, LADDER_SILENT, "the workers do not answer");
	else if (rung >= LADDER_RUNGS)
		say(verdict, LADDER_SILENT, "the clock daemon is of another version");
	else if (rung < LADDER_UNSYNCHRONISED && !synchronised)
		say(verdict, LADDER_UNSYNCHRONISED, "the time served is not synchronised");
	else
		say(verdict, (enum ladder_rung)rung, said ? sources->reason : "replies are synchronised");
}

/* What the clock daemon says, or NULL where it has said nothing for some time. */
static const struct sources *hear(struct health *h, const char *run_dir)
{
	static struct sources sources;
	uint64_t now;

	if (!h->sources.head && shm_open_reader(&h->sources, run_dir, &SOURCES_CONTRACT) != SHM_OK)
		return NULL;
	if (shm_read(&h->sources, &sources) != 0) {
		now = counter_read((enum counter_kind)sources.counter_kind);
		if ((double)(int64_t)(now - sources.counter) <= STALE_S * sources.counter_hz)
			return &sources;
	}
	/* Another daemon may have made another segment. */
	shm_close(&h->sources);
	h->sources = (struct shm){0};
	return NULL;
}

static void remove_file(struct health *h)
{
	if (h->file[0] && unlink(h->file) != 0 && errno != ENOENT)
		log_error("%s, the health file, cannot be removed: %s", h->file, strerror(errno));
	h->file[0] = '\0';
}

static void write_file(struct health *h, const char *path)
{
	char line[sizeof(h->now.reason) + 32], text[512];
	const int n = snprintf(line, sizeof(line), "%s: %s\n", clock_rung_name(h->now.rung), h->now.reason);

	if (new_file_write(path, 0644, true, line, (size_t)n, text, sizeof(text))) {
		snprintf(h->file, sizeof(h->file), "%s", path);
		h->file_failed = false;
		return;
	}
	/* It is tried again each second. */
	if (!h->file_failed)
		log_error("health file: %s; nobody is told that this server is well", text);
	h->file_failed = true;
}

/* `changed`: the rung is another now. */
static void keep_file(struct health *h, const char *path, bool changed)
{
	const bool wanted = path[0] && h->now.rung < LADDER_UNSYNCHRONISED;

	if (h->file[0] && (!wanted || strcmp(h->file, path) != 0))
		remove_file(h);
	/* One of an instance that was killed says nothing of this one. */
	if (!wanted && path[0] && changed)
		(void)unlink(path);
	/* Who clears /run away does not mean us. */
	if (wanted && (changed || !h->file[0] || access(path, F_OK) != 0))
		write_file(h, path);
}

/* In the child. */
static void run_program(const char *program, const struct health_verdict *verdict)
{
	const char *const arguments[] = {program, clock_rung_name(verdict->rung), verdict->reason, NULL};
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char *const environment[] = {path, NULL};
	sigset_t none;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	setpgid(0, 0);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	/* Standard output is for "tickwire: ready". */
	dup2(STDERR_FILENO, STDOUT_FILENO);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(program, (char *const *)(uintptr_t)arguments, environment);
	log_error("%s, the health hook, cannot be run: %s", program, strerror(errno));
	_exit(127);
}

static void start_hook(struct health *h, const char *program, int64_t now_ms)
{
	const pid_t pid = fork();

	if (pid == 0)
		run_program(program, &h->now);
	if (pid < 0) {
		log_error("%s, the health hook, cannot be run: %s", program, strerror(errno));
		return;
	}
	/* Whichever of the two comes first: it may have to be killed before it has begun. */
	setpgid(pid, pid);
	h->hook = pid;
	h->hook_ends_ms = now_ms + HEALTH_HOOK_MS;
	h->told = h->now;
	h->hook_knows = true;
	h->hook_failed = h->hook_late = false;
	snprintf(h->program, sizeof(h->program), "%s", program);
}

static void note_end_of_hook(struct health *h, int status)
{
	h->hook_failed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	if (h->hook_late)
		log_warning("the health hook took longer than %d s and was killed", HEALTH_HOOK_MS / 1000);
	else if (WIFSIGNALED(status))
		log_warning("the health hook was killed by signal %d", WTERMSIG(status));
	else if (h->hook_failed)
		log_warning("the health hook ended with status %d", WEXITSTATUS(status));
}

/* False while it runs. */
static bool reap_hook(struct health *h)
{
	int status;

	if (h->hook == 0)
		return true;
	if (waitpid(h->hook, &status, WNOHANG) != h->hook)
		return false;
	h->hook = 0;
	note_end_of_hook(h, status);
	return true;
}

static void end_hook(struct health *h)
{
	if (h->hook > 0)
		kill(-h->hook, SIGKILL);
}

/* A reload may have named another program, which has heard nothing yet. */
static bool has_been_told(const struct health *h, const char *program, enum ladder_rung rung)
{
	return h->hook_knows && h->told.rung == rung && strcmp(h->program, program) == 0;
}

static void keep_hook(struct health *h, const char *program, int64_t now_ms)
{
	const bool ran = h->hook != 0;

	if (!reap_hook(h)) {
		if (now_ms >= h->hook_ends_ms) {
			h->hook_late = true;
			end_hook(h);
		}
		return;
	}
	if (ran)
		h->hook_again_ms = now_ms + HEALTH_AGAIN_MS;
	if (program[0] &&
		(!has_been_told(h, program, h->now.rung) || (h->hook_failed && now_ms >= h->hook_again_ms)))
		start_hook(h, program, now_ms);
}

void health_begin(struct health *h, const struct clock_settings *settings)
{
	h->begun = true;
	if (settings->health_file[0] && unlink(settings->health_file) == 0)
		log_warning("%s, the health file, was left by an instance that was killed: removed",
			settings->health_file);
}

void health_tick(struct health *h, const struct clock_settings *settings, const char *run_dir,
	bool synchronised, bool answering, int64_t now_ms)
{
	struct health_verdict verdict;
	bool changed;

	health_judge(&verdict, hear(h, run_dir), synchronised, answering);
	changed = !h->known || verdict.rung != h->now.rung;
	h->now = verdict;
	h->known = true;
	keep_file(h, settings->health_file, changed);
	keep_hook(h, settings->health_hook, now_ms);
}

static void wait_for_hook(struct health *h, int64_t end_ms)
{
	while (!reap_hook(h) && monotonic_ms() < end_ms)
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

void health_leave(struct health *h, const struct clock_settings *settings, int patience_ms)
{
	const int64_t end_ms = monotonic_ms() + patience_ms;

	remove_file(h);
	wait_for_hook(h, end_ms);
	if (h->begun && settings->health_hook[0] && h->hook == 0 &&
		(h->hook_failed || !has_been_told(h, settings->health_hook, LADDER_SILENT))) {
		say(&h->now, LADDER_SILENT, "tickwire ends");
		start_hook(h, settings->health_hook, monotonic_ms());
		wait_for_hook(h, end_ms);
	}
	if (h->hook > 0) {
		end_hook(h);
		(void)waitpid(h->hook, NULL, 0);
		h->hook = 0;
	}
	shm_close(&h->sources);
}
