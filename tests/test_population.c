/* Whom a load plays: bench/population.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/population.h"
#include "bench/random.h"

enum { PICKS = 1000000 };

static struct population made_with(const char *prefixes, uint32_t clients, double exponent)
{
	struct population population;
	char text[200] = "";

	if (!population_init(&population, prefixes, clients, exponent, text, sizeof(text)))
		fail_msg("%s: %s", prefixes, text);
	return population;
}

static struct population made(const char *prefixes, uint32_t clients)
{
	return made_with(prefixes, clients, 0);
}

/* As people write it; the family is what population_address says. */
static const char *text_of(const struct population *population, uint32_t client)
{
	static char text[INET6_ADDRSTRLEN];
	uint8_t address[16];

	if (population_address(population, client, address))
		return inet_ntop(AF_INET6, address, text, sizeof(text));
	assert_memory_equal(address, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
	return inet_ntop(AF_INET, address + 12, text, sizeof(text));
}

static void parse(const char *text, uint8_t address[16])
{
	memcpy(address, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
	if (inet_pton(AF_INET, text, address + 12) != 1)
		assert_int_equal(inet_pton(AF_INET6, text, address), 1);
}

static bool is_ours(const struct population *population, const char *text)
{
	uint8_t address[16];
	uint32_t client;

	parse(text, address);
	return population_client(population, address, &client);
}

static void assert_inverse(const struct population *population, uint32_t client)
{
	uint8_t address[16];
	uint32_t found = UINT32_MAX;

	(void)population_address(population, client, address);
	assert_true(population_client(population, address, &found));
	assert_int_equal(found, client);
}

static void assert_all(const char *prefixes, unsigned clients, const char *const *expected)
{
	struct population population = made(prefixes, clients);

	for (unsigned i = 0; i < clients; i++) {
		assert_string_equal(text_of(&population, i), expected[i]);
		assert_inverse(&population, i);
	}
}

static void assert_room(const char *prefix, uint32_t room)
{
	struct population population;
	char text[200], sentence[40];

	(void)made(prefix, room);
	snprintf(sentence, sizeof(sentence), "room for %u addresses", room);
	if (room == POPULATION_MAX)
		return;
	assert_false(population_init(&population, prefix, room + 1, 0, text, sizeof(text)));
	assert_non_null(strstr(text, sentence));
}

static void test_small_prefixes(void **state)
{
	(void)state;
	assert_all("192.0.2.4/30", 2, (const char *[]){"192.0.2.5", "192.0.2.6"});
	assert_all("192.0.2.4/31", 2, (const char *[]){"192.0.2.4", "192.0.2.5"});
	assert_all("192.0.2.5/32", 1, (const char *[]){"192.0.2.5"});
	assert_all("192.0.2.5", 1, (const char *[]){"192.0.2.5"});
	assert_all("2001:db8::/126", 3, (const char *[]){"2001:db8::1", "2001:db8::2", "2001:db8::3"});
	assert_all("2001:db8::/127", 2, (const char *[]){"2001:db8::", "2001:db8::1"});
	assert_all("2001:db8::7/128", 1, (const char *[]){"2001:db8::7"});
	assert_all("2001:db8::7", 1, (const char *[]){"2001:db8::7"});
	assert_all("2001:db8::/62", 6,
		(const char *[]){"2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:3::1",
			"2001:db8::2", "2001:db8:0:1::2"});
	assert_all("2001:db8::/32", 3, (const char *[]){"2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:2::1"});
	assert_all("::/0", 2, (const char *[]){"::1", "::1:0:0:0:1"});
	assert_all("2001:db8::4,192.0.2.1", 2, (const char *[]){"2001:db8::4", "192.0.2.1"});
}

static void test_room(void **state)
{
	char prefix[64];

	(void)state;
	for (unsigned length = 0; length <= 30; length++) {
		uint64_t room = (UINT64_C(1) << (32 - length)) - 2;

		snprintf(prefix, sizeof(prefix), "0.0.0.0/%u", length);
		assert_room(prefix, room > POPULATION_MAX ? POPULATION_MAX : (uint32_t)room);
	}
	for (unsigned length = 0; length <= 126; length++) {
		uint64_t room = length <= 103 ? POPULATION_MAX : (UINT64_C(1) << (128 - length)) - 1;

		snprintf(prefix, sizeof(prefix), "::/%u", length);
		assert_room(prefix, room > POPULATION_MAX ? POPULATION_MAX : (uint32_t)room);
	}
	assert_room("10.0.0.0/31", 2);
	assert_room("10.0.0.0/32", 1);
	assert_room("fd00::/127", 2);
	assert_room("fd00::/128", 1);
	assert_room("10.0.0.0/30,fd00::/126,10.0.1.0/24", 2 + 3 + 254);
}

/* Neither network nor broadcast address, in a full prefix of each length. */
static void test_no_network_nor_broadcast(void **state)
{
	(void)state;
	for (unsigned length = 12; length <= 30; length++) {
		uint32_t size = UINT32_C(1) << (32 - length), client;
		struct population population;
		uint8_t address[16];
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "172.16.0.0/%u", length);
		population = made(prefix, size - 2);
		parse("172.16.0.0", address);
		assert_false(population_client(&population, address, &client));
		for (unsigned bit = 0; bit < 32 - length; bit++)
			address[15 - bit / 8] |= (uint8_t)(1 << bit % 8);
		assert_false(population_client(&population, address, &client));
		address[15]--;
		assert_true(population_client(&population, address, &client));
		assert_int_equal(client, size - 3);
	}
}

/* A million in four prefixes: each address once. */
static void test_distinct(void **state)
{
	const uint32_t clients = 1 << 20;
	struct population population = made("10.0.0.0/13,10.8.0.0/20,10.128.0.0/11,10.64.0.0/30", clients);
	uint8_t *seen = calloc(1 << 24, 1);

	(void)state;
	for (uint32_t client = 0; client < clients; client++) {
		uint8_t address[16];
		uint32_t place;

		assert_false(population_address(&population, client, address));
		assert_int_equal(address[12], 10);
		place = (uint32_t)(address[13] << 16 | address[14] << 8 | address[15]);
		assert_int_equal(seen[place]++, 0);
	}
	free(seen);
}

static void check_inverse(const char *prefixes, uint32_t clients)
{
	struct population population = made(prefixes, clients);
	uint64_t seed = clients;

	for (unsigned i = 0; i < population.prefixes; i++) {
		assert_inverse(&population, population.prefix[i].first);
		assert_inverse(&population, population.prefix[i].first + population.prefix[i].count - 1);
	}
	for (unsigned i = 0; i < 100000; i++)
		assert_inverse(&population, (uint32_t)(random_next(&seed) % clients));
}

static void test_inverse(void **state)
{
	(void)state;
	check_inverse("10.0.0.0/8", 16777214);
	check_inverse("10.0.0.0/8,fd00::/64", POPULATION_MAX);
	check_inverse("2001:db8::/32", POPULATION_MAX);
	check_inverse("2001:db8::/48,2001:db8:1::/104,192.168.0.0/16", POPULATION_MAX);
	check_inverse("::/0,0.0.0.0/0", POPULATION_MAX);
	check_inverse("8000::/1,::fffe:0:0/95,10.0.0.0/9", POPULATION_MAX);
	check_inverse("2001:db8:0:8::/61,2001:db8::/63,10.1.0.0/28,10.0.0.0/16", 65536);
}

static void test_others_are_not_ours(void **state)
{
	struct population population = made("10.0.0.0/24,2001:db8::/63,10.0.1.0/31,2001:db8:1::/120", 400);
	uint64_t seed = 7;

	(void)state;
	assert_true(is_ours(&population, "10.0.0.1"));
	assert_false(is_ours(&population, "10.0.0.0"));
	assert_false(is_ours(&population, "10.0.0.255"));
	assert_true(is_ours(&population, "10.0.1.0"));
	assert_false(is_ours(&population, "10.0.1.2"));
	assert_false(is_ours(&population, "9.255.255.255"));
	assert_true(is_ours(&population, "2001:db8::1"));
	assert_true(is_ours(&population, "2001:db8:0:1::1"));
	assert_false(is_ours(&population, "2001:db8:0:2::1"));
	assert_false(is_ours(&population, "2001:db8::"));
	assert_false(is_ours(&population, "2001:db8:0:1::"));
	assert_false(is_ours(&population, "2001:db8::1:0:0:1"));
	assert_false(is_ours(&population, "2001:db8::ffff:ffff:ffff:ffff"));
	assert_false(is_ours(&population, "2001:db8:1::100"));
	assert_false(is_ours(&population, "::10.0.0.1")); /* not mapped */
	/* one bit off is another client or none, never the same */
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t client = (uint32_t)(random_next(&seed) % 400), found, bit = i % 128;
		uint8_t address[16], again[16];

		(void)population_address(&population, client, address);
		address[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (!population_client(&population, address, &found))
			continue;
		assert_in_range(found, 0, 399);
		assert_int_not_equal(found, client);
		(void)population_address(&population, found, again);
		assert_memory_equal(again, address, 16);
	}
}

/* How many each prefix got. */
static void assert_dealt(const char *prefixes, uint32_t clients, const uint32_t *counts)
{
	struct population population = made(prefixes, clients);
	uint32_t first = 0;

	for (unsigned i = 0; i < population.prefixes; i++) {
		assert_int_equal(population.prefix[i].count, counts[i]);
		assert_int_equal(population.prefix[i].first, first);
		first += counts[i];
	}
	assert_int_equal(first, clients);
}

static void test_dealing(void **state)
{
	(void)state;
	assert_dealt("10.0.0.0/24,10.0.1.0/24", 100, (uint32_t[]){50, 50});
	assert_dealt("fd00::/64,fd01::/64", 1000001, (uint32_t[]){500001, 500000});
	assert_dealt("10.0.0.0/23,10.0.2.0/24", 385, (uint32_t[]){257, 128});
	assert_dealt("10.0.0.0/30,10.0.1.0/24,fd00::1", 257, (uint32_t[]){2, 254, 1}); /* all full */
	assert_dealt("fd00::/64,10.0.0.0/30", 100, (uint32_t[]){99, 1});
	assert_dealt("fd00::/64,10.0.0.0/30,10.0.1.1", 3, (uint32_t[]){1, 1, 1});
	assert_dealt("fd00::/64,10.0.0.0/30,10.0.1.1", 2, (uint32_t[]){1, 1, 0});
	assert_dealt("10.0.1.1,10.0.1.3,10.0.1.5", 3, (uint32_t[]){1, 1, 1});
}

/* Any prefixes and any number: no more than there is room for, at most one off the proportion. */
static void test_dealing_at_random(void **state)
{
	uint64_t seed = 8;

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		unsigned prefixes = 1 + random_next(&seed) % POPULATION_PREFIXES, used = 0;
		struct population population;
		char text[POPULATION_PREFIXES * 20];
		uint64_t room = 0, dealt = 0;
		uint32_t clients;

		for (unsigned i = 0; i < prefixes; i++)
			used += (unsigned)snprintf(text + used, sizeof(text) - used, "%s10.%u.0.0/%u",
				i ? "," : "", i, (unsigned)(16 + random_next(&seed) % 17));
		population = made(text, 1);
		for (unsigned i = 0; i < prefixes; i++)
			room += population.prefix[i].clients;
		clients = (uint32_t)(1 + random_next(&seed) % room);
		population = made(text, clients);
		for (unsigned i = 0; i < prefixes; i++) {
			const struct population_prefix *prefix = &population.prefix[i];
			double part = (double)clients * prefix->clients / (double)room;

			assert_true(prefix->count <= prefix->clients);
			if (clients >= prefixes)
				assert_true(prefix->count >= 1 && fabs(prefix->count - part) < prefixes);
			dealt += prefix->count;
		}
		assert_int_equal(dealt, clients);
	}
}

