#include "bench/population.h"

#include <arpa/inet.h>
#include <endian.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bench/random.h"

enum { NETWORKS_LOG2_MAX = 24, HOST_BITS = 64 };

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* An address as two numbers: the /64 network and the rest. */
struct halves {
	uint64_t network, host;
};

static struct halves halves_of(const uint8_t address[16])
{
	struct halves halves;

	memcpy(&halves, address, sizeof(halves));
	return (struct halves){be64toh(halves.network), be64toh(halves.host)};
}

/* The bits beyond a length. */
static struct halves free_bits(unsigned length)
{
	return (struct halves){
		length >= HOST_BITS ? 0 : UINT64_MAX >> length,
		length <= HOST_BITS ? UINT64_MAX
		: length == 128     ? 0
				    : UINT64_MAX >> (length - HOST_BITS),
	};
}

__attribute__((format(printf, 3, 4))) static bool refuse(char *text, unsigned size, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, size, format, arguments);
	va_end(arguments);
	return false;
}

/* IPv4 spelt as IPv6 would be a second name for the same. */
static bool parse_address(const char *item, struct population_prefix *prefix)
{
	char address[INET6_ADDRSTRLEN];
	size_t length = strcspn(item, "/");

	if (length >= sizeof(address))
		return false;
	memcpy(address, item, length);
	address[length] = '\0';
	if (inet_pton(AF_INET, address, prefix->address + sizeof(mapped)) == 1) {
		memcpy(prefix->address, mapped, sizeof(mapped));
		return true;
	}
	prefix->ipv6 = true;
	return inet_pton(AF_INET6, address, prefix->address) == 1 &&
	       memcmp(prefix->address, mapped, sizeof(mapped)) != 0;
}

/* One to three digits and nothing else; none at all is all bits. */
static bool parse_length(const char *item, struct population_prefix *prefix)
{
	const char *digits = strchr(item, '/');
	unsigned length = 0, most = prefix->ipv6 ? 128 : 32;

	if (!digits)
		length = most;
	else if (strlen(++digits) < 1 || strlen(digits) > 3 || digits[strspn(digits, "0123456789")])
		return false;
	while (digits && *digits)
		length = length * 10 + (unsigned)(*digits++ - '0');
	prefix->length = (uint8_t)(128 - most + length);
	return length <= most;
}

static bool check_free_bits(
	const struct population_prefix *prefix, const char *item, char *text, unsigned size)
{
	struct halves address = halves_of(prefix->address), mask = free_bits(prefix->length);
	struct halves kept = {htobe64(address.network & ~mask.network), htobe64(address.host & ~mask.host)};
	char right[INET6_ADDRSTRLEN] = "";

	if (memcmp(&kept, prefix->address, sizeof(kept)) == 0)
		return true;
	if (prefix->ipv6)
		inet_ntop(AF_INET6, &kept, right, sizeof(right));
	else
		inet_ntop(AF_INET, (const uint8_t *)&kept + sizeof(mapped), right, sizeof(right));
	return refuse(text, size, "prefix \"%s\" has bits set beyond its length: %s/%u is meant?", item,
		right, prefix->length - (prefix->ipv6 ? 0 : 96U));
}

static bool parse_prefix(struct population_prefix *prefix, const char *item, char *text, unsigned size)
{
	*prefix = (struct population_prefix){0};
	if (!parse_address(item, prefix))
		return refuse(text, size, "prefix \"%s\" is none: as 10.0.0.0/8 or 2001:db8::/64", item);
	if (!parse_length(item, prefix))
		return refuse(text, size, "prefix \"%s\": its length must be 0 to %d", item,
			prefix->ipv6 ? 128 : 32);
	return check_free_bits(prefix, item, text, size);
}

/* How many addresses of the prefix are left out at its start: one, or none where they are one or two. */
static unsigned skipped(const struct population_prefix *prefix)
{
	return prefix->length < 127;
}

