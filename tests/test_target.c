/* Whom a load is for: bench/target.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "bench/random.h"
#include "bench/target.h"

enum { PORT = 4460, ERROR = 512 };

static void is_split(const char *text, const char *host, uint16_t port)
{
	char found[TARGET_HOST], error[ERROR] = "";
	uint16_t found_port;

	if (!target_split(text, PORT, found, &found_port, error, sizeof(error)))
		fail_msg("%s: %s", text, error);
	assert_string_equal(found, host);
	assert_int_equal(found_port, port);
}

static void is_refused(const char *text, const char *because)
{
	char found[TARGET_HOST], error[ERROR] = "";
	uint16_t port;

	if (target_split(text, PORT, found, &port, error, sizeof(error)))
		fail_msg("%s was taken", text);
	if (!strstr(error, because))
		fail_msg("%s: %s", text, error);
}

static void test_splits(void **state)
{
	(void)state;
	is_split("time.example", "time.example", PORT);
	is_split("time.example:1", "time.example", 1);
	is_split("10.0.0.1:65535", "10.0.0.1", 65535);
	is_split("10.0.0.1:00001", "10.0.0.1", 1);
	is_split("[fd00::1]:123", "fd00::1", 123);
	is_split("[fd00::1]", "fd00::1", PORT);
	is_split("fd00::1", "fd00::1", PORT);
	is_split("fe80::1%eth0", "fe80::1%eth0", PORT);
	is_split("[fe80::1%eth0]:5", "fe80::1%eth0", 5);
	is_split("::", "::", PORT);
}

static void test_refuses(void **state)
{
	static const char *const shapes[] = {
		"", ":", ":123", "[", "[]", "[]:1", "[::1", "[::1]1", "[::1]]:1"};
	static const char *const ports[] = {"h:", "h:0", "h:65536", "h:+1", "h: 1", "h:-1", "h:1x",
		"h:000001", "h:4294967297", "h:99999999999999999999", "[::1]:", "[::1]:x"};

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		is_refused(shapes[i], "expected HOST");
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		is_refused(ports[i], "from 1 to 65535");
}

static void test_longest_name(void **state)
{
	char name[TARGET_HOST + 1];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[TARGET_HOST - 1] = '\0';
	is_split(name, name, PORT);
	name[TARGET_HOST - 1] = 'a';
	name[TARGET_HOST] = '\0';
	is_refused(name, "at most 255");
}

/* Nothing that can be typed overruns, and what is taken has a host and a port. */
static void test_any_text(void **state)
{
	static const char alphabet[] = "[]:%.a01259";
	uint64_t random = 14;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char text[16], host[TARGET_HOST] = "", error[ERROR] = "";
		const size_t length = random_next(&random) % sizeof(text);
		uint16_t port = 0;

		for (size_t k = 0; k < length; k++)
			text[k] = alphabet[random_next(&random) % (sizeof(alphabet) - 1)];
		text[length] = '\0';
		if (target_split(text, PORT, host, &port, error, sizeof(error)))
			assert_true(host[0] && port && strstr(text, host));
		else
			assert_true(error[0]);
	}
}

static bool ours(const char *text)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};

	if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
		return target_is_ours((const struct sockaddr *)&four);
	assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
	return target_is_ours((const struct sockaddr *)&six);
}

/* The first and last address of each range, and those beside it. */
static void test_ours(void **state)
{
	static const char *const own[] = {"127.0.0.0", "127.255.255.255", "10.0.0.0", "10.255.255.255",
		"172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255", "169.254.0.0",
		"169.254.255.255", "100.64.0.0", "100.127.255.255", "198.18.0.0", "198.19.255.255", "::1",
		"fc00::", "fdff:ffff::1", "fe80::", "febf:ffff::", "2001:2::", "2001:2:0:ffff::1",
		"::ffff:10.0.0.1", "::ffff:198.18.0.1"};
	static const char *const others[] = {"126.255.255.255", "128.0.0.0", "9.255.255.255", "11.0.0.0",
		"172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "169.253.255.255",
		"169.255.0.0", "100.63.255.255", "100.128.0.0", "198.17.255.255", "198.20.0.0", "0.0.0.0",
		"8.8.8.8", "224.0.1.1", "255.255.255.255", "192.0.2.1", "::", "::2",
		"fbff::", "fe00::", "fe7f::", "fec0::", "ff02::101",
		"2001:1:ffff::", "2001:2:1::", "2001:db8::1", "2001:4860::", "::ffff:8.8.8.8", "::10.0.0.1",
		"64:ff9b::a00:1"};
	const struct sockaddr local = {.sa_family = AF_UNIX};

	(void)state;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!ours(own[i]))
			fail_msg("%s is not ours", own[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (ours(others[i]))
			fail_msg("%s is ours", others[i]);
	assert_false(target_is_ours(&local));
}

static void test_parses(void **state)
{
	struct target target;
	char error[ERROR];

	(void)state;
	assert_true(target_parse(&target, "127.0.0.1:77", PORT, AF_UNSPEC, error, sizeof(error)));
	assert_string_equal(target.host, "127.0.0.1");
	assert_string_equal(target.text, "127.0.0.1:77");
	assert_int_equal(target.port, 77);
	assert_int_equal(target.address_length, sizeof(struct sockaddr_in));
	assert_int_equal(ntohs(((struct sockaddr_in *)(void *)&target.address)->sin_port), 77);
	assert_true(target.ours);
	assert_true(target_parse(&target, "::1", PORT, AF_INET6, error, sizeof(error)));
	assert_string_equal(target.text, "[::1]:4460");
	assert_false(target_parse(&target, "::1", PORT, AF_INET, error, sizeof(error)));
	assert_non_null(strstr(error, "'::1' is not found"));
	assert_false(target_parse(&target, "10.0.0.1:", PORT, AF_UNSPEC, error, sizeof(error)));
}

static void test_permits(void **state)
{
	struct target target;
	char error[ERROR] = "";

	(void)state;
	assert_true(target_parse(&target, "192.0.2.1", PORT, AF_UNSPEC, error, sizeof(error)));
	assert_false(target.ours);
	assert_false(target_permit(&target, false, error, sizeof(error)));
	assert_non_null(strstr(error, "192.0.2.1:4460"));
	assert_non_null(strstr(error, "--i-own-this-target"));
	assert_true(target_permit(&target, true, error, sizeof(error)));
	assert_true(target_parse(&target, "10.9.8.7", PORT, AF_UNSPEC, error, sizeof(error)));
	assert_true(target_permit(&target, false, error, sizeof(error)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_splits),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_longest_name),
		cmocka_unit_test(test_any_text),
		cmocka_unit_test(test_ours),
		cmocka_unit_test(test_parses),
		cmocka_unit_test(test_permits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
