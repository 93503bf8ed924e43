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
#include <sys/timepps.h>
#include <unistd.h>

#include "dataplane/log.h"
#include "refclock/pps_edge.h"

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
	int edges;
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
	int fd;

	errno = EINVAL;
	if (question->flags & ~(ACCESS | ADDED))
		return -1;
	fd = open_device(task->path, question->flags);
	/* What it cannot do its driver finds, and says. */
	for (int edge = PPS_CAPTUREASSERT; fd >= 0 && edge <= PPS_CAPTURECLEAR; edge <<= 1)
		if (task->edges & edge)
			(void)pps_edge_ask(fd, edge);
	return fd;
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

/* What a container was not given cannot be kept. */
static void keep_held(cap_value_t keep[], int *count, cap_value_t capability)
{
	cap_flag_value_t held = CAP_CLEAR;
	cap_t caps = cap_get_proc();

	if (caps && cap_get_flag(caps, capability, CAP_PERMITTED, &held) == 0 && held == CAP_SET)
		keep[(*count)++] = capability;
	if (caps)
		cap_free(caps);
}

/* Stays root, whom devices belong to, with one capability for those of others, and one to ask a PPS device.
 */
static bool confine(const struct task *task, pid_t parent, enum sandbox_mode mode, char *text, size_t size)
{
	static const struct sandbox_rule rules[] = {{SCMP_SYS(openat2), -1, 0}, {SCMP_SYS(sendmsg), -1, 0},
		/* The rest is PPS's. */
		{SCMP_SYS(ioctl), 1, PPS_GETPARAMS}, {SCMP_SYS(ioctl), 1, PPS_SETPARAMS}};
	const struct sandbox_user self = {.uid = geteuid(), .gid = getegid(), .name = "root"};
	cap_value_t keep[2];
	int count = 0;

	keep_held(keep, &count, CAP_DAC_OVERRIDE);
	if (task->edges)
		keep_held(keep, &count, CAP_SYS_TIME);
	if (!sandbox_drop_privileges(&self, keep, count, text, size))
		return false;
	if (!sandbox_follow_parent(parent))
		_exit(0);
	return sandbox_filter(mode, rules, task->edges ? 4 : 2, text, size);
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
	if (!confine(task, parent, mode, text, sizeof(text))) {
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

/* Two sources of one device share it. */
static bool take_wish(struct opener *opener, const struct opener_wish *wish, char *text, size_t size)
{
	struct opener_device *device = find(opener, wish->path);

	if (!is_path(wish->path, text, size))
		return false;
	if (!device && opener->devices == OPENER_DEVICES) {
		snprintf(text, size, "more than %d devices", OPENER_DEVICES);
		return false;
	}
	if (!device) {
		device = &opener->device[opener->devices++];
		*device = (struct opener_device){.socket = -1};
		memcpy(device->path, wish->path, strlen(wish->path) + 1);
	}
	device->edges |= wish->edges;
	return true;
}

static bool start_device(struct opener_device *device, enum sandbox_mode mode)
{
	const pid_t self = getpid();
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return false;
	pid = fork();
	if (pid == 0) {
		const struct task task = {.socket = ends[1], .edges = device->edges, .path = device->path};

		run(&task, mode, self);
	}
	close(ends[1]);
	device->socket = ends[0];
	return pid > 0;
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

bool opener_start(struct opener *opener, const struct opener_wish *wish, size_t count, enum sandbox_mode mode,
	char *text, size_t size)
{
	bool good = true;

	opener->devices = 0;
	for (size_t i = 0; i < count; i++) {
		if (!take_wish(opener, &wish[i], text, size)) {
			opener_stop(opener);
			return false;
		}
	}
	for (size_t i = 0; i < opener->devices && good; i++)
		good = start_device(&opener->device[i], mode);
	if (good && all_are_ready(opener))
		return true;
	snprintf(text, size, "cannot start the opener of devices: %s", strerror(errno));
	opener_stop(opener);
	return false;
}

void opener_stop(struct opener *opener)
{
	for (size_t i = 0; i < opener->devices; i++) {
		if (opener->device[i].socket >= 0)
			close(opener->device[i].socket);
	}
	opener->devices = 0;
}