static void set_room(struct population_prefix *prefix)
{
	uint64_t hosts = free_bits(prefix->length).host, room;
	unsigned networks_log2 = prefix->length < HOST_BITS ? HOST_BITS - prefix->length : 0;

	if (networks_log2 > NETWORKS_LOG2_MAX)
		networks_log2 = NETWORKS_LOG2_MAX;
	prefix->networks_log2 = (uint8_t)networks_log2;
	room = skipped(prefix) ? hosts - !prefix->ipv6 : hosts + 1;
	/* a /64 alone has room for more than all */
	prefix->clients = networks_log2 || room > POPULATION_MAX ? POPULATION_MAX : (uint32_t)room;
}

static bool holds(const struct population_prefix *prefix, const uint8_t address[16])
{
	struct halves own = halves_of(prefix->address), other = halves_of(address);
	struct halves mask = free_bits(prefix->length);

	return prefix->ipv6 == (memcmp(address, mapped, sizeof(mapped)) != 0) &&
	       ((own.network ^ other.network) & ~mask.network) == 0 &&
	       ((own.host ^ other.host) & ~mask.host) == 0;
}

static bool add_prefix(struct population *population, const char *item, char *text, unsigned size)
{
	struct population_prefix *prefix = &population->prefix[population->prefixes];

	if (population->prefixes == POPULATION_PREFIXES)
		return refuse(text, size, "more than %d prefixes", POPULATION_PREFIXES);
	if (!parse_prefix(prefix, item, text, size))
		return false;
	for (unsigned i = 0; i < population->prefixes; i++)
		if (holds(prefix, population->prefix[i].address) ||
			holds(&population->prefix[i], prefix->address))
			return refuse(
				text, size, "prefix \"%s\" overlaps with number %u of them", item, i + 1);
	set_room(prefix);
	population->prefixes++;
	return true;
}

static bool parse_prefixes(struct population *population, const char *prefixes, char *text, unsigned size)
{
	for (;;) {
		size_t length = strcspn(prefixes, ",");
		char item[64];

		if (length >= sizeof(item))
			return refuse(text, size, "prefix \"%.50s...\" is none: it is too long", prefixes);
		memcpy(item, prefixes, length);
		item[length] = '\0';
		if (!add_prefix(population, item, text, size))
			return false;
		if (prefixes[length] == '\0')
			return true;
		prefixes += length + 1;
	}
}

/*
 * One to each, and of what is left as large a part as its room is of all that is left: counted from the first
 * prefix on and rounded up, so that none gets more than it has room for, and in the end all are dealt out.
 */
static void deal(struct population *population, uint64_t room)
{
	bool each = population->count >= population->prefixes;
	uint64_t rest = population->count - population->prefixes, before = 0, first = 0;

	room -= population->prefixes;
	for (unsigned i = 0; i < population->prefixes; i++) {
		struct population_prefix *prefix = &population->prefix[i];
		uint64_t end = i + 1;

		before += prefix->clients - 1;
		if (!each) /* fewer than prefixes: one to each of the first */
			end = end < population->count ? end : population->count;
		else if (room > 0)
			end += (rest * before + room - 1) / room;
		prefix->first = (uint32_t)first;
		prefix->count = (uint32_t)(end - first);
		first = end;
	}
}

/* Near the golden section of all, so that neighbours in rank land far apart, and without a common divisor. */
static uint32_t stride_of(uint32_t count)
{
	uint32_t stride = (uint32_t)((double)count * 0.6180339887498949) | 1;

	for (;; stride += 2) {
		uint32_t a = count, b = stride;

		while (b != 0) {
			uint32_t c = a % b;

			a = b;
			b = c;
		}
		if (a == 1)
			return stride;
	}
}

/* The area under x^-exponent from 1 to x, and where it is so large; both sound near an exponent of 1. */
static double area(double x, double exponent)
{
	double e = 1 - exponent;

	return e == 0 ? log(x) : expm1(e * log(x)) / e;
}

static double area_inverse(double y, double exponent)
{
	double e = 1 - exponent;

	return e == 0 ? exp(y) : exp(log1p(fmax(y * e, -1)) / e);
}

