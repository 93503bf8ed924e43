/*
 * Words of the configuration into values. Each returns true with the value set, or false with what was found
 * and what was expected in text[size]. Pure.
 */
#ifndef CONTROL_VALUE_H
#define CONTROL_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "control/config.h"

enum {
	VALUE_QUOTED = 64,      /* octets that value_quote needs */
	VALUE_DEVICE_NAME = 64, /* of DPDK's device names, the end included */
	VALUE_KERNEL_NAME = 16, /* of the kernel's interface names, the end included */
};

/* A word in double quotes, shortened and with everything but printable ASCII escaped, so that no file can
 * garble a log. */
const char *value_quote(char quoted[VALUE_QUOTED], const char *word);

/* Always false, with "found FOUND, expected EXPECTED". `found` is quoted; NULL is "nothing". */
bool value_refuse(char *text, size_t size, const char *found, const char *expected);

/* A decimal number, with a sign only where it is negative and may be. `what` is the beginning of what was
 * expected: "a port". */
bool value_integer(
	const char *word, const char *what, long least, long most, long *value, char *text, size_t size);

/* A decimal fraction >= 0, as chrony's options of `local` take it; only looked at. */
bool value_fraction(const char *word, const char *what, char *text, size_t size);

/* A decimal number, with a point and an exponent where it has them. */
bool value_real(const char *word, const char *what, double least, double most, double *value, char *text,
	size_t size);

/* An absolute path of at most `most` printable octets without blanks, into path[most + 1], zero-padded.
 * `what` it is of: "a file". */
bool value_path(const char *word, const char *what, size_t most, char *path, char *text, size_t size);

/* One of the `count` names, without regard to case, into its index. */
bool value_choice(
	const char *word, const char *const *names, size_t count, size_t *index, char *text, size_t size);

/* A unicast address; with a prefix length only where `prefix` says so. */
bool value_address(const char *word, bool prefix, struct config_address *address, char *text, size_t size);

/* A name that a kernel interface can have. */
bool value_kernel_interface(const char *word, char *text, size_t size);

/* A name of `interface`: a kernel interface's, "pci:DDDD:BB:DD.F" (stored in lower case) or
 * "vdev:NAME[,ARGUMENTS]". */
bool value_interface(const char *word, struct config_interface *interface, char *text, size_t size);

/* Whether a name of `interface` is one of the kernel's and not of a DPDK device. */
bool value_is_kernel_interface(const char *name);

/* Whether two names of `interface` are the same port. */
bool value_same_interface(const char *a, const char *b);

bool value_user(const char *word, char *text, size_t size);

#endif
