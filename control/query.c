#include "control/query.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/query_options.h"
#include "control/query_report.h"

enum { EXIT_ANSWERED = 0, EXIT_NO_ANSWER = 1, EXIT_USAGE = 2 };
enum { PEERS = 8, QUERY_POLL = 0 };

#define KE_TIMEOUT 5.0 /* seconds: a busy server takes its time for a handshake */

static void pause_for(double seconds)
{
	struct timespec left = {.tv_sec = (time_t)seconds};

	left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

/* What the user says goes before what a server names, which is 0 where it does not. */
static uint16_t ntp_port(const struct query_options *o, uint16_t named)
{
	return o->port ? o->port : named ? named : NTP_PORT;
}

/* The first address that this host has a way to. A name may have IPv6 addresses where the network has none.
 */
static bool find_peer(struct query_result *result, const char *host, int family)
{
	struct exchange_peer peers[PEERS];
	int count = exchange_resolve(
		peers, PEERS, host, family, result->port, result->unresolved, sizeof(result->unresolved));
	int chosen = 0;

	if (count == 0)
		return false;
	for (int i = count - 1; i >= 0; i--)
		if (exchange_is_routed(&peers[i]))
			chosen = i;
	result->peer = peers[chosen];
	return true;
}

/* Whom the newest keys are for: the server that was named with them, else the one that gave them. */
static bool find_keyed_peer(struct query_result *result, const struct query_options *o)
{
	const struct ke_exchange *ke = &result->nts->ke;

	result->port = ntp_port(o, ke->port);
	return *ke->server ? find_peer(result, ke->server, o->family)
			   : find_peer(result, ke->peer.text, AF_UNSPEC);
}

/* False where no keys can be had; the sentence is in the result then. */
static bool establish(struct query_result *result, const struct query_options *o)
{
	if (query_nts_establish(result->nts))
		return find_keyed_peer(result, o);
	ke_exchange_explain(
		&result->nts->ke, &result->nts->terms, result->unresolved, sizeof(result->unresolved));
	return false;
}

static bool is_kiss(const struct exchange *x)
{
	return x->status == EXCHANGE_REPLY && x->reply.verdict == CLIENT_KISS;
}

/* Whether there is somebody to ask, and with NTS a cookie to pay with. */
static bool prepare(struct query_result *result, const struct query_options *o)
{
	if (result->nts)
		return result->nts->client.cookies > 0 || establish(result, o);
	return *result->peer.text || find_peer(result, result->host, o->family);
}

static void take_sample(struct query_result *result, const struct query_options *o, struct exchange *x)
{
	if (result->nts)
		query_nts_ask(result->nts, &result->peer, QUERY_POLL, o->timeout, x);
	else
		exchange_once(&result->peer, o->version, QUERY_POLL, o->timeout, x);
}

/* RFC 5905 section 7.4: who is told to go away stops asking. A NAK is about the keys, which may be had anew.
 */
static bool may_go_on(struct query_result *result, const struct query_options *o, const struct exchange *x)
{
	return !is_kiss(x) || (result->nts && query_nts_wants_keys(result->nts) && establish(result, o));
}

static void ask_host(struct query_result *result, const struct query_options *o)
{
	while (result->sent < o->samples && prepare(result, o)) {
		struct exchange *x = &result->sample[result->sent];

		if (result->sent > 0)
			pause_for(o->interval);
		take_sample(result, o, x);
		result->sent++;
		if (result->sent < o->samples && !may_go_on(result, o, x))
			break;
	}
}

/* False where memory ran out. */
static bool make_room(struct query_result *result, const struct query_options *o, struct tls_client *tls)
{
	result->port = ntp_port(o, 0);
	result->sample = calloc(o->samples, sizeof(*result->sample));
	if (!result->sample || !o->nts)
		return result->sample != NULL;
	result->nts = calloc(1, sizeof(*result->nts));
	if (!result->nts)
		return false;
	result->nts->terms = (struct ke_exchange_terms){
		.host = result->host,
		.port = o->ke_port ? o->ke_port : KE_PORT_DEFAULT,
		.family = o->family,
		.timeout = fmax(o->timeout, KE_TIMEOUT),
		.aeads = o->aeads,
		.tls = tls,
	};
	result->nts->siv = siv_new(siv_backend_best());
	return result->nts->siv != NULL;
}

static void release(struct query_result *result)
{
	if (result->nts)
		query_nts_end(result->nts);
	free(result->nts);
	free(result->sample);
}

static int complain_of_output(void)
{
	fprintf(stderr, "tickwire query: the result cannot be written: %s\n", strerror(errno));
	return EXIT_NO_ANSWER;
}

static int report(const struct query_result *results, size_t count, bool json)
{
	int status = EXIT_ANSWERED;
	char text[QUERY_SENTENCE];

	if (!json)
		query_print_table(stdout, results, count);
	else if (!query_print_json(stdout, results, count))
		status = complain_of_output();
	if (fflush(stdout) != 0)
		status = complain_of_output();
	for (size_t i = 0; i < count; i++) {
		query_explain(&results[i], text, sizeof(text));
		if (*text != '\0') {
			fprintf(stderr, "tickwire query: %s\n", text);
			status = EXIT_NO_ANSWER;
		} else if (is_kiss(&results[i].sample[results[i].sent - 1])) {
			fprintf(stderr, "tickwire query: %s then sent kiss code %s and was not asked again\n",
				results[i].host, results[i].sample[results[i].sent - 1].reply.kiss);
		} else if (*results[i].unresolved != '\0') {
			fprintf(stderr, "tickwire query: %s\n", results[i].unresolved);
		}
	}
	return status;
}

/* `tls` is NULL without NTS. */
static int query_hosts(
	char *const hosts[], size_t count, const struct query_options *o, struct tls_client *tls)
{
	struct query_result *results = calloc(count, sizeof(*results));
	bool good = results != NULL;
	int status = EXIT_NO_ANSWER;

	for (size_t i = 0; good && i < count; i++) {
		results[i].host = hosts[i];
		good = make_room(&results[i], o, tls);
		if (good)
			ask_host(&results[i], o);
	}
	if (good)
		status = report(results, count, o->json);
	else
		fputs("tickwire query: out of memory; ask fewer hosts or samples at a time\n", stderr);
	for (size_t i = 0; results && i < count; i++)
		release(&results[i]);
	free(results);
	return status;
}

static int complain_of_authorities(const char *text)
{
	fprintf(stderr,
		"tickwire query: %s; --ca expects a PEM file of certificates, or a directory of such files "
		"that `openssl rehash` has been through\n",
		text);
	return EXIT_USAGE;
}

int query_main(int argc, char **argv)
{
	struct query_options o;
	struct tls_client *tls = NULL;
	char text[512];
	int status;

	if (!query_options_parse(&o, argc, argv)) {
		fputs(query_usage, stderr);
		return EXIT_USAGE;
	}
	if (o.help) {
		printf("%s%s", query_usage, query_help);
		return EXIT_ANSWERED;
	}
	if (o.nts && !(tls = tls_client_new(o.ca, text, sizeof(text))))
		return complain_of_authorities(text);
	status = query_hosts(argv + optind, (size_t)(argc - optind), &o, tls);
	if (tls)
		tls_client_free(tls);
	return status;
}