/*
 * Rank k from 1 has the area of a bar of width 1 and height k^-exponent, which lies within that under the
 * curve between k - 1/2 and k + 1/2, at its right end; a point that falls beside the bar is drawn again. For
 * the first rank the area is cut to its bar, and what lies within zipf[2] left of a rank is always in its
 * bar.
 */
static void prepare_zipf(struct population *population)
{
	double s = population->exponent;

	population->zipf[0] = area(1.5, s) - 1;
	population->zipf[1] = area(population->count + 0.5, s);
	population->zipf[2] = 2 - area_inverse(area(2.5, s) - pow(2, -s), s);
}

bool population_init(struct population *population, const char *prefixes, uint32_t clients, double exponent,
	char *text, unsigned size)
{
	uint64_t room = 0;

	*population = (struct population){.count = clients, .exponent = exponent};
	if (clients < 1 || clients > POPULATION_MAX)
		return refuse(text, size, "%u clients: they must be 1 to %d", clients, POPULATION_MAX);
	if (!(exponent >= 0 && exponent <= 4))
		return refuse(text, size, "an exponent of %g: it must be 0 to 4", exponent);
	if (!parse_prefixes(population, prefixes, text, size))
		return false;
	for (unsigned i = 0; i < population->prefixes; i++)
		room += population->prefix[i].clients;
	if (clients > room)
		return refuse(text, size,
			"%u clients, and room for %llu addresses: give a shorter prefix, or one more",
			clients, (unsigned long long)room);
	deal(population, room);
	population->stride = stride_of(clients);
	prepare_zipf(population);
	return true;
}

/* From 1. */
static uint32_t zipf_rank(const struct population *population, uint64_t *random)
{
	const double *zipf = population->zipf, s = population->exponent;

	for (;;) {
		double y = zipf[1] - random_unit(random) * (zipf[1] - zipf[0]);
		double x = area_inverse(y, s);
		double k = fmin(fmax(floor(x + 0.5), 1), population->count);

		if (k - x <= zipf[2] || y >= area(k + 0.5, s) - pow(k, -s))
			return (uint32_t)k;
	}
}

uint32_t population_pick(const struct population *population, uint64_t *random)
{
	uint64_t rank;

	if (population->exponent == 0) /* the high half of a product: no division */
		return (uint32_t)((unsigned __int128)random_next(random) * population->count >> 64);
	rank = zipf_rank(population, random) - 1;
	return (uint32_t)(rank * population->stride % population->count);
}

bool population_address(const struct population *population, uint32_t client, uint8_t address[16])
{
	const struct population_prefix *prefix = population->prefix;
	struct halves halves;
	uint64_t n;

	while (client >= prefix->first + prefix->count)
		prefix++;
	n = client - prefix->first;
	halves = halves_of(prefix->address);
	halves.network |= n & ((UINT64_C(1) << prefix->networks_log2) - 1);
	halves.host |= (n >> prefix->networks_log2) + skipped(prefix);
	halves = (struct halves){htobe64(halves.network), htobe64(halves.host)};
	memcpy(address, &halves, sizeof(halves));
	return prefix->ipv6;
}

/* The number within a prefix that holds the address; one that nobody has where it is left out. */
static uint64_t number_within(const struct population_prefix *prefix, const uint8_t address[16])
{
	struct halves halves = halves_of(address), mask = free_bits(prefix->length);
	uint64_t network = halves.network & mask.network, host = (halves.host & mask.host) - skipped(prefix);

	/* a host of 0 has wrapped; a network that is none of those in use makes a number above all as well */
	if (host >= POPULATION_MAX)
		return UINT64_MAX;
	return host << prefix->networks_log2 | network;
}

bool population_client(const struct population *population, const uint8_t address[16], uint32_t *client)
{
	for (unsigned i = 0; i < population->prefixes; i++) {
		const struct population_prefix *prefix = &population->prefix[i];
		uint64_t n;

		if (!holds(prefix, address))
			continue;
		n = number_within(prefix, address);
		*client = prefix->first + (uint32_t)n;
		return n < prefix->count;
	}
	return false;
}
