/* Frames that a load meets, octet by octet: for tests and fuzz seeds. */
#ifndef TESTS_FRAME_GOLDEN_H
#define TESTS_FRAME_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/frame.h"

/* Who is in them: the load has the first MAC and plays, among others, 10.0.0.7 and 2001:db8:a::7. */
enum { FRAME_GOLDEN_CLIENTS = 254 + 255 };
#define FRAME_GOLDEN_PREFIXES "10.0.0.0/24,2001:db8:a::/120"
extern const uint8_t frame_golden_mac[6], frame_golden_peer[6];

struct frame_golden {
	const char *name;
	enum frame_kind kind;
	const char *hex; /* with blanks */
};

extern const struct frame_golden frame_golden[];
extern const size_t frame_golden_count;

/* The octets of the named one, which must be there, and how many. */
size_t frame_golden_build(const char *name, uint8_t octets[FRAME_MAX]);

/* What a checksum field that is zero meanwhile should hold (RFC 1071), octet by octet. */
uint16_t frame_golden_checksum(uint64_t sum, const uint8_t *octets, size_t size);

/* Makes every checksum of a frame right as far as its lengths hold, where it has no tag or one. */
void frame_golden_repair(uint8_t *frame, size_t size);

#endif
