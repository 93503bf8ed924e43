/*
 * Exception TAPs: kernel interfaces through which a port that the kernel does not see still reaches it. The
 * supervisor makes one, as CAP_NET_ADMIN and /dev/net/tun ask for, and gives it its addresses; the
 * dataplane's net_tap attaches to it by name (iface=NAME). It is persistent, so that its addresses and routes
 * survive a restart of the dataplane.
 *
 * Where a function returns false, text[size] has a sentence that says what failed and what to do about it.
 */
#ifndef CONTROL_TAP_H
#define CONTROL_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/config.h"

/*
 * Make the TAP, or find one of this name that net_tap could attach to (*made tells which; one that an
 * earlier call has made counts as made). Its MAC becomes `mac` unless that is NULL. It is down.
 */
bool tap_create(const char *name, const uint8_t *mac, bool *made, char *text, size_t size);

/* Set it up. It has a carrier once the dataplane has attached. */
bool tap_set_up(const char *name, char *text, size_t size);

/* Add an address with its prefix length; one that is there already is no error. IPv6 ones undergo duplicate
 * detection. */
bool tap_add_address(const char *name, const struct config_address *address, char *text, size_t size);

/* Remove it, at once or, where a dataplane is still attached, when that one ends. None of this name is no
 * error. */
bool tap_remove(const char *name, char *text, size_t size);

#endif