static void assert_refused(const char *prefixes, uint32_t clients, double exponent, const char *words)
{
	struct population population;
	char text[200] = "";

	assert_false(population_init(&population, prefixes, clients, exponent, text, sizeof(text)));
	if (!strstr(text, words))
		fail_msg("\"%s\" gave \"%s\", not \"%s\"", prefixes, text, words);
	(void)population_init(&population, prefixes, clients, exponent, text, 1);
	assert_int_equal(text[0], '\0');
}

static void test_bad_text(void **state)
{
	static const char *const bad[] = {"", ",", "10.0.0.0/8,", ",10.0.0.0/8", "10.0.0.0/8,,fd00::/8", "x",
		"10.0.0", "10.0.0.0.0/8", "256.0.0.0/8", " 10.0.0.0/8", "10.0.0.0 /8", "fd00:::/64",
		"fd00::g/64", "/8", "[fd00::]/64", "fe80::%eth0/64", "::ffff:10.0.0.0/104", "::ffff:0:0/96"};
	static const char *const lengths[] = {"10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8",
		"10.0.0.0/8x", "10.0.0.0/8/8", "10.0.0.0/0008", "10.0.0.0/ 8", "10.0.0.0/264"};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(bad[i], 1, 0, "is none");
	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		assert_refused(lengths[i], 1, 0, "its length must be 0 to 32");
	assert_refused("fd00::/129", 1, 0, "its length must be 0 to 128");
	assert_refused("fd00::/64,0123456789012345678901234567890123456789012345678901234567890123", 1, 0,
		"\"01234567890123456789012345678901234567890123456789...\" is none: it is too long");
	assert_refused("10.0.0.0/8,012345678901234567890123456789012345678901234567890123456789012", 1, 0,
		"is none: as");
}

