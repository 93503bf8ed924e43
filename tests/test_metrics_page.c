/*
 * The page for Prometheus: control/metrics_page.h. test_metrics_page GOLDEN compares a page of made-up values
 * with a file; --print prints that page.
 */
#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/metrics_page.h"

static char page[METRICS_PAGE_SIZE + 1];
static const char *golden;
static struct timebase timebase;
static struct sources sources;
static struct counters counters;
static struct instance instance;
static const struct metrics_view view = {
	"1.2.3", &timebase, 5000000000, &sources, 0.25, &counters, &instance};
static const struct metrics_view nothing;

#define SAY(array, text) snprintf(array, sizeof(array), "%s", text)

static void make_timebase(void)
{
	timebase = (struct timebase){.counter = 4000000000,
		.rate = (UINT64_C(1) << 62) / 1000000000 << (32 + TIMEBASE_RATE_SHIFT - 62),
		.counter_hz = 1000000000,
		.valid_until = 65000000000,
		.error_bound = 42950, /* 10 us */
		.root_dispersion = 4294967,
		.root_delay = 655,
		.refid = {'P', 'P', 'S', '0'},
		.leap = NTP_LEAP_INSERT,
		.leap_at = 95000000000,
		.leap_step = (int64_t)NTP64_SECOND,
		.stratum = 1,
		.steps = 2,
		.tai_offset = 37,
		.keeper = TIMEBASE_KEEPER_SOURCES,
		.updates = 1234,
		.skew_ppb = -3512,
		.smear = INT64_C(-429496730)};
}

static struct source_report *add_source(const char *name, const char *parameter, const char *refid)
{
	struct source_report *s = &sources.source[sources.count++];

	memset(s, 0, sizeof(*s));
	SAY(s->name, name);
	SAY(s->parameter, parameter);
	memcpy(s->refid, refid, strlen(refid));
	s->offset = s->last_offset = s->frequency = NAN;
	return s;
}

static void make_sources(void)
{
	struct source_report *s;

	memset(&sources, 0, sizeof(sources));
	sources.rung = LADDER_RAISED;
	sources.counter = 4900000000;
	sources.counter_hz = 1e9;
	sources.offset = -12e-9;
	sources.bound = 1e-5;
	sources.holdover = 75;
	sources.temperature = 41.5;
	sources.leap_list_expires = 1798416000;
	sources.files_lost = 7;
	s = add_source("PPS", "/dev/pps0", "PPS0");
	s->state = SOURCE_STATE_SELECTED;
	s->reach = 0377;
	s->open = 1;
	s->samples = 1000;
	s->last_sample = 4150000000;
	s->offset = -12e-9;
	s->last_offset = 34e-9;
	s->jitter = 98e-9;
	s->error = 1.5e-6;
	s->verdicts[SOURCE_USED] = 990;
	s->verdicts[SOURCE_OUTLIER] = 10;
	/* What an operator writes into the configuration is in labels, too. */
	s = add_source("NMEA", "/dev/\"gps\\\n\xc3\xa4\"", "GPS");
	s->receiver = RECEIVER_GNSS;
	s->reach = 0x15;
	s->gnss.fix = RECEIVER_FIX_3D;
	s->gnss.used = 7;
	s->gnss.in_view = 12;
	s = add_source("DCF77", "/dev/ttyS0", "DCF");
	s->state = SOURCE_STATE_FALSETICKER;
	s->receiver = RECEIVER_RADIO;
	s->radio.telegrams = 60;
	s->radio.parity_errors = 3;
	s->radio.implausible = 1;
}

static void make_counters(void)
{
	memset(&counters, 0, sizeof(counters));
	counters.facts.workers = 2;
	counters.facts.ports = 1;
	SAY(counters.facts.port[0].interface, "eth0");
	SAY(counters.facts.port[0].driver, "net_af_xdp");
	counters.facts.port[0].link_up = 1;
	for (unsigned i = 0; i < 2; i++) {
		struct worker_counters *w = &counters.worker[i];

		w->cpu = 2 + (int)i;
		w->verdict[VERDICT_ANSWERED] = UINT64_C(9007199254740993); /* no double has it */
		w->verdict[VERDICT_NTS_UNKNOWN_KEY] = 5;
		w->rx_frames = 100 + i;
		w->busy_cycles = 2500000000;
		w->heartbeat = 4990000000;
		w->nts_kisses = 4;
		w->nts_kisses_withheld = 1;
	}
}

