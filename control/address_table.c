#include "control/address_table.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include "dataplane/policy.h"

enum { VLAN_DEPTH = 2, VLAN_ID_MAX = 4095 };

void address_table_clear(struct address_table *table)
{
	free(table->links);
	free(table->entries);
	*table = (struct address_table){0};
}

/* Room for one more element in an array that grows by doubling. */
static bool make_room(void **array, size_t count, size_t *room, size_t element)
{
	size_t wanted = *room ? 2 * *room : 16;
	void *larger;

	if (count < *room)
		return true;
	larger = reallocarray(*array, wanted, element);
	if (!larger)
		return false;
	*array = larger;
	*room = wanted;
	return true;
}

static struct address_link *find_link(const struct address_table *table, int index)
{
	for (size_t i = 0; i < table->link_count; i++)
		if (table->links[i].index == index)
			return &table->links[i];
	return NULL;
}

static struct address_entry *find_entry(const struct address_table *table, const struct address_entry *e)
{
	for (size_t i = 0; i < table->entry_count; i++)
		if (memcmp(&table->entries[i], e, sizeof(*e)) == 0)
			return &table->entries[i];
	return NULL;
}

/* IFLA_INFO_DATA of a VLAN interface. */
static int parse_vlan_data(const struct nlattr *attribute, void *opaque)
{
	struct address_link *link = opaque;

	if (mnl_attr_get_type(attribute) == IFLA_VLAN_ID && mnl_attr_validate(attribute, MNL_TYPE_U16) >= 0) {
		link->vlan_id = mnl_attr_get_u16(attribute);
		link->vlan = link->vlan_id <= VLAN_ID_MAX;
	}
	return MNL_CB_OK;
}

struct link_info {
	bool vlan;
	const struct nlattr *data;
};

static int parse_link_info(const struct nlattr *attribute, void *opaque)
{
	struct link_info *info = opaque;

	if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND &&
		mnl_attr_validate(attribute, MNL_TYPE_STRING) >= 0)
		info->vlan = mnl_attr_get_payload_len(attribute) >= 4 &&
			     strncmp(mnl_attr_get_str(attribute), "vlan",
				     mnl_attr_get_payload_len(attribute)) == 0;
	if (mnl_attr_get_type(attribute) == IFLA_INFO_DATA &&
		mnl_attr_validate(attribute, MNL_TYPE_NESTED) >= 0)
		info->data = attribute;
	return MNL_CB_OK;
}

struct link_attributes {
	struct address_link *link;
	struct link_info info;
	bool elsewhere; /* the interface below is in another namespace: its index means nothing here */
};

static int parse_link_attribute(const struct nlattr *attribute, void *opaque)
{
	struct link_attributes *a = opaque;

	switch (mnl_attr_get_type(attribute)) {
	case IFLA_IFNAME:
		if (mnl_attr_validate(attribute, MNL_TYPE_STRING) >= 0 &&
			mnl_attr_get_payload_len(attribute) <= IFNAMSIZ)
			memcpy(a->link->name, mnl_attr_get_payload(attribute),
				mnl_attr_get_payload_len(attribute));
		a->link->name[IFNAMSIZ - 1] = '\0';
		break;
	case IFLA_LINK:
		if (mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
			a->link->parent = (int)mnl_attr_get_u32(attribute);
		break;
	case IFLA_LINK_NETNSID:
		a->elsewhere = true;
		break;
	case IFLA_LINKINFO:
		if (mnl_attr_validate(attribute, MNL_TYPE_NESTED) >= 0)
			(void)mnl_attr_parse_nested(attribute, parse_link_info, &a->info);
		break;
	}
	return MNL_CB_OK;
}

static enum address_effect forget_link(struct address_table *table, int index)
{
	struct address_link *link = find_link(table, index);

	/* Addresses are usually withdrawn one by one before; none may outlive its interface. */
	for (size_t i = 0; i < table->entry_count;)
		if (table->entries[i].index == index)
			table->entries[i] = table->entries[--table->entry_count];
		else
			i++;
	if (!link)
		return ADDRESS_UNCHANGED;
	*link = table->links[--table->link_count];
	return ADDRESS_CHANGED;
}

static enum address_effect keep_link(struct address_table *table, const struct address_link *link)
{
	struct address_link *known = find_link(table, link->index);

	if (known && memcmp(known, link, sizeof(*link)) == 0)
		return ADDRESS_UNCHANGED;
	if (!known) {
		if (!make_room((void **)&table->links, table->link_count, &table->link_room, sizeof(*link)))
			return ADDRESS_NO_MEMORY;
		known = &table->links[table->link_count++];
	}
	*known = *link;
	return ADDRESS_CHANGED;
}

static enum address_effect apply_link(struct address_table *table, const struct nlmsghdr *message)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	struct address_link link = {0};
	struct link_attributes a = {.link = &link};

	/* A bridge speaks of its ports in the same messages. */
	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header) || header->ifi_family != AF_UNSPEC)
		return ADDRESS_UNCHANGED;
	if (message->nlmsg_type == RTM_DELLINK)
		return forget_link(table, header->ifi_index);
	link.index = header->ifi_index;
	link.up = header->ifi_flags & IFF_UP;
	(void)mnl_attr_parse(message, sizeof(*header), parse_link_attribute, &a);
	if (!link.name[0])
		return ADDRESS_UNCHANGED;
	if (a.info.vlan && a.info.data && !a.elsewhere && link.parent)
		(void)mnl_attr_parse_nested(a.info.data, parse_vlan_data, &link);
	return keep_link(table, &link);
}

