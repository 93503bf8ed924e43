#include "control/ke_channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <openssl/crypto.h>

/* Room for the descriptors' message, aligned as its header wants it. */
union control {
	struct cmsghdr header;
	uint8_t room[CMSG_SPACE(KE_CHANNEL_DESCRIPTORS * sizeof(int))];
};

static void attach(struct msghdr *m, union control *control, const int *descriptors, unsigned count)
{
	struct cmsghdr *c;

	memset(control, 0, sizeof(*control));
	m->msg_control = control->room;
	m->msg_controllen = CMSG_SPACE(count * sizeof(int));
	c = CMSG_FIRSTHDR(m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(c), descriptors, count * sizeof(int));
}

bool ke_channel_send(int fd, enum ke_message_type type, const void *body, size_t size, const int *descriptors,
	unsigned count)
{
	uint8_t first = (uint8_t)type;
	/* sendmsg only reads from there. */
	struct iovec part[2] = {
		{.iov_base = &first, .iov_len = 1}, {.iov_base = (void *)(uintptr_t)body, .iov_len = size}};
	struct msghdr m = {.msg_iov = part, .msg_iovlen = size > 0 ? 2 : 1};
	union control control;
	ssize_t n;

	if (size > KE_CHANNEL_BODY || count > KE_CHANNEL_DESCRIPTORS) {
		errno = EMSGSIZE;
		return false;
	}
	if (count > 0)
		attach(&m, &control, descriptors, count);
	do
		n = sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)(1 + size);
}

static void detach(struct msghdr *m, struct ke_message *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(message->descriptor, CMSG_DATA(c), count * sizeof(int));
		message->descriptors = (unsigned)count;
	}
}

/*
 * Descriptors that the kernel had to leave out, because this process may have no more, make no bad message:
 * the one who needs them finds that there are too few.
 */
int ke_channel_take(int fd, struct ke_message *message)
{
	uint8_t first;
	struct iovec part[2] = {
		{.iov_base = &first, .iov_len = 1}, {.iov_base = message->body, .iov_len = KE_CHANNEL_BODY}};
	union control control;
	struct msghdr m = {.msg_iov = part,
		.msg_iovlen = 2,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room)};
	ssize_t n;

	message->size = 0;
	message->descriptors = 0;
	n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	detach(&m, message);
	if (n == 0 || (m.msg_flags & MSG_TRUNC)) {
		message->size = n > 0 ? KE_CHANNEL_BODY : 0;
		ke_message_drop(message);
		return -1;
	}
	message->type = (enum ke_message_type)first;
	message->size = (size_t)n - 1;
	message->body[message->size] = 0;
	return 1;
}

void ke_message_drop(struct ke_message *message)
{
	for (unsigned i = 0; i < message->descriptors; i++)
		close(message->descriptor[i]);
	OPENSSL_cleanse(message->body, message->size);
	message->descriptors = 0;
	message->size = 0;
}
