#include "bench/clients.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/next_hop.h"

static bool is_kernel_interface(const char *interface)
{
	return strncmp(interface, "pci:", 4) != 0 && strncmp(interface, "vdev:", 5) != 0;
}

/* What the kernel would ask from: a connected socket has chosen its own side. */
static bool address_on_the_way(
	const struct target *target, char *address, socklen_t size, char *text, size_t text_size)
{
	struct sockaddr_storage own = {0};
	socklen_t length = sizeof(own);
	const int fd = socket(target->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const bool good =
		fd >= 0 &&
		connect(fd, (const struct sockaddr *)&target->address, target->address_length) == 0 &&
		getsockname(fd, (struct sockaddr *)&own, &length) == 0;

	if (!good)
		snprintf(text, text_size, "no way to %s: %s; ip route get shows what the kernel knows",
			target->text, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (!good)
		return false;
	if (own.ss_family == AF_INET)
		inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)&own)->sin_addr, address, size);
	else
		inet_ntop(AF_INET6, &((struct sockaddr_in6 *)(void *)&own)->sin6_addr, address, size);
	return true;
}

static bool address_of_interface(
	const struct clients_settings *settings, char *address, socklen_t size, char *text, size_t text_size)
{
	const bool ipv6 = settings->target->address.ss_family == AF_INET6;
	uint8_t octets[16];

	if (!is_kernel_interface(settings->interface)) {
		snprintf(text, text_size,
			"a port of DPDK's has no address of its own: expected --from PREFIXES");
		return false;
	}
	if (!next_hop_own_address(settings->interface, ipv6, octets)) {
		snprintf(text, text_size,
			"interface %.64s has no %s address: give it one, or say --from PREFIXES",
			settings->interface, ipv6 ? "IPv6" : "IPv4");
		return false;
	}
	inet_ntop(ipv6 ? AF_INET6 : AF_INET, octets + (ipv6 ? 0 : 12), address, size);
	return true;
}

/* As many as the prefixes have, up to a bound: asking for fewer is always right. */
static bool take_all(
	struct population *population, const char *prefixes, double zipf, char *text, unsigned size)
{
	uint32_t room = 0;

	if (!population_init(population, prefixes, 1, zipf, text, size))
		return false;
	for (unsigned i = 0; i < population->prefixes && room < CLIENTS_DEFAULT_MOST; i++)
		room += population->prefix[i].clients;
	return population_init(population, prefixes,
		room < CLIENTS_DEFAULT_MOST ? room : CLIENTS_DEFAULT_MOST, zipf, text, size);
}

static bool are_of_family(
	const struct population *population, const struct target *target, char *text, size_t size)
{
	const bool ipv6 = target->address.ss_family == AF_INET6;

	for (unsigned i = 0; i < population->prefixes; i++)
		if (population->prefix[i].ipv6 != ipv6) {
			snprintf(text, size,
				"--from has %s prefixes, and %s is %s: expected prefixes of its family",
				ipv6 ? "IPv4" : "IPv6", target->text, ipv6 ? "IPv6" : "IPv4");
			return false;
		}
	return true;
}

enum clients_result clients_choose(struct population *population, const struct clients_settings *settings,
	char *sources, size_t sources_size, char *text, size_t size)
{
	char own[INET6_ADDRSTRLEN] = "";
	const char *from = settings->from ? settings->from : own;
	bool good;

	if (!settings->from) {
		good = settings->interface ? address_of_interface(settings, own, sizeof(own), text, size)
					   : address_on_the_way(
						     settings->target, own, sizeof(own), text, size);
		if (!good)
			return CLIENTS_NONE;
	}
	snprintf(sources, sources_size, "%s", from);
	good = settings->count ? population_init(population, from, settings->count, settings->zipf, text,
					 (unsigned)size)
			       : take_all(population, from, settings->zipf, text, (unsigned)size);
	return good && are_of_family(population, settings->target, text, size) ? CLIENTS_CHOSEN
									       : CLIENTS_WRONG;
}
