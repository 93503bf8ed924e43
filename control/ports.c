#include "control/ports.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "control/run_dir.h"
#include "control/tap.h"
#include "dataplane/ethtool.h"
#include "dataplane/log.h"

static bool is_kernel_interface(const struct config_interface *interface)
{
	return strncmp(interface->name, "pci:", 4) != 0 && strncmp(interface->name, "vdev:", 5) != 0;
}

static bool take_kernel_interface(
	struct port_side *side, const char *name, unsigned driver, char *text, size_t size)
{
	char foreign[64];

	snprintf(side->kernel_name, sizeof(side->kernel_name), "%.15s", name);
	side->ifindex = (int)if_nametoindex(name);
	if (side->ifindex == 0) {
		snprintf(text, size, "interface %s: there is no such interface (ip link shows what there is)",
			name);
		return false;
	}
	if (strcmp(name, "lo") == 0) {
		snprintf(text, size,
			"interface lo: the loopback carries no frames that could be answered; the host's own "
			"queries "
			"are its time daemon's");
		return false;
	}
	side->lock = interface_lock(name, text, size);
	if (side->lock < 0 || driver == CONFIG_DRIVER_AF_PACKET)
		return side->lock >= 0;
	if (!kernel_path_foreign(name, foreign, sizeof(foreign)))
		return true;
	snprintf(text, size,
		"interface %s: the XDP program %s of somebody else is attached; remove it (ip link set dev "
		"%s xdp off) or "
		"say `interface %s driver af_packet`",
		name, foreign, name, name);
	return false;
}

static bool make_tap(
	struct port_side *side, const struct config_interface *interface, char *text, size_t size)
{
	if (!tap_create(interface->tap, NULL, &side->tap_made, text, size) ||
		!tap_set_up(interface->tap, text, size))
		return false;
	for (unsigned i = 0; i < interface->addresses; i++)
		if (!tap_add_address(interface->tap, &interface->address[i], text, size))
			return false;
	side->ifindex = (int)if_nametoindex(interface->tap);
	return true;
}

static bool take_tap(
	struct port_side *side, const struct config_interface *interface, char *text, size_t size)
{
	snprintf(side->kernel_name, sizeof(side->kernel_name), "%s", interface->tap);
	side->is_tap = true;
	side->lock = interface_lock(interface->tap, text, size);
	return side->lock >= 0 && make_tap(side, interface, text, size);
}

static bool take_one(
	struct port_side *side, const struct config_interface *interface, char *text, size_t size)
{
	*side = (struct port_side){.lock = -1};
	kernel_path_init(&side->program);
	if (is_kernel_interface(interface))
		return take_kernel_interface(side, interface->name, interface->driver, text, size);
	return !interface->tap[0] || take_tap(side, interface, text, size);
}

bool ports_take(struct ports *p, const struct config *config, const char *run_dir, char *text, size_t size)
{
	enum shm_error error = shm_create(&p->policy_segment, run_dir, &POLICY_CONTRACT);

	p->config = config;
	p->run_dir = run_dir;
	if (error != SHM_OK) {
		shm_explain(error, run_dir, &POLICY_CONTRACT, text, size);
		return false;
	}
	for (; p->count < config->interfaces; p->count++)
		if (!take_one(&p->side[p->count], &config->interface[p->count], text, size)) {
			p->count++;
			return false;
		}
	p->addresses = addresses_open(text, size);
	if (!p->addresses)
		return false;
	ports_refresh(p);
	return true;
}

/* Of a TAP the kernel's own word: we have just made it, and its notification may be still to come. */
static int index_of(const struct ports *p, const struct port_side *side)
{
	return side->is_tap ? (int)if_nametoindex(side->kernel_name)
			    : addresses_interface_index(p->addresses, side->kernel_name);
}

static bool prepare_one(struct ports *p, unsigned i, char *text, size_t size)
{
	struct port_side *side = &p->side[i];

	if (!side->kernel_name[0])
		return true;
	if (side->is_tap)
		return side->ifindex || make_tap(side, &p->config->interface[i], text, size);
	return !side->ifindex || kernel_path_detach(side->kernel_name, text, size);
}