static void test_bits_beyond_the_length(void **state)
{
	(void)state;
	assert_refused("10.1.2.3/8", 1, 0, "bits set beyond its length: 10.0.0.0/8 is meant?");
	assert_refused("192.0.2.5/31", 1, 0, ": 192.0.2.4/31 is meant?");
	assert_refused("128.0.0.0/0", 1, 0, ": 0.0.0.0/0 is meant?");
	assert_refused("2001:db8::1/64", 1, 0, ": 2001:db8::/64 is meant?");
	assert_refused("2001:db8:0:1::/63", 1, 0, ": 2001:db8::/63 is meant?");
	assert_refused("ffff::/1", 1, 0, ": 8000::/1 is meant?");
	assert_refused("fd00::3/127", 1, 0, ": fd00::2/127 is meant?");
}

static void test_overlaps(void **state)
{
	(void)state;
	assert_refused("10.0.0.0/8,10.0.0.0/8", 1, 0, "\"10.0.0.0/8\" overlaps with number 1");
	assert_refused("192.0.2.1,10.1.0.0/16,10.0.0.0/8", 1, 0, "\"10.0.0.0/8\" overlaps with number 2");
	assert_refused("10.0.0.0/8,10.1.0.0/16", 1, 0, "overlaps");
	assert_refused("fd00::/8,fd12::1", 1, 0, "overlaps");
	assert_refused("fd12::/64,::/0", 1, 0, "overlaps");
	(void)made("10.0.0.0/9,10.128.0.0/9,::/0", 3); /* the families do not meet, mapped or not */
}

