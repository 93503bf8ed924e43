#include "control/tracking.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/securebits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/monotonic.h"
#include "dataplane/log.h"
#include "ntp/exchange.h"

enum {
	CHRONY_COMMAND_PORT = 323,
	PATIENCE_MS = 2000, /* with chronyc */
	EAGER_POLLS = 8, /* of the first polls, EAGER_MS apart: a start should not wait for a whole second */
	EAGER_MS = 125,
	POLL_MS = 1000,
	EXIT_OWNER = 3, /* chrony's run directory has another owner now: start again with root's rights */
};

struct helper {
	const struct tracking_options *options;
	int pipe;
	bool settled; /* runs as the owner of chrony's run directory, without capabilities */
	uid_t owner;
};

static const char *find_chronyc(void)
{
	static const char *const paths[] = {"/usr/bin/chronyc", "/usr/local/bin/chronyc", "/bin/chronyc",
		"/usr/sbin/chronyc", "/opt/chrony/bin/chronyc"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	}
	return NULL;
}

/* Never returns. Nothing of ours but the pipe goes into chronyc, and what it may do there is what its user
 * may. */
static void run_chronyc(const char *program, const char *host, int output, pid_t parent)
{
	char *const environment[] = {NULL};
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGTERM, 0L, 0L, 0L);
	if (getppid() != parent || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
		dup2(output, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
		_exit(127);
	close_range(STDERR_FILENO + 1, UINT_MAX, 0);
	execle(program, "chronyc", "-c", "-n", "-h", host, "tracking", (char *)NULL, environment);
	_exit(127);
}

/* All that is written until the end of file, at most `size` octets, or -1 where that is not reached in time.
 */
static ssize_t read_all(int fd, char *text, size_t size, uint64_t deadline)
{
	size_t length = 0;

	for (;;) {
		uint64_t now = monotonic_ns();
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (now >= deadline || length == size)
			return -1;
		if (poll(&p, 1, (int)((deadline - now) / 1000000) + 1) <= 0)
			continue;
		n = read(fd, text + length, size - length);
		if (n == 0)
			return (ssize_t)length;
		if (n < 0)
			return -1;
		length += (size_t)n;
	}
}

/*
 * Its exit status, or -1 for one that had to be ended: by its id and politely first, since chronyc then
 * removes its socket from chrony's run directory.
 */
static int reap(pid_t pid, bool finished)
{
	int status = -1;

	for (int i = 0; i < 50; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return finished ? status : -1;
		if (i == 0 && !finished)
			kill(pid, SIGTERM);
		poll(NULL, 0, 2);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

static bool ask_chronyc(const char *host, struct tracking_record *record)
{
	const char *program = find_chronyc();
	pid_t pid, self = getpid();
	ssize_t length;
	int ends[2];

	if (!program || pipe2(ends, O_CLOEXEC) != 0)
		return false;
	pid = fork();
	if (pid == 0)
		run_chronyc(program, host, ends[1], self);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return false;
	}
	length = read_all(
		ends[0], record->line, sizeof(record->line), monotonic_ns() + PATIENCE_MS * 1000000ULL);
	close(ends[0]);
	if (reap(pid, length >= 0) != 0 || length <= 0)
		return false;
	record->kind = TRACKING_LINE;
	record->length = (uint32_t)length;
	return true;
}

static void become_owner(struct helper *h, const struct stat *directory, const char *path)
{
	struct sandbox_user owner = {.uid = directory->st_uid, .gid = directory->st_gid};
	cap_value_t none = 0;
	char text[256];

	if (h->settled && h->owner != owner.uid) {
		log_warning("%s belongs to another user than before; starting again", path);
		_exit(EXIT_OWNER);
	}
	if (h->settled)
		return;
	snprintf(owner.name, sizeof(owner.name), "%u", (unsigned)owner.uid);
	/* Groups first: with the user go the capabilities. A helper that never was root can only stay what it
	 * is. */
	if (setresgid(owner.gid, owner.gid, owner.gid) != 0 ||
		setresuid(owner.uid, owner.uid, owner.uid) != 0)
		log_warning("cannot become the owner of %s (%s); chronyc may fail", path, strerror(errno));
	if (!sandbox_drop_privileges(&owner, &none, 0, text, sizeof(text)))
		log_warning("%s", text);
	/* Changing the user cleared it. */
	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGTERM, 0L, 0L, 0L);
	h->settled = true;
	h->owner = owner.uid;
}

static bool ask_over_socket(struct helper *h, struct tracking_record *record)
{
	const char *const defaults[] = {"/run/chrony", "/var/run/chrony"},
			  *configured = h->options->chrony_run_dir;
	size_t count = configured[0] ? 1 : sizeof(defaults) / sizeof(defaults[0]);

	for (size_t i = 0; i < count; i++) {
		const char *directory = configured[0] ? configured : defaults[i];
		char path[PATH_MAX];
		struct stat st;

		if (stat(directory, &st) != 0 || !S_ISDIR(st.st_mode))
			continue;
		become_owner(h, &st, directory);
		if (snprintf(path, sizeof(path), "%s/chronyd.sock", directory) >= (int)sizeof(path))
			continue;
		if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && ask_chronyc(path, record))
			return true;
	}
	return false;
}

