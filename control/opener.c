#include "control/opener.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dataplane/log.h"

enum {
	PATIENCE_MS = 100,
	ACCESS = O_RDONLY | O_WRONLY | O_RDWR,
	ADDED = O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
};

struct question {
	uint32_t number; /* the answer bears it: one that came too late is for an older question */
	int32_t flags;
	char path[OPENER_PATH];
};

struct answer {
	uint32_t number;
	int32_t error; /* errno; 0: a descriptor comes with it */
};

struct opener {
	int socket;
	size_t paths;
	char path[OPENER_PATHS][OPENER_PATH];
};

static bool is_given(const struct opener *opener, const char *path)
{
	for (size_t i = 0; i < opener->paths; i++) {
		if (strcmp(opener->path[i], path) == 0)
			return true;
	}
	return false;
}

/* openat2, because the filter of all daemons refuses open and openat. */
static int open_device(const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)(unsigned)(flags | ADDED)};

	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

/* The descriptor, or -1 with errno. */
static int judge(const struct opener *opener, struct question *question)
{
	question->path[OPENER_PATH - 1] = '\0';
	errno = EACCES;
	if (!is_given(opener, question->path))
		return -1;
	errno = EINVAL;
	if (question->flags & ~(ACCESS | ADDED))
		return -1;
	return open_device(question->path, question->flags);
}

/* Room for one descriptor beside a message. */
union control {
	struct cmsghdr header;
	char octets[CMSG_SPACE(sizeof(int))];
};

/* False when the daemon is gone. */
static bool reply(int socket, const struct answer *answer, int fd)
{
	struct answer copy = *answer;
	struct iovec vector = {.iov_base = &copy, .iov_len = sizeof(copy)};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
	union control control = {.octets = {0}};

	if (fd >= 0) {
		control.header = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) == sizeof(copy);
}

/* Until the daemon is gone, or says what is no question. */
static void serve(const struct opener *opener)
{
	for (;;) {
		struct question question;
		struct answer answer;
		ssize_t n = read(opener->socket, &question, sizeof(question));
		bool told;
		int fd;

		if (n != sizeof(question))
			return;
		fd = judge(opener, &question);
		answer = (struct answer){.number = question.number, .error = fd < 0 ? errno : 0};
		told = reply(opener->socket, &answer, fd);
		if (fd >= 0)
			close(fd);
		if (!told)
			return;
	}
}

/* Stays root, whom devices belong to, with one capability for those of others. */
static bool confine(pid_t parent, enum sandbox_mode mode, char *text, size_t size)
{
	static const struct sandbox_rule rules[] = {{SCMP_SYS(openat2), -1, 0}, {SCMP_SYS(sendmsg), -1, 0}};
	const struct sandbox_user self = {.uid = geteuid(), .gid = getegid(), .name = "root"};
	const cap_value_t keep[] = {CAP_DAC_OVERRIDE};

	if (!sandbox_drop_privileges(&self, keep, geteuid() == 0, text, size))
		return false;
	if (!sandbox_follow_parent(parent))
		_exit(0);
	return sandbox_filter(mode, rules, sizeof(rules) / sizeof(rules[0]), text, size);
}

/* Never returns. */
static void run(const struct opener *opener, enum sandbox_mode mode, pid_t parent)
{
	char text[256];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_IGN); /* of a terminal: the daemon decides */
	/* Devices that the daemon holds are not held twice. */
	sandbox_keep_descriptors(&opener->socket, 1);
	prctl(PR_SET_NAME, "tickwire-opener", 0L, 0L, 0L);
	if (!confine(parent, mode, text, sizeof(text))) {
		log_error("opener: %s", text);
		_exit(1);
	}
	serve(opener);
	_exit(0);
}

static bool take_paths(struct opener *opener, const char *const *paths, size_t count, char *text, size_t size)
{
	if (count > OPENER_PATHS) {
		snprintf(text, size, "%zu devices, at most %d can be opened again", count, OPENER_PATHS);
		return false;
	}
	for (opener->paths = 0; opener->paths < count; opener->paths++) {
		const char *path = paths[opener->paths];

		if (path[0] != '/' || strlen(path) >= OPENER_PATH) {
			snprintf(text, size, "%s: expected an absolute path of at most %d octets", path,
				OPENER_PATH - 1);
			return false;
		}
		memcpy(opener->path[opener->paths], path, strlen(path) + 1);
	}
	return true;
}

int opener_start(const char *const *paths, size_t count, enum sandbox_mode mode, char *text, size_t size)
{
	static struct opener opener;
	pid_t pid = -1, self = getpid();
	int ends[2];

	if (!take_paths(&opener, paths, count, text, size))
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0) {
		opener.socket = ends[1];
		pid = fork();
		if (pid == 0) {
			close(ends[0]); /* or we would be our own daemon */
			run(&opener, mode, self);
		}
		close(ends[1]);
		if (pid > 0)
			return ends[0];
		close(ends[0]);
	}
	snprintf(text, size, "cannot start the opener of devices: %s", strerror(errno));
	return -1;
}

static int descriptor_of(struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int fd = -1;

	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
		header->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

/* An answer and the descriptor that comes with it, or -1; false with errno where there is none. */
static bool hear(int socket, struct answer *answer, int *fd)
{
	struct pollfd p = {.fd = socket, .events = POLLIN};
	struct iovec vector = {.iov_base = answer, .iov_len = sizeof(*answer)};
	union control control;
	struct msghdr message = {.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t n;

	errno = ETIMEDOUT;
	if (poll(&p, 1, PATIENCE_MS) != 1)
		return false;
	n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	*fd = n < 0 ? -1 : descriptor_of(&message);
	errno = EPIPE;
	return n == sizeof(*answer);
}

static bool ask(int opener, const struct question *question)
{
	struct question copy = *question;
	struct iovec vector = {.iov_base = &copy, .iov_len = sizeof(copy)};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

	if (sendmsg(opener, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(copy))
		return true;
	errno = EPIPE;
	return false;
}

/* The question that has waited too long: its answer is still to come, and serves who asks the same again. */
static struct question late;

static bool is_late(const char *path, int flags)
{
	return late.number && late.flags == flags && strcmp(late.path, path) == 0;
}

static int wait_for(int opener, const struct question *question)
{
	struct answer answer;
	int fd;

	while (hear(opener, &answer, &fd)) {
		if (answer.number == late.number)
			late.number = 0;
		if (answer.number == question->number) {
			errno = answer.error ? answer.error : EPIPE;
			return fd;
		}
		if (fd >= 0)
			close(fd);
	}
	if (errno == ETIMEDOUT)
		late = *question;
	return -1;
}

int opener_open(int opener, const char *path, int flags)
{
	static uint32_t number;
	struct question question = {.flags = flags};

	if (strlen(path) >= sizeof(question.path)) {
		errno = EACCES;
		return -1;
	}
	if (is_late(path, flags)) {
		question = late;
	} else {
		question.number = ++number ? number : ++number;
		memcpy(question.path, path, strlen(path) + 1);
		if (!ask(opener, &question))
			return -1;
	}
	return wait_for(opener, &question);
}
