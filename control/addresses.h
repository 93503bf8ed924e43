/*
 * The addresses of interfaces, followed through rtnetlink as they come and go, in the network namespace that
 * the thread was in at addresses_open. Not thread-safe on one struct.
 */
#ifndef CONTROL_ADDRESSES_H
#define CONTROL_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/address_table.h"

struct addresses;

/* Subscribe, and read what there is. NULL with a sentence in text[size] where netlink refuses. Needs no
 * privilege. */
struct addresses *addresses_open(char *text, size_t size);

/* To be polled for input; then call addresses_process. */
int addresses_fd(const struct addresses *a);

/*
 * Take in what has been notified; does not wait. True where interfaces or addresses have changed since the
 * last call. Where notifications were lost (ENOBUFS), everything is read anew; should that fail too, the last
 * good state stays, and the next call tries again.
 */
bool addresses_process(struct addresses *a);

/* As address_table_list. */
void addresses_list(
	const struct addresses *a, const char *interface, address_callback *callback, void *opaque);

bool addresses_interface_exists(const struct addresses *a, const char *interface);

/* 0 where there is none. It differs once an interface has been removed and made anew under the same name. */
int addresses_interface_index(const struct addresses *a, const char *interface);

/* NULL is allowed. */
void addresses_close(struct addresses *a);

#endif
