#include "bench/ke_command.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/ke_options.h"
#include "bench/ke_report.h"
#include "bench/ke_storm.h"
#include "bench/target.h"

enum { EXIT_ALL_RIGHT = 0, EXIT_NOT_ALL = 1, EXIT_USAGE = 2 };

static volatile sig_atomic_t stopped;

static void note_stop(int number)
{
	(void)number;
	stopped = 1;
}

/* A second one ends the program as it would have before. */
static void catch_stop(void)
{
	struct sigaction action = {.sa_handler = note_stop, .sa_flags = (int)SA_RESETHAND};

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static int complain(const char *text, int status)
{
	fprintf(stderr, "tickwire bench ke: %s\n", text);
	return status;
}

static void show_progress(void *opaque, const struct ke_storm_result *result)
{
	const struct ke_options *options = opaque;

	if (options->hold)
		fprintf(stderr, "%6.0f s: held %" PRIu64 ", closed by the server %" PRIu64 "\n",
			result->seconds, result->held, result->dropped);
	else
		fprintf(stderr, "%6.0f s: begun %" PRIu64 ", good %" PRIu64 ", failed %" PRIu64 "\n",
			result->seconds, result->begun, result->good, result->failed);
}

static bool find_target(struct target *target, const struct ke_options *options, char *text, size_t size)
{
	const uint16_t port = options->port ? options->port : KE_PORT_DEFAULT;

	if (!target_parse(target, options->target, port, options->family, text, size))
		return false;
	if (options->port && target->port != options->port) {
		snprintf(text, size, "-p is %u, and the target's own port %u; expected one of them",
			options->port, target->port);
		return false;
	}
	return target_permit(target, options->owned, text, size);
}

static struct ke_storm_settings make_settings(
	struct ke_options *options, const struct target *target, struct tls_client *tls)
{
	return (struct ke_storm_settings){
		.terms = {.address = target->address,
			.address_length = target->address_length,
			.name = options->name ? options->name : target->host,
			.aeads = options->aeads,
			.tls = tls,
			.hold = options->hold},
		.connections = options->connections,
		.count = options->count,
		.seconds = options->seconds,
		.timeout = options->timeout,
		.arrival = {.kind = options->arrival, .rate = options->rate, .seed = 1},
		.stop = &stopped,
		.progress = isatty(STDERR_FILENO) ? show_progress : NULL,
		.opaque = options,
	};
}

static int report(
	const struct ke_options *options, const struct target *target, const struct ke_storm_result *result)
{
	bool written = true;

	if (options->json)
		written = ke_report_print_json(stdout, options, target, result);
	else
		ke_report_print(stdout, options, target, result);
	if (options->csv && !ke_report_write_csv(options->csv, result)) {
		fprintf(stderr, "tickwire bench ke: --csv %s: %s\n", options->csv, strerror(errno));
		written = false;
	}
	return written && ke_storm_is_clean(result) ? EXIT_ALL_RIGHT : EXIT_NOT_ALL;
}

int ke_run(struct ke_options *options)
{
	static struct ke_storm_result result;
	struct ke_storm_settings settings;
	struct target target;
	struct tls_client *tls;
	char text[512];
	bool done;

	if (!find_target(&target, options, text, sizeof(text)))
		return complain(text, EXIT_USAGE);
	tls = tls_client_new(options->ca, text, sizeof(text));
	if (!tls)
		return complain(text, EXIT_USAGE);
	settings = make_settings(options, &target, tls);
	catch_stop();
	done = ke_storm_run(&settings, &result, text, sizeof(text));
	tls_client_free(tls);
	return done ? report(options, &target, &result) : complain(text, EXIT_USAGE);
}

int ke_command(int argc, char **argv)
{
	struct ke_options options;

	if (!ke_options_parse(&options, argc, argv))
		return EXIT_USAGE;
	if (options.help)
		return fputs(ke_options_help, stdout) == EOF;
	return ke_run(&options);
}
