#include "dataplane/ethtool.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool ask(const char *interface, void *command)
{
	struct ifreq request = {.ifr_data = command};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	ok = fd >= 0 && ioctl(fd, SIOCETHTOOL, &request) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

uint16_t ethtool_queues(const char *interface)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};

	if (!ask(interface, &channels) || channels.combined_count == 0)
		return 1;
	return channels.combined_count > UINT16_MAX ? UINT16_MAX : (uint16_t)channels.combined_count;
}

uint16_t ethtool_split_queues(const char *interface)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};

	if (!ask(interface, &channels) || channels.combined_count > 0)
		return 0;
	return channels.rx_count > UINT16_MAX ? UINT16_MAX : (uint16_t)channels.rx_count;
}

bool ethtool_hashes_ports(const char *interface)
{
	const uint32_t flows[] = {UDP_V4_FLOW, UDP_V6_FLOW};

	for (unsigned i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
		struct ethtool_rxnfc hash = {.cmd = ETHTOOL_GRXFH, .flow_type = flows[i]};

		if (ask(interface, &hash) && hash.data & (RXH_L4_B_0_1 | RXH_L4_B_2_3))
			return true;
	}
	return false;
}

bool ethtool_strips_vlan(const char *interface)
{
	struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};

	return ask(interface, &flags) && flags.data & ETH_FLAG_RXVLAN;
}
