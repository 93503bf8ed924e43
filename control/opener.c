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
	START_MS = 4000, /* for one to be confined; the supervisor waits for longer */
	ACCESS = O_RDONLY | O_WRONLY | O_RDWR,
	ADDED = O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
};

/* One at a time: an answer is to the question that waits. */
struct question {
	int32_t flags;
};

/* The first one says that the opener is confined. */
struct answer {
	int32_t error; /* errno; 0: a descriptor comes with it */
};

/* In the opener. */
struct task {
	int socket;
	const char *path;
};

/* openat2, because the filter of all daemons refuses open and openat. */
static int open_device(const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)(unsigned)(flags | ADDED)};

	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

/* The descriptor, or -1 with errno. */
static int judge(const struct task *task, const struct question *question)
{
	errno = EINVAL;
	if (question->flags & ~(ACCESS | ADDED))
		return -1;
	return open_device(task->path, question->flags);
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
static void serve(const struct task *task)
{
	for (;;) {
		struct question question;
		struct answer answer;
		ssize_t n = read(task->socket, &question, sizeof(question));
		bool told;
		int fd;

		if (n != sizeof(question))
			return;
		fd = judge(task, &question);
		answer = (struct answer){.error = fd < 0 ? errno : 0};
		told = reply(task->socket, &answer, fd);
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
static void run(const struct task *task, enum sandbox_mode mode, pid_t parent)
{
	const struct answer ready = {.error = 0};
	char text[256];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_IGN); /* of a terminal: the daemon decides */
	/* Devices that the daemon holds are not held twice. */
	sandbox_keep_descriptors(&task->socket, 1);
	prctl(PR_SET_NAME, "tickwire-opener", 0L, 0L, 0L);
	if (!confine(parent, mode, text, sizeof(text))) {
		log_error("opener: %s", text);
		_exit(1);
	}
	if (reply(task->socket, &ready, -1))
		serve(task);
	_exit(0);
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
static bool hear(int socket, int patience_ms, struct answer *answer, int *fd)
{
	struct pollfd p = {.fd = socket, .events = POLLIN};
	struct iovec vector = {.iov_base = answer, .iov_len = sizeof(*answer)};
	union control control;
	struct msghdr message = {.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	const int ready = poll(&p, 1, patience_ms);
	ssize_t n;

	errno = ETIMEDOUT;
	if (ready != 1)
		return false;
	n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	*fd = n < 0 ? -1 : descriptor_of(&message);
	errno = EPIPE;
	return n == sizeof(*answer);
}

static bool ask(struct opener_device *device, int flags)
{
	struct question question = {.flags = flags};
	struct iovec vector = {.iov_base = &question, .iov_len = sizeof(question)};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

	if (sendmsg(device->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(question)) {
		device->flags = flags;
		return true;
	}
	errno = EPIPE;
	return false;
}

/* The descriptor that the question under way has led to, or -1 with errno. */
static int take_answer(struct opener_device *device, int patience_ms)
{
	struct answer answer;
	int fd;

	if (!hear(device->socket, patience_ms, &answer, &fd)) {
		device->waiting = errno == ETIMEDOUT;
		return -1;
	}
	device->waiting = false;
	errno = answer.error ? answer.error : EPIPE;
	return fd;
}

static struct opener_device *find(struct opener *opener, const char *path)
{
	for (size_t i = 0; i < opener->devices; i++) {
		if (strcmp(opener->device[i].path, path) == 0)
			return &opener->device[i];
	}
	return NULL;
}

int opener_open(struct opener *opener, const char *path, int flags)
{
	struct opener_device *device = find(opener, path);
	int fd;

	errno = EACCES;
	if (!device)
		return -1;
	if (device->waiting) {
		fd = take_answer(device, 0);
		if (device->waiting || device->flags == flags)
			return fd;
		/* What another source of the same device has asked for. */
		if (fd >= 0)
			close(fd);
	}
	return ask(device, flags) ? take_answer(device, PATIENCE_MS) : -1;
}

static bool is_path(const char *path, char *text, size_t size)
{
	if (path[0] == '/' && strlen(path) < OPENER_PATH)
		return true;
	snprintf(text, size, "%s: expected an absolute path of at most %d octets", path, OPENER_PATH - 1);
	return false;
}

static bool start_device(struct opener_device *device, const char *path, enum sandbox_mode mode)
{
	const pid_t self = getpid();
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return false;
	pid = fork();
	if (pid == 0) {
		const struct task task = {.socket = ends[1], .path = path};

		run(&task, mode, self);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return false;
	}
	*device = (struct opener_device){.socket = ends[0]};
	memcpy(device->path, path, strlen(path) + 1);
	return true;
}

static bool all_are_ready(struct opener *opener)
{
	for (size_t i = 0; i < opener->devices; i++) {
		struct answer answer;
		int fd;

		if (!hear(opener->device[i].socket, START_MS, &answer, &fd))
			return false;
	}
	return true;
}

bool opener_start(struct opener *opener, const char *const *paths, size_t count, enum sandbox_mode mode,
	char *text, size_t size)
{
	bool good = true;

	opener->devices = 0;
	for (size_t i = 0; i < count && good; i++) {
		if (!is_path(paths[i], text, size))
			goto fail;
		if (find(opener, paths[i]))
			continue;
		if (opener->devices == OPENER_DEVICES) {
			snprintf(text, size, "more than %d devices", OPENER_DEVICES);
			goto fail;
		}
		good = start_device(&opener->device[opener->devices], paths[i], mode);
		opener->devices += good;
	}
	if (good && all_are_ready(opener))
		return true;
	snprintf(text, size, "cannot start the opener of devices: %s", strerror(errno));
fail:
	opener_stop(opener);
	return false;
}

void opener_stop(struct opener *opener)
{
	for (size_t i = 0; i < opener->devices; i++)
		close(opener->device[i].socket);
	opener->devices = 0;
}
