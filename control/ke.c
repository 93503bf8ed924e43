/*
 * tickwire-ke: gives clients of NTS their keys and cookies over TLS (RFC 8915 section 4), and keeps the
 * master keys that cookies are sealed with, in the segment of nts/keyring.h.
 *
 * The main thread listens to the supervisor and turns the keys; connections are the business of threads of
 * control/ke_worker.h. After the start no file is touched: the supervisor passes certificates and keys, and
 * keeps the key file.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "control/ke_service.h"
#include "control/stop_signal.h"
#include "dataplane/log.h"
#include "dataplane/sandbox.h"

struct options {
	const char *run_dir;
	const char *user;
	int channel; /* descriptor; -1: none */
	enum sandbox_mode seccomp;
	uint32_t rotate_s;
	bool verbose;
	struct ke_server_options server;
};

static int usage(FILE *out, int status)
{
	fputs("usage: tickwire-ke --run-dir DIR --channel FD [options]\n"
	      "Establishes keys for NTS and publishes the keyring in DIR/keyring. `tickwire run` starts "
	      "it.\n\n"
	      "  --run-dir DIR          directory of this instance's segments\n"
	      "  --channel FD           the open socket to the supervisor\n"
	      "  --user NAME            unprivileged user to become (default _tickwire, else nobody)\n"
	      "  --port N               TCP port; without it keys are kept, but none established\n"
	      "  --address ADDRESS      listen on this one only; may be given again\n"
	      "  --threads N            1-64: threads for connections (default 1)\n"
	      "  --connections N        connections at a time (default 100)\n"
	      "  --rate-limit I,B,L     of an address: a connection in 2^I s (-19 to 12), B at once (1-255), "
	      "and of\n"
	      "                         those beyond 1 in 2^L (0-4; 0: none)\n"
	      "  --rotate SEC           interval between two keys (default 604800); 0: somebody else keeps "
	      "the keys\n"
	      "  --aeads LIST           AEADs to offer, as 15,30 (default both)\n"
	      "  --ntp-server NAME      tell clients to ask this server for the time\n"
	      "  --ntp-port PORT        tell clients to ask this port for the time\n"
	      "  --seccomp MODE         kill, errno or off (default kill)\n"
	      "  --verbose              say more\n"
	      "  --help                 this text\n",
		out);
	return status;
}

static bool parse_integer(
	const char *option, const char *text, const char **end, long low, long high, long *value)
{
	char *stop;

	errno = 0;
	*value = strtol(text, &stop, 10);
	*end = stop;
	if (errno == 0 && stop != text && *value >= low && *value <= high)
		return true;
	log_error("--%s %s: expected a whole number from %ld to %ld", option, text, low, high);
	return false;
}

static bool parse_number(const char *option, const char *text, long low, long high, long *value)
{
	const char *end;

	if (!parse_integer(option, text, &end, low, high, value))
		return false;
	if (!*end)
		return true;
	log_error("--%s %s: expected a whole number from %ld to %ld", option, text, low, high);
	return false;
}

/* INTERVAL,BURST,LEAK */
static bool parse_rate(const char *text, struct ke_server_options *server)
{
	static const struct {
		long low, high;
		char end;
	} part[] = {{KE_LIMITER_INTERVAL_MIN, KE_LIMITER_INTERVAL_MAX, ','}, {1, KE_LIMITER_BURST_MAX, ','},
		{0, KE_LIMITER_LEAK_MAX, '\0'}};
	const char *at = text;
	long value[3];

	for (size_t i = 0; i < 3; i++) {
		if (!parse_integer("rate-limit", at, &at, part[i].low, part[i].high, &value[i]))
			return false;
		if (*at != part[i].end) {
			log_error("--rate-limit %s: expected INTERVAL,BURST,LEAK", text);
			return false;
		}
		at += *at != '\0';
	}
	server->limited = true;
	server->rate = (struct ke_limiter_rate){
		.interval = (int)value[0], .burst = (unsigned)value[1], .leak = (unsigned)value[2]};
	return true;
}

static bool add_address(const char *text, struct ke_server_options *server)
{
	if (server->addresses == KE_SERVER_ADDRESSES) {
		log_error("--address %s: more than %u of them", text, (unsigned)KE_SERVER_ADDRESSES);
		return false;
	}
	server->address[server->addresses++] = text;
	return true;
}

static bool set_ntp_server(const char *text, struct ke_server_options *server)
{
	if (!text[0] || strlen(text) > KE_NAME_MAX) {
		log_error("--ntp-server %s: expected a name of 1 to %u octets", text, (unsigned)KE_NAME_MAX);
		return false;
	}
	server->ntp_server = text;
	return true;
}

static bool set_aeads(const char *text, struct ke_server_options *server)
{
	if (ke_aeads_parse(&server->aeads, text))
		return true;
	log_error("--aeads %s: expected 15, 30 or both, as 15,30", text);
	return false;
}

