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
	if (if_nametoindex(name) == 0) {
		snprintf(text, size, "interface %s: there is no such interface (ip link shows what there is)",
			name);
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

static bool take_tap(
	struct port_side *side, const struct config_interface *interface, char *text, size_t size)
{
	snprintf(side->kernel_name, sizeof(side->kernel_name), "%s", interface->tap);
	side->is_tap = true;
	side->lock = interface_lock(interface->tap, text, size);
	if (side->lock < 0 || !tap_create(interface->tap, NULL, &side->tap_made, text, size) ||
		!tap_set_up(interface->tap, text, size))
		return false;
	for (unsigned i = 0; i < interface->addresses; i++)
		if (!tap_add_address(interface->tap, &interface->address[i], text, size))
			return false;
	return true;
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

bool ports_prepare(struct ports *p, char *text, size_t size)
{
	char path[512];

	for (unsigned i = 0; i < p->count; i++) {
		struct port_side *side = &p->side[i];

		if (side->kernel_name[0] && !side->is_tap) {
			if (!addresses_interface_exists(p->addresses, side->kernel_name)) {
				snprintf(text, size,
					"interface %s: there is no such interface (ip link shows what there "
					"is)",
					side->kernel_name);
				return false;
			}
			if (!kernel_path_detach(side->kernel_name, text, size))
				return false;
		}
		side->ifindex =
			side->kernel_name[0] ? addresses_interface_index(p->addresses, side->kernel_name) : 0;
	}
	return kernel_path_write_program(p->run_dir, path, sizeof(path), text, size);
}

bool ports_connect(struct ports *p, const struct dataplane_facts *facts, char *text, size_t size)
{
	for (unsigned i = 0; i < p->count && i < PORTS_MAX; i++) {
		struct port_side *side = &p->side[i];
		const uint8_t path = facts->port[i].kernel_path;

		kernel_path_close(&side->program);
		side->copies = path == KERNEL_PATH_COPY;
		if (path == KERNEL_PATH_XDP &&
			!kernel_path_open(&side->program, side->kernel_name, text, size))
			return false;
		if (path == KERNEL_PATH_COPY &&
			!kernel_path_attach_tc(&side->program, side->kernel_name, text, size))
			return false;
		if (side->program.program >= 0 && !kernel_path_sync(&side->program, &p->policy, text, size))
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
		log_notice("%u addresses are served", policy.served_count);
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

const char *ports_missing(const struct ports *p)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->side[i].ifindex &&
			addresses_interface_index(p->addresses, p->side[i].kernel_name) != p->side[i].ifindex)
			return p->side[i].kernel_name;
	return NULL;
}

bool ports_gone(const struct ports *p)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->side[i].kernel_name[0] &&
			!addresses_interface_exists(p->addresses, p->side[i].kernel_name))
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