static bool is_there(const struct port_side *side)
{
	return !side->kernel_name[0] || side->is_tap || side->ifindex;
}

bool ports_prepare(struct ports *p, bool there[CONFIG_INTERFACES], char *text, size_t size)
{
	char path[512];
	int port = 0;

	(void)ports_moved(p);
	for (unsigned i = 0; i < p->count; i++) {
		if (!prepare_one(p, i, text, size))
			return false;
		there[i] = is_there(&p->side[i]);
		p->side[i].port = there[i] ? port++ : -1;
	}
	if (port == 0) {
		snprintf(text, size, "none of the interfaces is there (ip link shows what there is)");
		return false;
	}
	return kernel_path_write_program(p->run_dir, path, sizeof(path), text, size);
}

static bool connect_one(struct ports *p, struct port_side *side, uint8_t path, char *text, size_t size)
{
	kernel_path_close(&side->program);
	side->copies = path == KERNEL_PATH_COPY;
	if (path == KERNEL_PATH_XDP && !kernel_path_open(&side->program, side->kernel_name, text, size))
		return false;
	if (path == KERNEL_PATH_COPY && !kernel_path_attach_tc(&side->program, side->kernel_name, text, size))
		return false;
	if (side->program.program < 0)
		return true;
	side->saw_no_socket = side->told_of_no_socket = false;
	if (!kernel_path_read_counts(&side->program, &side->counts, text, size))
		return false;
	side->no_socket = side->counts.no_socket;
	return kernel_path_sync(&side->program, &p->policy, text, size);
}

bool ports_connect(struct ports *p, const struct dataplane_facts *facts, char *text, size_t size)
{
	for (unsigned i = 0; i < p->count; i++) {
		struct port_side *side = &p->side[i];

		if (side->port >= 0 && side->port < PORTS_MAX &&
			!connect_one(p, side, facts->port[side->port].kernel_path, text, size))
			return false;
	}
	ports_tick(p);
	return true;
}

void ports_disconnect(struct ports *p)
{
	char text[256];

	for (unsigned i = 0; i < p->count; i++) {
		struct port_side *side = &p->side[i];

		if (side->copies && side->program.program >= 0)
			kernel_path_end_lease(&side->program, text, sizeof(text));
		kernel_path_close(&side->program);
	}
}

/* The network card spreads requests over more queues than the dataplane has. */
static void warn_of_no_socket(struct port_side *side)
{
	const uint64_t lost = side->counts.no_socket - side->no_socket;

	if (side->copies || side->told_of_no_socket || lost == 0)
		return;
	/* A dataplane that dies has lost its sockets before we know; at the next look we do. */
	if (!side->saw_no_socket) {
		side->saw_no_socket = true;
		return;
	}
	log_warning(
		"interface %s: %llu requests went to the kernel because no queue of tickwire's takes them; "
		"set `queues` to all of `ethtool -l %s`",
		side->kernel_name, (unsigned long long)lost, side->kernel_name);
	side->told_of_no_socket = true;
}

void ports_tick(struct ports *p)
{
	char text[256];

	for (unsigned i = 0; i < p->count; i++) {
		struct port_side *side = &p->side[i];

		if (side->program.program < 0)
			continue;
		if (side->copies && !kernel_path_renew_lease(&side->program, text, sizeof(text)))
			log_warning("%s", text);
		if (!kernel_path_read_counts(&side->program, &side->counts, text, sizeof(text)))
			log_warning("%s", text);
		else
			warn_of_no_socket(side);
	}
}

static void serve(void *opaque, const uint8_t address[16], uint32_t vlan)
{
	struct policy *policy = opaque;

	if (!policy_serve(policy, address, vlan))
		log_warning("more than %d addresses: some are not served; name those that should be with "
			    "`bindaddress`",
			SERVED_MAX);
}