enum {
	OPTION_RUN_DIR = 256,
	OPTION_CHANNEL,
	OPTION_USER,
	OPTION_PORT,
	OPTION_ADDRESS,
	OPTION_THREADS,
	OPTION_CONNECTIONS,
	OPTION_RATE,
	OPTION_ROTATE,
	OPTION_AEADS,
	OPTION_NTP_SERVER,
	OPTION_NTP_PORT,
	OPTION_SECCOMP,
	OPTION_VERBOSE,
	OPTION_HELP
};

static bool parse_count(struct options *o, int option, const char *argument)
{
	long n = 0;
	bool ok = false;

	if (option == OPTION_CHANNEL && (ok = parse_number("channel", argument, 0, INT32_MAX, &n)))
		o->channel = (int)n;
	else if (option == OPTION_PORT && (ok = parse_number("port", argument, 1, UINT16_MAX, &n)))
		o->server.port = (uint16_t)n;
	else if (option == OPTION_THREADS &&
		 (ok = parse_number("threads", argument, 1, KE_SERVER_THREADS, &n)))
		o->server.threads = (unsigned)n;
	else if (option == OPTION_CONNECTIONS &&
		 (ok = parse_number("connections", argument, 1, KE_SERVER_CONNECTIONS, &n)))
		o->server.connections = (unsigned)n;
	else if (option == OPTION_ROTATE &&
		 (ok = parse_number("rotate", argument, 0, KE_KEYS_ROTATE_MAX, &n)))
		o->rotate_s = (uint32_t)n;
	else if (option == OPTION_NTP_PORT && (ok = parse_number("ntp-port", argument, 1, UINT16_MAX, &n)))
		o->server.ntp_port = (uint16_t)n;
	return ok;
}

static bool parse_option(struct options *o, int option, const char *argument)
{
	bool ok = true;

	if (option == OPTION_RUN_DIR)
		o->run_dir = argument;
	else if (option == OPTION_USER)
		o->user = argument;
	else if (option == OPTION_ADDRESS)
		ok = add_address(argument, &o->server);
	else if (option == OPTION_RATE)
		ok = parse_rate(argument, &o->server);
	else if (option == OPTION_AEADS)
		ok = set_aeads(argument, &o->server);
	else if (option == OPTION_NTP_SERVER)
		ok = set_ntp_server(argument, &o->server);
	else if (option == OPTION_VERBOSE)
		o->verbose = true;
	else if (option == OPTION_SECCOMP && !(ok = sandbox_parse_mode(argument, &o->seccomp)))
		log_error("--seccomp %s: expected kill, errno or off", argument);
	else if (option != OPTION_SECCOMP)
		ok = parse_count(o, option, argument);
	return ok;
}

/* -1 to go on, else the status to exit with. */
static int parse_options(struct options *o, int argc, char **argv)
{
	static const struct option table[] = {
		{"run-dir", required_argument, NULL, OPTION_RUN_DIR},
		{"channel", required_argument, NULL, OPTION_CHANNEL},
		{"user", required_argument, NULL, OPTION_USER},
		{"port", required_argument, NULL, OPTION_PORT},
		{"address", required_argument, NULL, OPTION_ADDRESS},
		{"threads", required_argument, NULL, OPTION_THREADS},
		{"connections", required_argument, NULL, OPTION_CONNECTIONS},
		{"rate-limit", required_argument, NULL, OPTION_RATE},
		{"rotate", required_argument, NULL, OPTION_ROTATE},
		{"aeads", required_argument, NULL, OPTION_AEADS},
		{"ntp-server", required_argument, NULL, OPTION_NTP_SERVER},
		{"ntp-port", required_argument, NULL, OPTION_NTP_PORT},
		{"seccomp", required_argument, NULL, OPTION_SECCOMP},
		{"verbose", no_argument, NULL, OPTION_VERBOSE},
		{"help", no_argument, NULL, OPTION_HELP},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (option == OPTION_HELP)
			return usage(stdout, EX_OK);
		if (!parse_option(o, option, optarg))
			return usage(stderr, EX_USAGE);
	}
	if (optind == argc && o->run_dir && o->channel >= 0)
		return -1;
	log_error(optind < argc ? "unexpected argument"
		  : o->run_dir  ? "--channel is missing"
				: "--run-dir is missing");
	return usage(stderr, EX_USAGE);
}

/*
 * What libraries would open files for later, when there are none to be opened: the C library the number of
 * CPUs, to know how many heaps threads may have, /proc/sys/vm/overcommit_memory before it shrinks a heap that
 * is not the first, and the time zone, though only UTC is asked of it; jansson random octets; OpenSSL its
 * configuration. One heap for all threads asks for neither of the first two.
 */
