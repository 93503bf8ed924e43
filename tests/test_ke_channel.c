/* Messages between the supervisor and tickwire-ke: control/ke_channel.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/ke_channel.h"

static int ends[2];
static struct ke_message message;

static int open_ends(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends);
}

static int close_ends(void **state)
{
	(void)state;
	ke_message_drop(&message);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static unsigned descriptors_of_process(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_empty(void **state)
{
	(void)state;
	assert_int_equal(ke_channel_take(ends[1], &message), 0);
	assert_true(ke_channel_send(ends[0], KE_MESSAGE_READY, NULL, 0, NULL, 0));
	assert_int_equal(ke_channel_take(ends[1], &message), 1);
	assert_int_equal(message.type, KE_MESSAGE_READY);
	assert_int_equal(message.size, 0);
	assert_int_equal(message.descriptors, 0);
	assert_int_equal(ke_channel_take(ends[1], &message), 0);
}

static void test_order_and_bodies(void **state)
{
	(void)state;
	assert_true(ke_channel_send(ends[0], KE_MESSAGE_KEYS, "one", 3, NULL, 0));
	assert_true(ke_channel_send(ends[0], KE_MESSAGE_STATUS, NULL, 0, NULL, 0));
	assert_true(ke_channel_send(ends[1], KE_MESSAGE_REPLY, "two\0", 5, NULL, 0));
	assert_int_equal(ke_channel_take(ends[1], &message), 1);
	assert_int_equal(message.type, KE_MESSAGE_KEYS);
	assert_string_equal((const char *)message.body, "one");
	assert_int_equal(ke_channel_take(ends[1], &message), 1);
	assert_int_equal(message.type, KE_MESSAGE_STATUS);
	assert_string_equal((const char *)message.body, "");
	assert_int_equal(ke_channel_take(ends[0], &message), 1);
	assert_int_equal(message.size, 5);
	assert_memory_equal(message.body, "two\0", 5);
}

static void test_longest(void **state)
{
	static uint8_t body[KE_CHANNEL_BODY + 1];

	(void)state;
	memset(body, 0x5a, sizeof(body));
	assert_false(ke_channel_send(ends[0], KE_MESSAGE_REPLY, body, KE_CHANNEL_BODY + 1, NULL, 0));
	assert_int_equal(errno, EMSGSIZE);
	assert_true(ke_channel_send(ends[0], KE_MESSAGE_REPLY, body, KE_CHANNEL_BODY, NULL, 0));
	assert_int_equal(ke_channel_take(ends[1], &message), 1);
	assert_int_equal(message.size, KE_CHANNEL_BODY);
	assert_memory_equal(message.body, body, KE_CHANNEL_BODY);
	assert_int_equal(message.body[KE_CHANNEL_BODY], 0);
}

static void test_descriptors(void **state)
{
	int files[KE_CHANNEL_DESCRIPTORS];
	const unsigned before = descriptors_of_process();
	struct stat sent, taken;

	(void)state;
	for (unsigned i = 0; i < KE_CHANNEL_DESCRIPTORS; i++) {
		files[i] = open(i % 2 ? "/dev/null" : "/dev/zero", O_RDONLY);
		assert_true(files[i] >= 0);
	}
	for (unsigned n = 1; n <= KE_CHANNEL_DESCRIPTORS; n++) {
		assert_true(ke_channel_send(ends[0], KE_MESSAGE_IDENTITIES, "x", 1, files, n));
		assert_int_equal(ke_channel_take(ends[1], &message), 1);
		assert_int_equal(message.descriptors, n);
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(fcntl(message.descriptor[i], F_GETFD), FD_CLOEXEC);
			assert_int_equal(fstat(files[i], &sent), 0);
			assert_int_equal(fstat(message.descriptor[i], &taken), 0);
			assert_int_equal(sent.st_rdev, taken.st_rdev);
		}
		ke_message_drop(&message);
	}
	assert_false(
		ke_channel_send(ends[0], KE_MESSAGE_IDENTITIES, "x", 1, files, KE_CHANNEL_DESCRIPTORS + 1));
	for (unsigned i = 0; i < KE_CHANNEL_DESCRIPTORS; i++)
		close(files[i]);
	assert_int_equal(descriptors_of_process(), before);
}

/* Who is out of descriptors gets the message with those for which there is room. */
static void test_out_of_descriptors(void **state)
{
	const int files[4] = {0, 1, 2, 0};
	const unsigned before = descriptors_of_process();
	struct rlimit old, low;
	unsigned got;
	int lowest = dup(0);

	(void)state;
	close(lowest);
	assert_true(ke_channel_send(ends[0], KE_MESSAGE_IDENTITIES, "body", 4, files, 4));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = (rlim_t)lowest + 2;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(ke_channel_take(ends[1], &message), 1);
	got = message.descriptors;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_string_equal((const char *)message.body, "body");
	assert_in_range(got, 0, 2);
	ke_message_drop(&message);
	assert_int_equal(descriptors_of_process(), before);
}