static void test_numbers_out_of_range(void **state)
{
	char many[17 * 12] = "";

	(void)state;
	assert_refused("10.0.0.0/8", 0, 0, "0 clients");
	assert_refused("fd00::/64", POPULATION_MAX + 1, 0, "16777217 clients");
	assert_refused("10.0.0.0/8", POPULATION_MAX, 0, "room for 16777214 addresses");
	assert_refused("10.0.0.0/8", 1, -0.1, "exponent of -0.1");
	assert_refused("10.0.0.0/8", 1, 4.1, "exponent of 4.1");
	assert_refused("10.0.0.0/8", 1, NAN, "exponent of nan");
	for (unsigned i = 0; i < 17; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "%s10.0.%u.0/24", i ? "," : "", i);
	assert_refused(many, 1, 0, "more than 16 prefixes");
}

/* Whatever the octets, it is refused or it holds what it promises. */
static void test_random_text(void **state)
{
	static const char letters[] = "0123456789abcdf:./,,::1/8 ";
	uint64_t seed = 9;
	unsigned good = 0;

	(void)state;
	for (unsigned round = 0; round < 300000; round++) {
		size_t size = random_next(&seed) % 16;
		struct population population;
		char prefixes[16] = "", text[200];

		for (size_t i = 0; i < size; i++)
			prefixes[i] = letters[random_next(&seed) % (sizeof(letters) - 1)];
		if (!population_init(&population, prefixes, 1, 1, text, sizeof(text)))
			continue;
		assert_inverse(&population, 0);
		good++;
	}
	assert_true(good > 20);
}

/* Below what it exceeds once in a million (Wilson, Hilferty 1931). */
static double chi_square_limit(double freedom)
{
	double part = 2 / (9 * freedom);

	return freedom * pow(1 - part + 4.75 * sqrt(part), 3);
}