/* UDP on the loopback tells at once when nobody listens: the error of the first octet meets the second. */
static bool is_heard(const struct exchange_peer *peer)
{
	int fd = socket(peer->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool heard = fd >= 0 && connect(fd, (const struct sockaddr *)&peer->address, peer->length) == 0 &&
		     send(fd, "", 1, 0) == 1 && send(fd, "", 1, 0) == 1;

	if (fd >= 0)
		close(fd);
	return heard;
}

static const char *const loopback[] = {"127.0.0.1", "::1"};

static bool loopback_peer(struct exchange_peer *peer, size_t i, uint16_t port)
{
	char text[256];

	return exchange_resolve(peer, 1, loopback[i], AF_UNSPEC, port, text, sizeof(text)) == 1;
}

static bool ask_over_udp(struct tracking_record *record)
{
	for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++) {
		struct exchange_peer peer;

		if (loopback_peer(&peer, i, CHRONY_COMMAND_PORT) && is_heard(&peer) &&
			ask_chronyc(loopback[i], record))
			return true;
	}
	return false;
}

static bool ask_ntp(const struct helper *h, struct tracking_record *record)
{
	for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++) {
		struct exchange_peer peer;
		struct exchange x;

		if (!loopback_peer(&peer, i, h->options->ntp_port) ||
			exchange_once(&peer, NTP_VERSION_MAX, 6, 0.5, &x) != EXCHANGE_REPLY ||
			x.reply.verdict != CLIENT_ANSWERED)
			continue;
		record->kind = TRACKING_REPLY;
		record->reply = x.reply;
		return true;
	}
	return false;
}

/* Until the pipe's reader is gone. */
static void poll_keepers(struct helper *h)
{
	for (unsigned polls = 0;; polls += polls < EAGER_POLLS) {
		struct tracking_record record = {.kind = TRACKING_NOTHING, .instant = monotonic_ns()};

		if (!ask_over_socket(h, &record) && !ask_over_udp(&record) && !ask_ntp(h, &record))
			record.kind = TRACKING_NOTHING;
		if (write(h->pipe, &record, sizeof(record)) != sizeof(record))
			return;
		poll(NULL, 0, polls < EAGER_POLLS ? EAGER_MS : POLL_MS);
	}
}

/*
 * The unprivileged user with what it takes to become another. From now on being user 0 gives a program no
 * capability: the run directory may belong to root.
 */
static void shed_privileges(const struct tracking_options *options)
{
	const cap_value_t keep[] = {CAP_SETUID, CAP_SETGID};
	bool root = geteuid() == 0;
	char text[256];

	if (root && prctl(PR_SET_SECUREBITS, (unsigned long)(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED), 0L, 0L,
			    0L) != 0)
		log_warning("cannot set the secure bits of the tracking helper: %s", strerror(errno));
	if (!sandbox_drop_privileges(&options->user, keep, root ? 2 : 0, text, sizeof(text))) {
		log_error("tracking helper: %s", text);
		_exit(1);
	}
}

static void run_helper(const struct tracking_options *options, int output, pid_t parent)
{
	struct helper h = {.options = options, .pipe = output};

	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_IGN); /* of a terminal: the daemon decides */
	signal(SIGPIPE, SIG_IGN);
	sandbox_keep_descriptors(&output, 1);
	shed_privileges(options);
	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGTERM, 0L, 0L, 0L);
	prctl(PR_SET_NAME, "tickwire-track", 0L, 0L, 0L);
	if (getppid() != parent)
		_exit(0);
	poll_keepers(&h);
	_exit(0);
}

int tracking_start(const struct tracking_options *options)
{
	pid_t pid, self = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		run_helper(options, ends[1], self);
	}
	close(ends[1]);
	if (pid < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
		close(ends[0]);
		return -1;
	}
	return ends[0];
}

static bool judge(const struct tracking_record *record, struct keeper_status *status, uint64_t now)
{
	struct keeper_status s;
	bool good = false;

	if (record->kind == TRACKING_LINE && record->length < sizeof(record->line))
		good = keeper_from_tracking(&s, record->line, record->length, record->instant);
	else if (record->kind == TRACKING_REPLY)
		good = keeper_from_reply(&s, &record->reply, record->instant);
	if (!good || keeper_is_stale(&s, now))
		return false;
	*status = s;
	return true;
}

enum tracking_news tracking_take(int fd, struct keeper_status *status, uint64_t now)
{
	struct tracking_record record;
	ssize_t n = read(fd, &record, sizeof(record));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return TRACKING_SILENT;
	if (n != sizeof(record))
		return TRACKING_GONE;
	return judge(&record, status, now) ? TRACKING_STATUS : TRACKING_EMPTY;
}
