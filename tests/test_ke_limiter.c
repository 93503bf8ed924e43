/* The limit on an address's connections: control/ke_limiter.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "control/ke_limiter.h"

static const uint64_t second = 1000000000;
static const uint8_t key[KE_LIMITER_KEY] = "0123456789abcde";

static struct ke_limiter *make(int interval, unsigned burst, unsigned leak)
{
	const struct ke_limiter_rate rate = {.interval = interval, .burst = burst, .leak = leak};
	struct ke_limiter *l = ke_limiter_new(&rate, key);

	assert_non_null(l);
	return l;
}

static bool allow(struct ke_limiter *l, const char *address, uint64_t now_ns)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_in v4 = {.sin_family = AF_INET};

	if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
		return ke_limiter_allow(l, (const struct sockaddr *)&v4, now_ns);
	assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
	return ke_limiter_allow(l, (const struct sockaddr *)&v6, now_ns);
}

static bool allow_number(struct ke_limiter *l, uint32_t address, uint64_t now_ns)
{
	const struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};

	return ke_limiter_allow(l, (const struct sockaddr *)&v4, now_ns);
}

/* How many of `tries` at once come through. */
static unsigned come_through(struct ke_limiter *l, const char *address, uint64_t now_ns, unsigned tries)
{
	unsigned n = 0;

	while (tries-- > 0)
		n += allow(l, address, now_ns);
	return n;
}

static void test_burst(void **state)
{
	static const unsigned bursts[] = {1, 2, 8, 255};

	(void)state;
	for (size_t i = 0; i < sizeof(bursts) / sizeof(bursts[0]); i++) {
		struct ke_limiter *l = make(6, bursts[i], 0);

		assert_int_equal(come_through(l, "192.0.2.1", 5 * second, 1000), bursts[i]);
		assert_int_equal(come_through(l, "192.0.2.1", 69 * second - 1, 1000), 0);
		assert_int_equal(come_through(l, "192.0.2.1", 69 * second, 1000), 1);
		assert_int_equal(come_through(l, "192.0.2.1", 100000 * second, 1000), bursts[i]);
		ke_limiter_free(l);
	}
}

static void test_intervals(void **state)
{
	(void)state;
	for (int interval = KE_LIMITER_INTERVAL_MIN; interval <= KE_LIMITER_INTERVAL_MAX; interval++) {
		const uint64_t step = interval >= 0 ? second << interval : second >> -interval;
		struct ke_limiter *l = make(interval, 3, 0);

		assert_int_equal(come_through(l, "192.0.2.1", second, 10), 3);
		for (uint64_t n = 1; n < 50; n++) {
			assert_false(allow(l, "192.0.2.1", second + n * step - 1));
			assert_true(allow(l, "192.0.2.1", second + n * step));
		}
		ke_limiter_free(l);
	}
}

/* What is refused costs nothing: who knocks all the time gets as much as who waits. */
static void test_refused_costs_nothing(void **state)
{
	struct ke_limiter *l = make(0, 4, 0);
	unsigned n = 0;

	(void)state;
	for (uint64_t ms = 0; ms < 100000; ms++)
		n += allow(l, "192.0.2.1", second + ms * 1000000);
	assert_int_equal(n, 4 + 99);
	ke_limiter_free(l);
}

static void test_leak(void **state)
{
	(void)state;
	for (unsigned leak = 1; leak <= KE_LIMITER_LEAK_MAX; leak++) {
		struct ke_limiter *l = make(12, 1, leak);
		const unsigned tries = 64000, expected = tries >> leak;
		unsigned n;

		assert_true(allow(l, "192.0.2.1", second));
		n = come_through(l, "192.0.2.1", second, tries);
		assert_in_range(n, expected - expected / 10, expected + expected / 10);
		ke_limiter_free(l);
	}
}

static void test_prefixes(void **state)
{
	struct ke_limiter *l = make(12, 1, 0);

	(void)state;
	assert_true(allow(l, "192.0.2.1", second));
	assert_true(allow(l, "192.0.2.2", second));
	assert_false(allow(l, "192.0.2.1", second));
	assert_true(allow(l, "2001:db8:0:1::1", second));
	assert_false(allow(l, "2001:db8:0:1:ffff::2", second));
	assert_true(allow(l, "2001:db8:0:2::1", second));
	/* the same 64 bits as 0.0.0.0 */
	assert_true(allow(l, "::1", second));
	assert_true(allow(l, "0.0.0.0", second));
	ke_limiter_free(l);
}

static void test_other_families(void **state)
{
	const struct sockaddr local = {.sa_family = AF_UNIX};
	struct ke_limiter *l = make(12, 1, 0);

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_true(ke_limiter_allow(l, &local, second));
	ke_limiter_free(l);
}

/* Far more addresses than there is room for: each comes through once, and the memory is what it was. */
static void test_flood(void **state)
{
	struct ke_limiter *l = make(4, 1, 0);

	(void)state;
	for (uint32_t i = 0; i < 5 * KE_LIMITER_ADDRESSES; i++)
		assert_true(allow_number(l, i, second + i));
	ke_limiter_free(l);
}

/* A flood of addresses that come once pushes out each other rather than one that is far beyond its rate. */
static void test_flood_beside_greedy(void **state)
{
	struct ke_limiter *l = make(4, 8, 0);
	uint64_t now = second;
	unsigned n = 0;

	(void)state;
	for (uint32_t i = 0; i < 3 * KE_LIMITER_ADDRESSES; i++, now += 1000) {
		n += allow(l, "198.51.100.1", now);
		assert_true(allow_number(l, 0x0a000000 + i, now));
	}
	assert_int_equal(n, 8);
	ke_limiter_free(l);
}

/* Beside a plain model with room for all, as long as none has to be forgotten. */
static void test_random(void **state)
{
	enum { ADDRESSES = 40 };
	static const double interval = 0.25;
	struct ke_limiter *l = make(-2, 5, 0);
	double tokens[ADDRESSES], then[ADDRESSES];
	uint64_t ticks = 0;

	(void)state;
	srandom(1);
	for (unsigned i = 0; i < ADDRESSES; i++) {
		tokens[i] = 5;
		then[i] = 0;
	}
	for (unsigned i = 0; i < 200000; i++) {
		const uint32_t a = (uint32_t)(random() % ADDRESSES);
		double now;
		bool expected;

		ticks += (uint64_t)(random() % 8);
		now = (double)ticks / 1024;
		tokens[a] += (now - then[a]) / interval;
		tokens[a] = tokens[a] > 5 ? 5 : tokens[a];
		then[a] = now;
		expected = tokens[a] >= 1;
		tokens[a] -= expected;
		/* a tick is 2^-10 s and thus exact in both */
		assert_int_equal(allow_number(l, a, ticks * (second >> 9) / 2), expected);
	}
	ke_limiter_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_intervals),
		cmocka_unit_test(test_refused_costs_nothing),
		cmocka_unit_test(test_leak),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_other_families),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_flood_beside_greedy),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("ke limiter", tests, NULL, NULL);
}