/* The picks of each rank beside its exact probability; ranks that are too seldom are taken together. */
static void check_zipf(uint32_t clients, double exponent, uint64_t seed)
{
	struct population population = made_with("10.0.0.0/16,fd00::/64", clients, exponent);
	uint32_t *counts = calloc(clients, sizeof(*counts));
	double all = 0, chi_square = 0, expected = 0, got = 0, freedom = -1;

	for (unsigned i = 0; i < PICKS; i++) {
		uint32_t client = population_pick(&population, &seed);

		assert_true(client < clients);
		counts[client]++;
	}
	for (uint32_t k = clients; k > 0; k--)
		all += pow(k, -exponent);
	for (uint32_t k = clients; k > 0; k--) { /* from the rarest on */
		expected += PICKS * pow(k, -exponent) / all;
		got += counts[(uint64_t)(k - 1) * population.stride % clients];
		if (expected < 20 && k > 1)
			continue;
		chi_square += (got - expected) * (got - expected) / expected;
		freedom++;
		expected = got = 0;
	}
	free(counts);
	if (freedom < 1)
		assert_true(chi_square < 1e-9);
	else
		assert_true(chi_square < chi_square_limit(freedom));
}

static void test_zipf(void **state)
{
	static const double exponents[] = {0, 0.5, 0.999999, 1, 1.000001, 1.3, 2, 4};
	static const uint32_t clients[] = {1, 2, 3, 10, 100, 5000};

	(void)state;
	for (unsigned i = 0; i < sizeof(exponents) / sizeof(exponents[0]); i++)
		for (unsigned j = 0; j < sizeof(clients) / sizeof(clients[0]); j++)
			check_zipf(clients[j], exponents[i], i * 16 + j);
}

/* Two ranks are never the same client. */
static void test_stride(void **state)
{
	(void)state;
	for (uint32_t clients = 1; clients <= 1000; clients++) {
		struct population population = made("fd00::/64", clients);
		uint8_t seen[1000] = {0};

		for (uint64_t rank = 0; rank < clients; rank++)
			assert_int_equal(seen[rank * population.stride % clients]++, 0);
	}
}

/* Who asks often is not all in the first prefix. */
static void test_frequent_clients_are_spread(void **state)
{
	struct population population = made_with("10.0.0.0/12,10.16.0.0/12", 1000000, 1);
	unsigned second = 0;

	(void)state;
	for (uint64_t rank = 0; rank < 100; rank++)
		second += rank * population.stride % 1000000 >= population.prefix[1].first;
	assert_in_range(second, 40, 60);
}

/* The generator's state says how often it was drawn from: it goes up by the same odd number each time. */
static void check_draws(uint32_t clients, double exponent)
{
	struct population population = made_with("2001:db8::/32", clients, exponent);
	uint64_t inverse = 1, seed = 3, start = seed, step = 0;
	double draws;

	(void)random_next(&step);
	for (unsigned i = 0; i < 6; i++)
		inverse *= 2 - step * inverse; /* Newton's, modulo 2^64 */
	for (unsigned i = 0; i < 20000; i++)
		assert_true(population_pick(&population, &seed) < clients);
	draws = (double)((seed - start) * inverse) / 20000;
	assert_true(draws >= 1 && draws < 1.5);
}

static void test_constant_time(void **state)
{
	(void)state;
	for (uint32_t clients = 1; clients <= POPULATION_MAX; clients *= 8)
		for (double exponent = 0; exponent <= 4; exponent += 0.125)
			check_draws(clients, exponent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_prefixes),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_no_network_nor_broadcast),
		cmocka_unit_test(test_distinct),
		cmocka_unit_test(test_inverse),
		cmocka_unit_test(test_others_are_not_ours),
		cmocka_unit_test(test_dealing),
		cmocka_unit_test(test_dealing_at_random),
		cmocka_unit_test(test_bad_text),
		cmocka_unit_test(test_bits_beyond_the_length),
		cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_numbers_out_of_range),
		cmocka_unit_test(test_random_text),
		cmocka_unit_test(test_zipf),
		cmocka_unit_test(test_stride),
		cmocka_unit_test(test_frequent_clients_are_spread),
		cmocka_unit_test(test_constant_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
