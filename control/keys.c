#include "control/keys.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/control_socket.h"
#include "control/file_content.h"
#include "control/new_file.h"
#include "control/run_dir.h"
#include "control/selfsign.h"
#include "nts/key_file.h"

enum { IMPORT_MAX = 2 * KEY_FILE_MAX };

/* A call as its subcommand gets it. */
struct call {
	const char *run_dir;
	bool json, force;
	unsigned days;
	char **operand;
	unsigned operands;
};

static char reply[CONTROL_REPLY_MAX];

static int usage(FILE *out, int status)
{
	fputs("usage: tickwire keys list [--json] [--run-dir DIR]\n"
	      "       tickwire keys rotate [--run-dir DIR]\n"
	      "       tickwire keys export [--force] [--run-dir DIR] FILE\n"
	      "       tickwire keys import [--run-dir DIR] FILE\n"
	      "       tickwire keys selfsign [--days N] [--force] DIR NAME...\n",
		out);
	if (status == 0)
		fputs("\n"
		      "The keys that a running tickwire seals NTS cookies with. Needs root.\n"
		      "\n"
		      "  list      ids, states and times; never a key\n"
		      "  rotate    the future key becomes current, now; not with `ntsrotate 0`\n"
		      "  export    write them to a new FILE (- for standard output) that is secret; chrony\n"
		      "            reads it as its ntskeys\n"
		      "  import    go on with the keys of FILE, from another tickwire or chrony; not with\n"
		      "            `ntsrotate 0`\n"
		      "  selfsign  make DIR/NAME.key and a certificate for it, DIR/NAME.crt, which clients "
		      "are\n"
		      "            given as what they trust; NAMEs are host names and addresses of the "
		      "server.\n"
		      "            No tickwire has to run\n"
		      "\n"
		      "  --json         as JSON, with times in Unix seconds\n"
		      "  --force        replace files that are there\n"
		      "  --days N       how long the certificate is valid, 1 to 3650; 365 without this\n"
		      "  --run-dir DIR  of the running tickwire; " RUN_DIR_DEFAULT " without this\n"
		      "\n"
		      "Exit status: 0 done, 1 not done, 2 wrong call.\n",
			out);
	return status;
}

static bool ask(const struct call *call, const char *request)
{
	char text[512];

	if (control_ask(call->run_dir, request, reply, text, sizeof(text)))
		return true;
	fprintf(stderr, "tickwire: %s\n", text);
	return false;
}

/* A reply that ends with the line "done" or "refused". */
static int show_outcome(void)
{
	const size_t size = strlen(reply);
	const bool done =
		strcmp(reply, "done\n") == 0 || (size > 6 && strcmp(reply + size - 6, "\ndone\n") == 0);

	fputs(reply, done ? stdout : stderr);
	return done ? 0 : 1;
}

/* ---- list ---- */

/* Unix seconds in UTC. */
static const char *show_time(const json_t *seconds, char text[32])
{
	const time_t time = (time_t)json_number_value(seconds);
	struct tm tm;

	if (!json_is_number(seconds) || !gmtime_r(&time, &tm) ||
		strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(text, 32, "?");
	return text;
}

static const char *string_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "?";
}

/* Only what is meant for eyes, whatever the supervisor knows. */
static json_t *listed(const json_t *status)
{
	static const char *const shown[] = {"id", "state", "not_before", "not_after"};
	const json_t *key;
	json_t *list = json_array();
	size_t i;

	json_array_foreach(json_object_get(status, "keys"), i, key)
	{
		json_t *object = json_object();

		for (size_t k = 0; k < sizeof(shown) / sizeof(shown[0]); k++)
			json_object_set(object, shown[k], json_object_get(key, shown[k]));
		json_array_append_new(list, object);
	}
	return json_pack("{s:o, s:O*}", "keys", list, "rotations", json_object_get(status, "rotations"));
}

