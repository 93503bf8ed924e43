#include "bench/link.h"

#include "bench/link_private.h"

bool link_open(struct link **link, const struct link_settings *settings, char *text, size_t size)
{
	const struct link_ops *ops = settings->interface ? &link_dpdk_ops : &link_socket_ops;

	*link = NULL;
	if (!ops->open(link, settings, text, size))
		return false;
	(*link)->ops = ops;
	return true;
}

void link_close(struct link *link)
{
	if (link)
		link->ops->close(link);
}

unsigned link_cores(const struct link *link)
{
	return link->cores;
}

const char *link_driver(const struct link *link)
{
	return link->driver;
}

const char *link_stamps(const struct link *link)
{
	return link->stamps;
}

bool link_begin(struct link *link, unsigned core)
{
	return link->ops->begin(link, core);
}

void link_end(struct link *link, unsigned core)
{
	link->ops->end(link, core);
}

unsigned link_send(struct link *link, unsigned core, const struct link_request *requests, unsigned count)
{
	return link->ops->send(link, core, requests, count);
}

unsigned link_receive(struct link *link, unsigned core, struct link_datagram *datagrams)
{
	return link->ops->receive(link, core, datagrams);
}

void link_wait(struct link *link, unsigned core, uint64_t ns)
{
	link->ops->wait(link, core, ns);
}

bool link_is_up(struct link *link, char *text, size_t size)
{
	return link->ops->is_up(link, text, size);
}

uint64_t link_missed(struct link *link)
{
	return link->ops->missed(link);
}