static void test_drop_erases(void **state)
{
	static const uint8_t zero[6];

	(void)state;
	assert_true(ke_channel_send(ends[0], KE_MESSAGE_SAVE, "secret", 6, NULL, 0));
	assert_int_equal(ke_channel_take(ends[1], &message), 1);
	ke_message_drop(&message);
	assert_memory_equal(message.body, zero, 6);
	assert_int_equal(message.size, 0);
}

static void test_gone(void **state)
{
	(void)state;
	assert_true(ke_channel_send(ends[0], KE_MESSAGE_READY, NULL, 0, NULL, 0));
	close(ends[0]);
	assert_int_equal(ke_channel_take(ends[1], &message), 1);
	assert_int_equal(ke_channel_take(ends[1], &message), -1);
	assert_false(ke_channel_send(ends[1], KE_MESSAGE_REPLY, "x", 1, NULL, 0));
	ends[0] = dup(0);
}

/* Too long, and no octet at all: neither is a message; descriptors of theirs do not stay open. */
static void test_no_messages(void **state)
{
	static uint8_t octets[KE_CHANNEL_BODY + 2];

	(void)state;
	octets[0] = KE_MESSAGE_REPLY;
	assert_int_equal(send(ends[0], octets, sizeof(octets), 0), sizeof(octets));
	assert_int_equal(ke_channel_take(ends[1], &message), -1);
	assert_int_equal(send(ends[0], octets, 0, 0), 0);
	assert_int_equal(ke_channel_take(ends[1], &message), -1);
	assert_int_equal(message.descriptors, 0);
}

/* A side that does not read does not stop the other. */
static void test_full(void **state)
{
	static uint8_t body[KE_CHANNEL_BODY];
	unsigned sent = 0, taken = 0;

	(void)state;
	while (sent < 10000 && ke_channel_send(ends[0], KE_MESSAGE_SAVE, body, sizeof(body), NULL, 0))
		sent++;
	assert_in_range(sent, 1, 9999);
	assert_true(errno == EAGAIN || errno == ENOBUFS);
	while (ke_channel_take(ends[1], &message) == 1)
		taken++;
	assert_int_equal(taken, sent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, open_ends, close_ends),
		cmocka_unit_test_setup_teardown(test_order_and_bodies, open_ends, close_ends),
		cmocka_unit_test_setup_teardown(test_longest, open_ends, close_ends),
		cmocka_unit_test_setup_teardown(test_descriptors, open_ends, close_ends),
		cmocka_unit_test_setup_teardown(test_out_of_descriptors, open_ends, close_ends),
		cmocka_unit_test_setup_teardown(test_drop_erases, open_ends, close_ends),
		cmocka_unit_test_setup_teardown(test_gone, open_ends, close_ends),
		cmocka_unit_test_setup_teardown(test_no_messages, open_ends, close_ends),
		cmocka_unit_test_setup_teardown(test_full, open_ends, close_ends),
	};

	return cmocka_run_group_tests_name("ke channel", tests, NULL, NULL);
}
