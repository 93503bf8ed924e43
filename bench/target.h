/*
 * Whom a load is for: HOST, HOST:PORT or [ADDRESS]:PORT, and whether that is a host of one's own. Load goes
 * to other people's servers only where somebody says that they are his. Any thread; nothing is kept.
 */
#ifndef BENCH_TARGET_H
#define BENCH_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	TARGET_HOST = 256,
	TARGET_TEXT = 80, /* an address with a zone, in brackets, and a port */
};

struct target {
	char host[TARGET_HOST]; /* as written, without brackets and port */
	struct sockaddr_storage address;
	socklen_t address_length;
	uint16_t port;          /* host byte order; it is in `address`, too */
	bool ours;              /* target_is_ours */
	char text[TARGET_TEXT]; /* address and port, for people */
};

/*
 * Take apart what was written: an IPv6 address without a port may go without brackets. The port is
 * default_port where there is none. False with a sentence in error[size]. Pure.
 */
bool target_split(const char *text, uint16_t default_port, char host[TARGET_HOST], uint16_t *port,
	char *error, size_t size);

/*
 * Loopback, private (RFC 1918, link-local, unique local, the shared space 100.64.0.0/10) or for benchmarks
 * (198.18.0.0/15 and 2001:2::/48, RFC 2544 and RFC 5180). An IPv4 address that is mapped into IPv6 is judged
 * as what it is. Other families are not. Pure.
 */
bool target_is_ours(const struct sockaddr *address);

/*
 * Split and resolve, to the first address of the family (AF_INET, AF_INET6, AF_UNSPEC: either). May wait for
 * a name server. False with a sentence in error[size].
 */
bool target_parse(
	struct target *target, const char *text, uint16_t default_port, int family, char *error, size_t size);

/* Whether load may go there: it is ours, or somebody has said so. False with a sentence in error[size]. */
bool target_permit(const struct target *target, bool said_to_be_owned, char *error, size_t size);

#endif