static void make_nts(struct instance_nts *nts)
{
	nts->on = nts->running = 1;
	nts->failure[INSTANCE_NTS_DUMP] = 1;
	nts->rotations = 9;
	nts->connections = 2;
	nts->accepted = 100;
	nts->outcome[KE_OUTCOME_ALPN] = 3;
	nts->certificates = 1;
	SAY(nts->certificate[0].file, "/etc/tickwire/c.pem");
	SAY(nts->certificate[0].kind, "EC prime256v1");
	nts->certificate[0].not_before = 1760000000;
	nts->certificate[0].not_after = 1790000000;
	nts->keys = 1;
	SAY(nts->key[0].id, "0123ABCD");
	SAY(nts->key[0].state, "current");
	nts->key[0].not_before = 1780000000;
	nts->key[0].not_after = 1781814400;
}

static void make_instance(void)
{
	memset(&instance, 0, sizeof(instance));
	instance.ready = 1;
	instance.rung = LADDER_RAISED;
	SAY(instance.reason, "error up to 0.0123 s, more than 1e-02 s, after 75 s without PPS0");
	instance.daemons = 2;
	instance.daemon[0] = (struct instance_daemon){"tickwire-clock", 1, 42, 12.5};
	instance.daemon[1] = (struct instance_daemon){"tickwire-ke", 3, 0, 0};
	instance.paths = 1;
	instance.path[0] = (struct instance_path){"eth0", 1000, 2, 3};
	make_nts(&instance.nts);
}

static int setup(void **state)
{
	(void)state;
	make_timebase();
	make_sources();
	make_counters();
	make_instance();
	return 0;
}

static size_t make(const struct metrics_view *v)
{
	struct metrics_out out = {.text = page, .size = METRICS_PAGE_SIZE};

	metrics_page(&out, v);
	assert_false(out.full);
	page[out.used] = '\0';
	return out.used;
}

static void the_golden_page(void **state)
{
	static char expected[METRICS_PAGE_SIZE];
	FILE *file = fopen(golden, "re");
	size_t n;

	(void)state;
	assert_non_null(file);
	n = fread(expected, 1, sizeof(expected) - 1, file);
	fclose(file);
	expected[n] = '\0';
	make(&view);
	for (char *a = page, *b = expected; *a || *b;) {
		const size_t length = strcspn(a, "\n"), other = strcspn(b, "\n");

		if (length != other || memcmp(a, b, length) != 0)
			fail_msg("%.*s\nis expected to be\n%.*s", (int)length, a, (int)other, b);
		a += length + (a[length] == '\n');
		b += other + (b[other] == '\n');
	}
}

static void assert_line(const char *line)
{
	make(&view);
	if (!strstr(page, line))
		fail_msg("not there: %s", line);
}

/* Of what is not known there is nothing at all, nor a family without a sample. */
static void not_known(void **state)
{
	(void)state;
	make(&nothing);
	assert_int_equal(page[0], '\0');
	sources.temperature = NAN;
	sources.leap_list_expires = 0;
	timebase.tai_offset = 0;
	timebase.leap_step = 0;
	instance.nts.on = 0;
	make(&view);
	assert_null(strstr(page, "temperature"));
	assert_null(strstr(page, "leap_list"));
	assert_null(strstr(page, "tai_offset"));
	assert_null(strstr(page, "leap_second_in"));
	assert_null(strstr(page, "tickwire_nts"));
	sources.count = 0;
	make(&view);
	assert_null(strstr(page, "source_"));
	assert_null(strstr(page, "holdover"));
}

