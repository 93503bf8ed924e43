/* `interface` and its options. */
#include <stdio.h>
#include <string.h>

#include "control/directive_subjects.h"
#include "control/value.h"
#include "dataplane/counters.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Options of `interface`, each followed by its value. */
enum interface_option { OPTION_QUEUES, OPTION_DRIVER, OPTION_TAP, OPTION_ADDRESS };
static const char *const interface_options[] = {"queues", "driver", "tap", "address"};

static bool add_tap_address(struct config_interface *interface, const char *value, char *text, size_t size)
{
	struct config_address address;

	if (!value_address(value, true, &address, text, size))
		return false;
	if (interface->addresses == CONFIG_ADDRESSES) {
		char expected[64];

		snprintf(
			expected, sizeof(expected), "at most %d addresses of an interface", CONFIG_ADDRESSES);
		return value_refuse(text, size, value, expected);
	}
	for (int i = 0; i < interface->addresses; i++) {
		if (memcmp(interface->address[i].address, address.address, sizeof(address.address)) == 0)
			return value_refuse(text, size, value, "each address of an interface once");
	}
	interface->address[interface->addresses++] = address;
	return true;
}

static bool set_tap(struct config_interface *interface, const char *value, char *text, size_t size)
{
	if (!value_kernel_interface(value, text, size))
		return false;
	snprintf(interface->tap, sizeof(interface->tap), "%s", value);
	return true;
}

static bool set_interface_option(
	struct config_interface *interface, size_t option, const char *value, char *text, size_t size)
{
	static const char *const drivers[] = {"af_xdp", "af_packet"};
	long number;
	size_t driver;

	switch ((enum interface_option)option) {
	case OPTION_QUEUES:
		if (!value_integer(value, "a number of queues", 1, WORKERS_MAX, &number, text, size))
			return false;
		interface->queues = (uint16_t)number;
		return true;
	case OPTION_DRIVER:
		if (!value_choice(value, drivers, COUNT(drivers), &driver, text, size))
			return false;
		interface->driver = (uint8_t)(CONFIG_DRIVER_AF_XDP + driver);
		return true;
	case OPTION_TAP:
		return set_tap(interface, value, text, size);
	case OPTION_ADDRESS:
		return add_tap_address(interface, value, text, size);
	}
	return false;
}

static bool parse_interface_options(
	struct config_interface *interface, int words, char *const word[], char *text, size_t size)
{
	unsigned seen = 0;
	size_t option;

	for (int i = 0; i < words; i += 2) {
		char expected[64];

		if (!value_choice(word[i], interface_options, COUNT(interface_options), &option, text, size))
			return false;
		snprintf(expected, sizeof(expected), "a value after `%s`", interface_options[option]);
		if (i + 1 == words)
			return value_refuse(text, size, NULL, expected);
		snprintf(expected, sizeof(expected), "`%s` once", interface_options[option]);
		if (option != OPTION_ADDRESS && seen >> option & 1)
			return value_refuse(text, size, word[i], expected);
		seen |= 1U << option;
		if (!set_interface_option(interface, option, word[i + 1], text, size))
			return false;
	}
	return true;
}

/* Options that need one another. */
static bool interface_is_whole(const struct config_interface *interface, char *text, size_t size)
{
	bool kernel = value_is_kernel_interface(interface->name);

	if (kernel && interface->tap[0])
		return value_refuse(
			text, size, "tap", "it with pci: and vdev: only: a kernel interface has the kernel");
	if (!kernel && interface->driver != CONFIG_DRIVER_AUTO)
		return value_refuse(
			text, size, "driver", "it with a kernel interface only: DPDK knows a device's own");
	if (interface->addresses && !interface->tap[0])
		return value_refuse(
			text, size, "address", "it together with `tap`, whose addresses they are");
	return true;
}

/* Each port once, and TAPs by names that nobody else has. */
static bool interfaces_differ(
	const struct config_interface *a, const struct config_interface *b, char *text, size_t size)
{
	if (value_same_interface(a->name, b->name))
		return value_refuse(text, size, b->name, "each interface once");
	if (b->tap[0] && (strcmp(a->tap, b->tap) == 0 || strcmp(a->name, b->tap) == 0))
		return value_refuse(text, size, b->tap, "a TAP's name that no other interface has");
	if (a->tap[0] && strcmp(a->tap, b->name) == 0)
		return value_refuse(text, size, b->name, "an interface that is not the TAP of another");
	return true;
}

static DIRECTIVE_APPLY(apply_interface)
{
	struct config_interface *interface = &config->interface[config->interfaces];
	char expected[64];

	if (config->interfaces == CONFIG_INTERFACES) {
		snprintf(expected, sizeof(expected), "at most %d interfaces", CONFIG_INTERFACES);
		return value_refuse(text, size, word[0], expected);
	}
	memset(interface, 0, sizeof(*interface));
	if (!value_interface(word[0], interface, text, size) ||
		!parse_interface_options(interface, words - 1, word + 1, text, size) ||
		!interface_is_whole(interface, text, size))
		return false;
	for (int i = 0; i < config->interfaces; i++) {
		if (!interfaces_differ(&config->interface[i], interface, text, size))
			return false;
	}
	config->interfaces++;
	return true;
}

const struct directive directive_interface = {
	.name = "interface",
	.repeatable = true,
	.least_words = 1,
	.most_words = UINT16_MAX,
	.arguments = "SPEC [queues N] [driver af_xdp|af_packet] [tap NAME] [address ADDRESS[/PREFIX]]...",
	.type = "name and options",
	.default_value = "none; at least one is needed, here or as `--interface`",
	.range = "at most 16 interfaces; queues 1-64; at most 8 addresses of each",
	.help = "A port on which requests are answered. SPEC is a kernel interface (`eth0`), a PCI "
		"device "
		"that DPDK drives (`pci:0000:03:00.0`) or a virtual device of DPDK "
		"(`vdev:net_memif0,role=client`). "
		"`queues` is the number of receive queues; without it there are as many as the port "
		"has, at "
		"most one a worker. "
		"`driver` is for kernel interfaces: AF_XDP is tried first and AF_PACKET where that "
		"is refused, "
		"unless one is named. "
		"`tap` is for PCI and virtual devices, which the kernel does not see: a TAP "
		"interface of that "
		"name carries what is not NTP between the port and the kernel, both ways, and its "
		"addresses are "
		"the ones served. Without it, what is not NTP is dropped. "
		"`address` puts an address on the TAP.",
	.applied = APPLIED_BY_RESTART,
	.origin = "tickwire",
	.apply = apply_interface,
	.member = {DIRECTIVE_MEMBER(interfaces), DIRECTIVE_MEMBER(interface)},
};
