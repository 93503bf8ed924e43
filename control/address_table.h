/*
 * The interfaces of the machine and their addresses, as rtnetlink messages describe them, and which of them
 * belong to a port: those of its interface and of VLAN interfaces stacked on it, one or two deep. Pure:
 * messages in, table out. Not thread-safe on one table.
 */
#ifndef CONTROL_ADDRESS_TABLE_H
#define CONTROL_ADDRESS_TABLE_H

#include <assert.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address_link {
	int index;
	int parent;       /* index of the interface below */
	uint16_t vlan_id; /* 0-4095 */
	bool vlan;        /* stacked on `parent`, which is in this network namespace */
	bool up;          /* by its administrator, whether or not there is a carrier */
	char name[IFNAMSIZ];
};
static_assert(sizeof(struct address_link) == 12 + IFNAMSIZ, "no padding: links are compared as octets");

/*
 * An interface may have one IPv4 address several times, with other prefix lengths or other ends of the link:
 * the kernel withdraws each of them for itself. Of IPv6 addresses it has one at most, so that for these
 * `prefix` and `peer` stay 0.
 */
struct address_entry {
	int index;           /* of its interface */
	unsigned prefix;     /* length in bits */
	uint8_t address[16]; /* in the order of the wire, IPv4 v4-mapped */
	uint8_t peer[16]; /* IFA_ADDRESS likewise: the other end of a point-to-point link, else the address */
};
static_assert(sizeof(struct address_entry) == 40, "no padding: entries are compared as octets");

/* All zero for an empty one. */
struct address_table {
	struct address_link *links;
	size_t link_count, link_room;
	struct address_entry *entries;
	size_t entry_count, entry_room;
};

/* What a message did. */
enum address_effect {
	ADDRESS_NO_MEMORY = -1, /* the table misses something now: read it anew */
	ADDRESS_UNCHANGED = 0,  /* the message said what was known, or is none of ours */
	ADDRESS_CHANGED = 1,
};

/* Give the memory back; the table is empty then. */
void address_table_clear(struct address_table *table);

/*
 * Apply one RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR or RTM_DELADDR. Other messages and malformed ones change
 * nothing. The memory of the message ends no sooner than its nlmsg_len rounded up to 4. An IPv6 address that
 * is tentative or failed duplicate address detection is as good as absent.
 */
enum address_effect address_table_apply(struct address_table *table, const struct nlmsghdr *message);

/* The interface's index, 0 where there is none of this name. */
int address_table_index(const struct address_table *table, const char *interface);

/* `vlan` is a key as in struct served (dataplane/policy.h): 0 for the interface itself. */
typedef void address_callback(void *opaque, const uint8_t address[16], uint32_t vlan);

/*
 * Call for each address of the interface and of VLAN interfaces stacked on it, as long as all of them are up;
 * twice for one that the interface has with two prefix lengths. Interfaces of other kinds that use it
 * (bridge, bond, macvlan ...) are not followed.
 */
void address_table_list(
	const struct address_table *table, const char *interface, address_callback *callback, void *opaque);

/* Whether two tables list the same interfaces and addresses, in whatever order. */
bool address_table_equal(const struct address_table *a, const struct address_table *b);

#endif