static void print_list(const json_t *root)
{
	const json_t *key;
	size_t i;

	printf("%-8s  %-8s  %-20s  %s\n", "id", "state", "begins", "ends");
	json_array_foreach(json_object_get(root, "keys"), i, key)
	{
		char begins[32], ends[32];

		printf("%-8s  %-8s  %-20s  %s\n", string_of(key, "id"), string_of(key, "state"),
			show_time(json_object_get(key, "not_before"), begins),
			show_time(json_object_get(key, "not_after"), ends));
	}
}

static int list(const struct call *call)
{
	json_t *status, *root;

	if (!ask(call, "keys list"))
		return 1;
	status = json_loads(reply, JSON_DISABLE_EOF_CHECK, NULL); /* "done" is behind it */
	root = json_is_object(status) ? listed(status) : NULL;
	if (!root) {
		fputs(reply, stderr);
	} else if (!json_is_array(json_object_get(status, "keys"))) {
		fputs("tickwire keys list: tickwire-ke has not said which keys there are; is it running? See "
		      "`tickwire status`\n",
			stderr);
		json_decref(root);
		root = NULL;
	} else if (call->json) {
		json_dumpf(root, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
		puts("");
	} else {
		print_list(root);
	}
	json_decref(status);
	json_decref(root);
	return root ? 0 : 1;
}

/* ---- rotate, export, import ---- */

static int rotate(const struct call *call)
{
	return ask(call, "keys rotate") ? show_outcome() : 1;
}

static bool write_export(const struct call *call)
{
	const char *path = call->operand[0];
	char text[512];

	if (strcmp(path, "-") == 0) {
		if (fputs(reply, stdout) >= 0 && fflush(stdout) == 0)
			return true;
		perror("tickwire keys export: standard output");
		return false;
	}
	if (new_file_write(path, 0600, call->force, reply, strlen(reply), text, sizeof(text)))
		return true;
	fprintf(stderr, "tickwire: %s\n", text);
	return false;
}

/* What is not a key file is the supervisor's reason why there is none. */
static int export(const struct call *call)
{
	bool good = ask(call, "keys export");

	if (good && strncmp(reply, "NKS", 3) != 0) {
		fputs(reply, stderr);
		good = false;
	}
	good = good && write_export(call);
	explicit_bzero(reply, sizeof(reply));
	return good ? 0 : 1;
}

/* "line N: text" of nts/key_file.h in the form of compilers, FILE:N: error: text. */
static void show_reason(const char *path, const char *message)
{
	unsigned line;
	int text = 0;

	if (sscanf(message, "line %u: %n", &line, &text) == 1 && text > 0)
		fprintf(stderr, "%s:%u: error: %s\n", path, line, message + text);
	else
		fprintf(stderr, "%s: error: %s\n", path, message);
}

/* The running tickwire looks as well; this is for sentences about the file that was named. */
static bool check_import(const char *path)
{
	char text[IMPORT_MAX], message[512];
	struct keyring ring = {0};
	struct timespec now;
	size_t size;
	bool good;

	clock_gettime(CLOCK_REALTIME, &now);
	good = file_content_read(path, text, sizeof(text), &size);
	if (!good)
		fprintf(stderr, "%s: error: %s\n", path,
			errno == EFBIG ? "too long for a key file" : strerror(errno));
	else if (!key_file_read(&ring, text, size, ntp64_from_timespec(now), 0, message, sizeof(message))) {
		show_reason(path, message);
		good = false;
	}
	if (good && file_content_is_exposed(path))
		fprintf(stderr,
			"%s: warning: others than its owner may reach the keys in it; chmod 600, or remove "
			"it\n",
			path);
	explicit_bzero(text, sizeof(text));
	explicit_bzero(&ring, sizeof(ring));
	return good;
}

static int import(const struct call *call)
{
	const char *path = call->operand[0];
	char absolute[PATH_MAX], request[CONTROL_REQUEST_MAX];

	if (!check_import(path))
		return 1;
	if (!realpath(path, absolute)) {
		fprintf(stderr, "%s: error: %s\n", path, strerror(errno));
		return 1;
	}
	/* The line that is sent ends in a newline, which a path must not have. */
	if (snprintf(request, sizeof(request), "keys import %s", absolute) >= (int)sizeof(request) - 1 ||
		strchr(absolute, '\n')) {
		fprintf(stderr,
			"tickwire keys import: found a path of %zu octets, expected one of at most %d "
			"without a line's end\n",
			strlen(absolute), CONTROL_REQUEST_MAX - 2 - (int)strlen("keys import "));
		return 1;
	}
	return ask(call, request) ? show_outcome() : 1;
}

/* ---- selfsign ---- */

static int make_certificate(const struct call *call)
{
	char dir[PATH_MAX];
	/* Directives want whole paths. A directory that has none is complained about by its own name. */
	struct selfsign s = {.dir = realpath(call->operand[0], dir) ? dir : call->operand[0],
		.name = (const char *const *)call->operand + 1,
		.names = call->operands - 1,
		.days = call->days,
		.replace = call->force};
	char text[SELFSIGN_PATH + 256];

	if (!selfsign(&s, text, sizeof(text))) {
		fprintf(stderr, "tickwire keys selfsign: %s\n", text);
		return 1;
	}
	printf("ntsservercert %s\nntsserverkey %s\n", s.certificate, s.key);
	return 0;
}

/* ---- the command line ---- */

struct subcommand {
	const char *name;
	const char *options; /* letters of those that it takes */
	unsigned least, most;
	int (*run)(const struct call *call);
	const char *expected; /* operands */
};

static const struct subcommand subcommands[] = {
	{"list", "jr", 0, 0, list, "none"},
	{"rotate", "r", 0, 0, rotate, "none"},
	{"export", "fr", 1, 1, export, "one file"},
	{"import", "r", 1, 1, import, "one file"},
	{"selfsign", "df", 2, UINT_MAX, make_certificate, "a directory and names"},
};

static bool parse_days(const char *word, unsigned *days)
{
	char *end;
	const long value = strtol(word, &end, 10);

	if (word[0] >= '0' && word[0] <= '9' && *end == '\0' && value >= 1 && value <= SELFSIGN_DAYS_MOST) {
		*days = (unsigned)value;
		return true;
	}
	fprintf(stderr, "tickwire keys selfsign: found --days \"%s\", expected 1 to %d\n", word,
		SELFSIGN_DAYS_MOST);
	return false;
}

/* An option of the subcommand into the call. */
static bool take_option(struct call *call, int option)
{
	switch (option) {
	case 'j':
		return call->json = true;
	case 'f':
		return call->force = true;
	case 'r':
		call->run_dir = optarg;
		return true;
	default:
		return parse_days(optarg, &call->days);
	}
}

static int run(const struct subcommand *sub, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
		{"force", no_argument, NULL, 'f'}, {"run-dir", required_argument, NULL, 'r'},
		{"days", required_argument, NULL, 'd'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct call call = {.run_dir = RUN_DIR_DEFAULT, .days = SELFSIGN_DAYS};
	int option;

	optind = 0; /* glibc: start anew, whatever was parsed before */
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			return usage(stdout, 0);
		if (option == '?')
			return usage(stderr, 2);
		if (!strchr(sub->options, option)) {
			fprintf(stderr, "tickwire keys %s: found an option of another subcommand\n",
				sub->name);
			return usage(stderr, 2);
		}
		if (!take_option(&call, option))
			return 2;
	}
	call.operand = argv + optind;
	call.operands = (unsigned)(argc - optind);
	if (call.operands >= sub->least && call.operands <= sub->most)
		return sub->run(&call);
	fprintf(stderr, "tickwire keys %s: found %u operand%s, expected %s\n", sub->name, call.operands,
		call.operands == 1 ? "" : "s", sub->expected);
	return usage(stderr, 2);
}

int keys_main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return usage(stdout, 0);
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
		if (strcmp(name, subcommands[i].name) == 0)
			return run(&subcommands[i], argc - 1, argv + 1);
	fprintf(stderr, "tickwire keys: found %s%s%s, expected list, rotate, export, import or selfsign\n",
		name[0] ? "\"" : "no", name[0] ? name : " subcommand", name[0] ? "\"" : "");
	return usage(stderr, 2);
}