/* The reason of a rung makes no new series each second. */
static void reasons(void **state)
{
	static const char *const row[][2] = {
		{"error at most 1.5e-06 s", "error at most N s"},
		{"error at most 3 s", "error at most N s"},
		{"PPS0 and eth0 are lost", "PPS0 and eth0 are lost"},
		{"7", "N"},
		{"", ""},
		{"a \"quoted\\\" one", "a \\\"quoted\\\\\\\" one"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char line[128];

		SAY(instance.reason, row[i][0]);
		snprintf(line, sizeof(line), "tickwire_clock_rung_info{rung=\"raised\",reason=\"%s\"} 1\n",
			row[i][1]);
		assert_line(line);
	}
	memset(instance.reason, '5', sizeof(instance.reason));
	assert_line("reason=\"N\"} 1\n");
	memset(instance.reason, 'a', sizeof(instance.reason));
	make(&view);
}

static void what_replies_say(void **state)
{
	(void)state;
	assert_line("tickwire_clock_synchronised 1\n");
	timebase.serve = TIMEBASE_SILENT;
	assert_line("tickwire_clock_synchronised 0\n");
	assert_line("tickwire_clock_silent 1\n");
	setup(NULL);
	timebase.valid_until = view.now;
	assert_line("tickwire_clock_synchronised 0\n");
	assert_line("tickwire_clock_stratum 16\n");
	assert_line("tickwire_clock_leap_indicator 3\n");
	assert_line("tickwire_clock_valid_seconds 0\n");
	for (unsigned rung = 0; rung < LADDER_RUNGS; rung++) {
		char line[64];

		instance.rung = (uint8_t)rung;
		snprintf(line, sizeof(line), "tickwire_clock_rung %u\n", rung);
		assert_line(line);
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Each sample ends with one number, and no two are of one series. */
static void assert_well_formed(void)
{
	static char *series[20000];
	size_t count = 0;

	for (char *line = strtok(page, "\n"); line; line = strtok(NULL, "\n")) {
		char *blank = strrchr(line, ' '), *end;

		for (const char *c = line; *c; c++)
			assert_true(*c >= 0x20 && *c < 0x7f);
		if (line[0] == '#')
			continue;
		assert_memory_equal(line, "tickwire_", 9);
		assert_non_null(blank);
		(void)strtod(blank + 1, &end);
		assert_true(end != blank + 1 && !*end);
		*blank = '\0';
		assert_true(count < sizeof(series) / sizeof(series[0]));
		series[count++] = line;
	}
	qsort(series, count, sizeof(series[0]), compare);
	for (size_t i = 1; i < count; i++)
		assert_string_not_equal(series[i - 1], series[i]);
}

/* As much of everything as there can be, and texts that become twice as long: there is room for it. */
static void the_longest(void **state)
{
	(void)state;
	memset(&counters, 0x7f, sizeof(counters));
	counters.facts.workers = WORKERS_MAX;
	counters.facts.ports = PORTS_MAX;
	for (unsigned i = 0; i < PORTS_MAX; i++) {
		memset(counters.facts.port[i].interface, '"', sizeof(counters.facts.port[i].interface));
		memset(counters.facts.port[i].driver, '"', sizeof(counters.facts.port[i].driver));
	}
	sources.count = SOURCES_MAX;
	for (unsigned i = 0; i < SOURCES_MAX; i++) {
		sources.source[i] = sources.source[i % 2];
		memset(sources.source[i].name, '\\', sizeof(sources.source[i].name));
		memset(sources.source[i].parameter, '\\', sizeof(sources.source[i].parameter));
		memset(sources.source[i].verdicts, 0xff, sizeof(sources.source[i].verdicts));
	}
	instance.daemons = INSTANCE_DAEMONS;
	instance.paths = CONFIG_INTERFACES;
	for (unsigned i = 0; i < CONFIG_INTERFACES; i++)
		snprintf(instance.path[i].interface, sizeof(instance.path[i].interface), "%u\"\"\"\"\"\"", i);
	for (unsigned i = 0; i < INSTANCE_DAEMONS; i++)
		snprintf(instance.daemon[i].name, sizeof(instance.daemon[i].name), "daemon-%u", i);
	instance.nts.certificates = CONFIG_IDENTITIES;
	for (unsigned i = 0; i < CONFIG_IDENTITIES; i++)
		memset(instance.nts.certificate[i].file, '"', CONFIG_PATH);
	instance.nts.keys = KEYRING_KEYS;
	for (unsigned i = 0; i < KEYRING_KEYS; i++)
		snprintf(instance.nts.key[i].id, sizeof(instance.nts.key[i].id), "%08X", i);
	assert_true(make(&view) < METRICS_PAGE_SIZE / 2);
	assert_well_formed();
}

/* Segments that hold anything at all, but the timebase, whose arithmetic is refclock/timebase.h's. */
static void any_octets(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		struct {
			void *at;
			size_t size;
		} part[] = {{&sources, sizeof(sources)}, {&counters, sizeof(counters)},
			{&instance, sizeof(instance)}};

		for (size_t k = 0; k < sizeof(part) / sizeof(part[0]); k++)
			for (size_t i = 0; i < part[k].size; i++)
				((uint8_t *)part[k].at)[i] =
					(uint8_t)(round == 0 ? 0xff : (unsigned)rand() >> 7);
		make(&view);
	}
}

/* A buffer that is too small is said to be, and nothing is written behind it. */
static void no_room(void **state)
{
	const size_t whole = make(&view);

	(void)state;
	for (size_t size = 0; size <= whole; size += size < 300 ? 1 : 97) {
		char *text = malloc(size + 1);
		struct metrics_out out = {.text = text, .size = size};

		metrics_page(&out, &view);
		assert_true(out.full);
		assert_true(out.used <= size);
		free(text);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_golden_page, setup),
		cmocka_unit_test_setup(not_known, setup),
		cmocka_unit_test_setup(reasons, setup),
		cmocka_unit_test_setup(what_replies_say, setup),
		cmocka_unit_test_setup(the_longest, setup),
		cmocka_unit_test_setup(any_octets, setup),
		cmocka_unit_test_setup(no_room, setup),
	};

	if (argc == 2 && strcmp(argv[1], "--print") == 0) {
		setup(NULL);
		return fwrite(page, make(&view), 1, stdout) == 1 ? 0 : 1;
	}
	if (argc != 2) {
		fputs("usage: test_metrics_page GOLDEN|--print\n", stderr);
		return 2;
	}
	golden = argv[1];
	srand(9123);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