struct address_attributes {
	const void *local, *address;
	size_t length; /* of an address of the message's family */
	uint32_t flags;
};

static int parse_address_attribute(const struct nlattr *attribute, void *opaque)
{
	struct address_attributes *a = opaque;

	switch (mnl_attr_get_type(attribute)) {
	case IFA_LOCAL:
		if (mnl_attr_get_payload_len(attribute) == a->length)
			a->local = mnl_attr_get_payload(attribute);
		break;
	case IFA_ADDRESS:
		if (mnl_attr_get_payload_len(attribute) == a->length)
			a->address = mnl_attr_get_payload(attribute);
		break;
	case IFA_FLAGS:
		if (mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
			a->flags = mnl_attr_get_u32(attribute);
		break;
	}
	return MNL_CB_OK;
}

static enum address_effect forget_entry(struct address_table *table, const struct address_entry *entry)
{
	struct address_entry *known = find_entry(table, entry);

	if (!known)
		return ADDRESS_UNCHANGED;
	*known = table->entries[--table->entry_count];
	return ADDRESS_CHANGED;
}

static enum address_effect keep_entry(struct address_table *table, const struct address_entry *entry)
{
	if (find_entry(table, entry))
		return ADDRESS_UNCHANGED;
	if (!make_room((void **)&table->entries, table->entry_count, &table->entry_room, sizeof(*entry)))
		return ADDRESS_NO_MEMORY;
	table->entries[table->entry_count++] = *entry;
	return ADDRESS_CHANGED;
}

static enum address_effect apply_address(struct address_table *table, const struct nlmsghdr *message)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	struct address_attributes a = {0};
	struct address_entry entry = {0};

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header) ||
		(header->ifa_family != AF_INET && header->ifa_family != AF_INET6))
		return ADDRESS_UNCHANGED;
	a.length = header->ifa_family == AF_INET ? 4 : 16;
	a.flags = header->ifa_flags;
	(void)mnl_attr_parse(message, sizeof(*header), parse_address_attribute, &a);
	/* Where both are given, IFA_ADDRESS is the other end of a point-to-point link. */
	if (!a.local)
		a.local = a.address;
	if (!a.local)
		return ADDRESS_UNCHANGED;
	entry.index = (int)header->ifa_index;
	if (header->ifa_family == AF_INET) {
		entry.prefix = header->ifa_prefixlen;
		policy_map_ipv4(entry.address, a.local);
		policy_map_ipv4(entry.peer, a.address ? a.address : a.local);
	} else {
		memcpy(entry.address, a.local, sizeof(entry.address));
	}
	if (message->nlmsg_type == RTM_DELADDR || (a.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)))
		return forget_entry(table, &entry);
	return keep_entry(table, &entry);
}

enum address_effect address_table_apply(struct address_table *table, const struct nlmsghdr *message)
{
	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return apply_link(table, message);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return apply_address(table, message);
	}
	return ADDRESS_UNCHANGED;
}

int address_table_index(const struct address_table *table, const char *interface)
{
	for (size_t i = 0; i < table->link_count; i++)
		if (strcmp(table->links[i].name, interface) == 0)
			return table->links[i].index;
	return 0;
}

/* The key of the VLAN that leads from the interface `base` to `index`. False where none does, or a link on
 * the way is down. */
static bool vlan_between(const struct address_table *table, int base, int index, uint32_t *vlan)
{
	*vlan = 0;
	for (int depth = 0; depth <= VLAN_DEPTH; depth++) {
		const struct address_link *link = find_link(table, index);

		if (!link || !link->up)
			return false;
		if (index == base)
			return true;
		if (!link->vlan || depth == VLAN_DEPTH)
			return false;
		/* From the inside out: each further tag stands to the left. */
		*vlan |= (uint32_t)(link->vlan_id | SERVED_VLAN_PRESENT) << 16 * depth;
		index = link->parent;
	}
	return false;
}

void address_table_list(
	const struct address_table *table, const char *interface, address_callback *callback, void *opaque)
{
	int base = address_table_index(table, interface);
	uint32_t vlan;

	if (!base)
		return;
	for (size_t i = 0; i < table->entry_count; i++)
		if (vlan_between(table, base, table->entries[i].index, &vlan))
			callback(opaque, table->entries[i].address, vlan);
}

bool address_table_equal(const struct address_table *a, const struct address_table *b)
{
	if (a->link_count != b->link_count || a->entry_count != b->entry_count)
		return false;
	for (size_t i = 0; i < a->link_count; i++) {
		const struct address_link *other = find_link(b, a->links[i].index);

		if (!other || memcmp(other, &a->links[i], sizeof(*other)) != 0)
			return false;
	}
	for (size_t i = 0; i < a->entry_count; i++)
		if (!find_entry(b, &a->entries[i]))
			return false;
	return true;
}