static void note_vlan(void *opaque, const uint8_t address[16], uint32_t vlan)
{
	(void)address;
	*(bool *)opaque |= vlan != 0;
}

/* Where the device takes tags away before the XDP program runs, frames of a VLAN look like another network's.
 */
static void warn_of_stripped_tags(const struct ports *p, struct port_side *side)
{
	bool tagged = false;

	if (side->is_tap || side->told_of_vlan || !side->kernel_name[0])
		return;
	addresses_list(p->addresses, side->kernel_name, note_vlan, &tagged);
	if (!tagged || !ethtool_strips_vlan(side->kernel_name))
		return;
	log_warning("interface %s takes VLAN tags out of frames before tickwire sees them, so its VLANs stay "
		    "with the kernel; "
		    "`ethtool -K %s rxvlan off` has them answered here",
		side->kernel_name, side->kernel_name);
	side->told_of_vlan = true;
}

static void make_policy(const struct ports *p, struct policy *policy)
{
	const struct config *config = p->config;

	policy_init(policy);
	policy->ntp_port = config->port;
	policy->min_poll = config->min_poll;
	policy->nts = CONFIG_NTS_IS_ON(config);
	for (unsigned i = 0; i < config->bind_addresses; i++)
		serve(policy, config->bind_address[i].address, SERVED_ANY_VLAN);
	for (unsigned i = 0; i < p->count && config->bind_addresses == 0; i++)
		if (p->side[i].kernel_name[0])
			addresses_list(p->addresses, p->side[i].kernel_name, serve, policy);
}

void ports_refresh(struct ports *p)
{
	static struct policy policy;
	char text[256];

	make_policy(p, &policy);
	if (p->published && memcmp(&policy, &p->policy, sizeof(policy)) == 0)
		return;
	if (policy.served_count == 0)
		log_warning("no address to serve: give the interface one, or name one with `bindaddress`");
	else if (p->published && policy.served_count != p->policy.served_count)
		log_notice("%u address%s served", policy.served_count,
			policy.served_count == 1 ? " is" : "es are");
	p->policy = policy;
	p->published = true;
	shm_publish(&p->policy_segment, &policy);
	for (unsigned i = 0; i < p->count; i++)
		warn_of_stripped_tags(p, &p->side[i]);
	for (unsigned i = 0; i < p->count; i++)
		if (p->side[i].program.program >= 0 &&
			!kernel_path_sync(&p->side[i].program, &p->policy, text, sizeof(text)))
			log_warning("%s", text);
}

bool ports_moved(struct ports *p)
{
	bool moved = false;

	for (unsigned i = 0; i < p->count; i++) {
		struct port_side *side = &p->side[i];
		const int index = side->kernel_name[0] ? index_of(p, side) : 0;

		/* A TAP that is gone waits for the next start, which makes it. */
		if (index == side->ifindex || (side->is_tap && !side->ifindex))
			continue;
		if (side->ifindex)
			log_error("interface %s is gone: %s", side->kernel_name,
				side->is_tap ? "it is made anew" : "it is not served until it comes back");
		else
			log_notice("interface %s is back", side->kernel_name);
		side->ifindex = side->is_tap ? 0 : index;
		moved = true;
	}
	return moved;
}

bool ports_any(const struct ports *p)
{
	for (unsigned i = 0; i < p->count; i++)
		if (is_there(&p->side[i]))
			return true;
	return false;
}

void ports_leave(struct ports *p)
{
	char text[256];

	for (unsigned i = 0; i < p->count; i++) {
		struct port_side *side = &p->side[i];

		kernel_path_close(&side->program);
		if (side->lock >= 0 && side->kernel_name[0] && !side->is_tap &&
			!kernel_path_detach(side->kernel_name, text, sizeof(text)))
			log_warning("%s", text);
		if (side->tap_made && !tap_remove(side->kernel_name, text, sizeof(text)))
			log_warning("%s", text);
		interface_unlock(side->kernel_name, side->lock);
	}
	addresses_close(p->addresses);
	shm_close(&p->policy_segment);
	*p = (struct ports){0};
}