static bool prepare_libraries(void)
{
	tzset();
	json_object_seed(0);
	(void)mallopt(M_ARENA_MAX, 1); /* another allocator may know no such thing */
	return OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL) == 1;
}

static bool open_segment(struct ke_service *s, const char *run_dir, char *text, size_t size)
{
	const enum shm_error error = shm_create(&s->segment, run_dir, &KEYRING_CONTRACT);

	if (error != SHM_OK)
		shm_explain(error, run_dir, &KEYRING_CONTRACT, text, size);
	return error == SHM_OK;
}

static bool adopt_channel(int fd, char *text, size_t size)
{
	int type = 0;
	socklen_t length = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET &&
		fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
		return true;
	snprintf(text, size, "--channel %d: expected an open SOCK_SEQPACKET socket; `tickwire run` gives one",
		fd);
	return false;
}

/* The threads start between the two steps: capabilities are each thread's, and a filter is for all there are.
 */
static bool confine(struct ke_service *s, const struct options *o, const struct sandbox_user *user,
	pid_t parent, char *text, size_t size)
{
	static const struct sandbox_rule rules[] = {
		{SCMP_SYS(accept4), -1, 0},
		{SCMP_SYS(epoll_ctl), -1, 0},
		{SCMP_SYS(fcntl), 1, F_DUPFD_CLOEXEC},
		{SCMP_SYS(listen), -1, 0},
		{SCMP_SYS(recvfrom), -1, 0},
		{SCMP_SYS(recvmsg), -1, 0},
		{SCMP_SYS(sendmsg), -1, 0},
		{SCMP_SYS(sendto), -1, 0},
		{SCMP_SYS(setsockopt), 1, SOL_SOCKET},
		{SCMP_SYS(shutdown), -1, 0},
		/* The C library's qsort asks how much memory it may take. */
		{SCMP_SYS(sysinfo), -1, 0},
	};

	if (!sandbox_drop_privileges(user, NULL, 0, text, size))
		return false;
	/* Keys are in no core file, and nobody of the same user looks into the memory. */
	prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
	/* Becoming another user has cleared it. */
	if (!sandbox_follow_parent(parent)) {
		snprintf(text, size, "the supervisor has ended");
		return false;
	}
	return ke_server_start(s->server, text, size) &&
	       sandbox_filter(o->seccomp, rules, sizeof(rules) / sizeof(rules[0]), text, size);
}

/* EX_OK to go on. */
static int start(struct ke_service *s, const struct options *o, pid_t parent, char *text, size_t size)
{
	struct sandbox_user user;

	if (!adopt_channel(o->channel, text, size))
		return EX_USAGE;
	s->channel = o->channel;
	s->threads = o->server.threads;
	ke_keys_init(&s->keys, o->rotate_s);
	if (!sandbox_find_user(&user, o->user, text, size))
		return EX_CONFIG;
	if (!open_segment(s, o->run_dir, text, size))
		return EX_CANTCREAT;
	if (!prepare_libraries()) {
		snprintf(text, size,
			"OpenSSL cannot be initialised; is its configuration (openssl.cnf) in order?");
		return EX_OSERR;
	}
	s->server = ke_server_open(&o->server, text, size);
	if (!s->server)
		return EX_UNAVAILABLE;
	return confine(s, o, &user, parent, text, size) ? EX_OK : EX_OSERR;
}

/* False when the supervisor is gone, or what it asked for cannot be. */
static bool follow(struct ke_service *s, const sigset_t *mask)
{
	while (!stop_signalled) {
		const int due_ms = ke_service_tick(s);
		const struct timespec t = {.tv_sec = due_ms / 1000, .tv_nsec = due_ms % 1000 * 1000000L};
		struct pollfd p = {.fd = s->channel, .events = POLLIN};

		if (ppoll(&p, 1, &t, mask) == 1 && !ke_service_hear(s))
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct options options = {
		.user = "", .channel = -1, .rotate_s = 604800, .server = {.threads = 1, .connections = 100}};
	struct ke_service service = {.channel = -1};
	pid_t parent = getppid();
	sigset_t outside;
	char text[512];
	int status;

	options.server.aeads = ke_aeads_default;
	log_init("tickwire-ke", LOG_LEVEL_NOTICE);
	status = parse_options(&options, argc, argv);
	if (status >= 0)
		return status;
	if (options.verbose)
		log_init("tickwire-ke", LOG_LEVEL_DEBUG);
	stop_signal_catch(&outside);
	if (!sandbox_follow_parent(parent))
		return EX_UNAVAILABLE;
	status = start(&service, &options, parent, text, sizeof(text));
	if (status != EX_OK)
		log_error("%s", text);
	else if (!follow(&service, &outside))
		status = EX_UNAVAILABLE;
	ke_server_close(service.server);
	ke_service_end(&service);
	shm_close(&service.segment);
	return status;
}
