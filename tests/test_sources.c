/* `tickwire sources`: control/sources.h, from a segment that is written here; its table, its JSON, and what
 * is said where there is none. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/clock_json.h"
#include "control/show.h"
#include "control/sources.h"
#include "control/sources_table.h"
#include "refclock/counter.h"

static struct sources sources;

static struct source_report *add(const char *name, const char *parameter, const char *refid, uint8_t state)
{
	struct source_report *s = &sources.source[sources.count++];

	snprintf(s->name, sizeof(s->name), "%s", name);
	snprintf(s->parameter, sizeof(s->parameter), "%s", parameter);
	memcpy(s->refid, refid, strlen(refid));
	s->state = state;
	s->poll = 4;
	s->frequency = NAN;
	return s;
}

static struct source_report *add_working(
	const char *name, const char *parameter, const char *refid, uint8_t state, double since)
{
	struct source_report *s = add(name, parameter, refid, state);

	s->open = 1;
	s->reach = 0377;
	s->last_sample = sources.counter - (uint64_t)(since * sources.counter_hz);
	s->samples = 1000;
	s->verdicts[SOURCE_USED] = 990;
	s->verdicts[SOURCE_OUTLIER] = 10;
	return s;
}

static void add_pps(void)
{
	struct source_report *s = add_working("PPS", "/dev/pps0", "PPS0", SOURCE_STATE_SELECTED, 0.75);

	s->offset = -12e-9;
	s->last_offset = 34e-9;
	s->jitter = 98e-9;
	s->error = 1.5e-6;
	s->frequency = 3.5125;
}

static void add_nmea(void)
{
	struct source_report *s =
		add_working("NMEA", "/dev/serial/by-id/usb-u-blox_7-if00", "NMEA", SOURCE_STATE_NOSELECT, 1);
	struct receiver_gnss *g = &s->gnss;

	s->offset = 1.25e-3;
	s->last_offset = -4e-3;
	s->jitter = 4.5e-3;
	s->error = 0.1;
	s->receiver = RECEIVER_GNSS;
	*g = (struct receiver_gnss){.fix = RECEIVER_FIX_3D,
		.used = 2,
		.in_view = 9,
		.satellites = 9,
		.leap_offset = 18,
		.hdop = 0.9F,
		.tdop = 1.25F};
	for (unsigned i = 0; i < 9; i++)
		g->satellite[i] = (struct receiver_satellite){.system = i < 8 ? 'G' : 'E',
			.prn = (uint8_t)(3 + i * 5),
			.snr = (uint8_t)(40 - i * 5),
			.used = i < 2,
			.azimuth = (int16_t)(i < 1 ? -1 : 10 * (int)i),
			.elevation = (int16_t)(i < 1 ? -91 : 45)};
}

static void add_dcf77(void)
{
	struct source_report *s = add_working("DCF77", "/dev/ttyS1", "DCF", SOURCE_STATE_FALSETICKER, 7300);

	s->offset = -1;
	s->error = 0.12;
	s->reach = 0;
	s->receiver = RECEIVER_RADIO;
	s->radio = (struct receiver_radio){.status = 0x2a,
		.telegrams = 77,
		.parity_errors = 3,
		.implausible = 2,
		.field_events = 1,
		.bit_errors = 12,
		.correlation = 0.97F,
		.summer_time = 1};
}

static int setup(void **state)
{
	(void)state;
	memset(&sources, 0, sizeof(sources));
	sources.counter_kind = COUNTER_MONOTONIC_RAW;
	sources.counter = counter_read(COUNTER_MONOTONIC_RAW) + UINT64_C(100000000000000);
	sources.counter_hz = 1e9;
	sources.bound = 2.3e-6;
	sources.offset = 1.5e-9;
	sources.frequency = 3.5;
	sources.wander = 2e-5;
	sources.temperature = 41.5;
	sources.tai_offset = 37;
	sources.leap_days = -1;
	sources.leap_list_expires = 4102444800; /* 2100-01-01 */
	snprintf(sources.reason, sizeof(sources.reason), "the bound is below 1 ms");
	add_pps();
	add_nmea();
	add_dcf77();
	snprintf(add("SHM", "0", "SHM3", SOURCE_STATE_UNUSABLE)->message, 96,
		"nobody writes to the segment\x1b[2J\xff");
	return 0;
}

static const char table[] = "S Source                                   RefID St Poll Reach LastRx     "
			    "Offset    Jitter     Error       PPM\n"
			    "* PPS /dev/pps0                            PPS0   0    4   377    2 s     -12 "
			    "ns     98 ns    1.5 us    +3.513\n"
			    "N NMEA /dev/serial/by-id/usb-u-blox_7-if00 NMEA   0    4   377    2 s   +1.25 "
			    "ms    4.5 ms    100 ms         -\n"
			    "x DCF77 /dev/ttyS1                         DCF    0    4     0  122 m       -1 "
			    "s      0 ns    120 ms         -\n"
			    "? SHM 0                                    SHM3   0    4     0      -          "
			    "-         -         -         -\n"
			    "  not there: nobody writes to the segment?[2J?\n";

static const char verbose_table[] =
	"* PPS /dev/pps0                            PPS0   0    4   377    2 s     -12 ns     98 ns    1.5 "
	"us    +3.513\n"
	"  1000 samples, the newest +34 ns off\n"
	"           990  used\n"
	"            10  outlier of the filter\n"
	"N NMEA /dev/serial/by-id/usb-u-blox_7-if00 NMEA   0    4   377    2 s   +1.25 ms    4.5 ms    100 "
	"ms         -\n"
	"  1000 samples, the newest -4 ms off\n"
	"           990  used\n"
	"            10  outlier of the filter\n"
	"  fix 3D, 2 of 9 satellites used, HDOP 0.9, TDOP 1.2, GPS - UTC 18 s\n"
	"    G03* 40 dB  G08* 35 dB  G13  30 dB  G18  25 dB  G23  20 dB  G28  15 dB  G33  10 dB  G38   5 dB\n"
	"    E43   0 dB\n"
	"x DCF77 /dev/ttyS1                         DCF    0    4     0  122 m       -1 s      0 ns    120 "
	"ms         -\n"
	"  1000 samples, the newest +0 ns off\n"
	"           990  used\n"
	"            10  outlier of the filter\n"
	"  status 0x2a, summer time, 77 good telegrams, 3 with wrong parity, 2 implausible\n"
	"  1 field events, 12 bit errors, correlation 97 %\n"
	"? SHM 0                                    SHM3   0    4     0      -          -         -         "
	"-         -\n"
	"  not there: nobody writes to the segment?[2J?\n"
	"  0 samples\n";

/* What a function prints, in memory. */
static char *printed(void (*print)(FILE *, const json_t *), double age)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	json_t *clock = clock_json(&sources, age);

	assert_non_null(clock);
	assert_non_null(out);
	print(out, clock);
	fclose(out);
	json_decref(clock);
	return text;
}

static void print_plain(FILE *out, const json_t *clock)
{
	sources_table_print(out, clock, false);
}

static void print_verbose(FILE *out, const json_t *clock)
{
	sources_table_print(out, clock, true);
}

static void print_clock(FILE *out, const json_t *clock)
{
	sources_table_clock(out, "clock  ", clock);
}

static void plain_table(void **state)
{
	char *text = printed(print_plain, 1);

	(void)state;
	assert_string_equal(text, table);
	free(text);
}

static void table_with_more(void **state)
{
	char *text = printed(print_verbose, 1);
	const char *rows = strstr(text, "* PPS");

	(void)state;
	assert_memory_equal(text, "S: * selected, ", 15);
	assert_non_null(rows);
	assert_string_equal(rows, verbose_table);
	free(text);
}

static void clock_lines(void **state)
{
	char *text = printed(print_clock, 1);

	(void)state;
	assert_string_equal(text,
		"clock  serving: the bound is below 1 ms\n"
		"       within 2.3 us, +2 ns to make good; counter +3.500 ppm, wander 2e-05 ppm/s, 41.5 C\n"
		"       TAI - UTC 37 s, no leap second known of; list expires 2100-01-01\n");
	free(text);
	sources.offset = -1e-12;
	text = printed(print_clock, 1);
	assert_non_null(strstr(text, ", +0 ns to make good; "));
	free(text);
	sources.rung = LADDER_UNSYNCHRONISED;
	sources.temperature = NAN;
	sources.bound = INFINITY;
	sources.offset = -0.5;
	sources.holdover = 120;
	sources.tai_offset = 0;
	sources.leap_days = 12;
	sources.leap_list_expires = 1700000000;
	sources.smear = -0.25;
	sources.crosscheck = sources.drill = 1;
	snprintf(sources.files, sizeof(sources.files), "the disk is full\x1b");
	text = printed(print_clock, 120);
	assert_string_equal(text,
		"clock  unsynchronised: the bound is below 1 ms\n"
		"       within no bound, -500 ms to make good; counter +3.500 ppm, wander 2e-05 ppm/s; "
		"holdover for 120 s\n"
		"       TAI - UTC not known, leap second in 12 days; the list EXPIRED on 2023-11-14; smeared "
		"by -250 ms\n"
		"       ALARM: a source and the kernel clock's keeper disagree by more than both bounds\n"
		"       warning: the disk is full?\n"
		"       DRILL: this is a rehearsal; `tickwire drill end` ends it\n"
		"       warning: written 120 s ago; is tickwire-clock running?\n");
	free(text);
}

static void no_refclock(void **state)
{
	char *text;

	(void)state;
	sources.count = 0;
	text = printed(print_plain, 1);
	assert_non_null(strstr(text, "There is no `refclock` in the configuration"));
	free(text);
}

static void as_json(void **state)
{
	json_t *clock = clock_json(&sources, 0.5), *source, *receiver;

	(void)state;
	assert_non_null(clock);
	assert_string_equal(show_string_of(clock, "rung"), "serving");
	assert_true(show_real_of(clock, "bound") == 2.3e-6 && show_real_of(clock, "age") == 0.5);
	assert_true(json_is_null(json_object_get(clock, "leap_days")));
	assert_int_equal(json_array_size(json_object_get(clock, "sources")), 4);
	source = json_array_get(json_object_get(clock, "sources"), 0);
	assert_string_equal(show_string_of(source, "driver"), "PPS");
	assert_string_equal(show_string_of(source, "state"), "selected");
	assert_true(fabs(show_real_of(source, "since") - 1.25) < 1e-9);
	assert_int_equal(show_real_of(json_object_get(source, "verdicts"), "outlier"), 10);
	assert_int_equal(show_real_of(json_object_get(source, "verdicts"), "far_from_second"), 0);
	assert_true(json_is_null(json_object_get(source, "receiver")));
	source = json_array_get(json_object_get(clock, "sources"), 1);
	assert_true(json_is_null(json_object_get(source, "frequency_ppm")));
	receiver = json_object_get(source, "receiver");
	assert_string_equal(show_string_of(receiver, "fix"), "3D");
	assert_true(json_is_null(json_object_get(receiver, "pdop")));
	assert_int_equal(json_array_size(json_object_get(receiver, "satellites")), 9);
	receiver = json_object_get(json_array_get(json_object_get(clock, "sources"), 2), "receiver");
	assert_int_equal(show_real_of(receiver, "telegrams"), 77);
	json_decref(clock);
}

/* The segment is of our own daemon, but what is in it is survived whatever it is. */
static void any_octets(void **state)
{
	uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);

	(void)state;
	for (int i = 0; i < 300; i++) {
		char *text;

		for (size_t at = 0; at < sizeof(sources); at++) {
			seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			((uint8_t *)&sources)[at] = (uint8_t)(seed >> 56);
		}
		if (i % 2)
			sources.count %= SOURCES_MAX + 1;
		text = printed(print_verbose, 1);
		free(text);
		text = printed(print_clock, 1);
		for (const char *c = text; *c; c++)
			assert_true((*c >= 0x20 && *c < 0x7f) || *c == '\n');
		free(text);
	}
}

struct run {
	int status;
	char out[16384], err[2048];
};

static size_t slurp(FILE *file, char *text, size_t size)
{
	size_t n;

	rewind(file);
	n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	fclose(file);
	return n;
}

/* sources_main with its streams caught. */
static void run(struct run *r, const char *a, const char *b, const char *c)
{
	char words[4][128] = {"sources"}, *argv[5] = {words[0]};
	const char *given[] = {a, b, c};
	FILE *out = tmpfile(), *err = tmpfile();
	int argc = 1, saved_out, saved_err;

	for (int i = 0; i < 3 && given[i]; i++) {
		snprintf(words[argc], sizeof(words[0]), "%s", given[i]);
		argv[argc] = words[argc];
		argc++;
	}
	assert_non_null(out);
	assert_non_null(err);
	fflush(stdout);
	fflush(stderr);
	saved_out = dup(1);
	saved_err = dup(2);
	dup2(fileno(out), 1);
	dup2(fileno(err), 2);
	r->status = sources_main(argc, argv);
	fflush(stdout);
	fflush(stderr);
	dup2(saved_out, 1);
	dup2(saved_err, 2);
	close(saved_out);
	close(saved_err);
	slurp(out, r->out, sizeof(r->out));
	slurp(err, r->err, sizeof(r->err));
}

static void command(void **state)
{
	char dir[] = "/tmp/tickwire-test-sources-XXXXXX", path[64], option[64];
	static struct run r;
	struct shm segment = {0};
	struct shm_contract other = SOURCES_CONTRACT;
	json_t *json;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sources", dir);
	snprintf(option, sizeof(option), "--run-dir=%s", dir);
	run(&r, option, NULL, NULL);
	assert_int_equal(r.status, 1);
	assert_non_null(strstr(r.err, "is tickwire running with this --run-dir?"));

	assert_int_equal(shm_create(&segment, dir, &SOURCES_CONTRACT), SHM_OK);
	run(&r, option, NULL, NULL);
	assert_int_equal(r.status, 1);
	assert_non_null(strstr(r.err, "has nothing in it yet"));

	shm_publish(&segment, &sources);
	run(&r, option, NULL, NULL);
	assert_int_equal(r.status, 0);
	assert_non_null(strstr(r.out, "clock      serving: "));
	assert_non_null(strstr(r.out, "* PPS /dev/pps0"));
	run(&r, option, "--json", NULL);
	assert_int_equal(r.status, 0);
	json = json_loads(r.out, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(json, "sources")), 4);
	json_decref(json);
	/* Left by a tickwire that was killed. */
	sources.counter = counter_read(COUNTER_MONOTONIC_RAW) - UINT64_C(60000000000);
	shm_publish(&segment, &sources);
	run(&r, option, NULL, NULL);
	assert_int_equal(r.status, 1);
	assert_non_null(strstr(r.out, "is tickwire-clock running?"));
	sources.counter = counter_read(COUNTER_MONOTONIC_RAW);
	sources.source[0].state = SOURCE_STATE_UNUSABLE;
	shm_publish(&segment, &sources);
	run(&r, option, "-v", NULL);
	assert_int_equal(r.status, 1);
	shm_close(&segment);

	other.version++;
	unlink(path);
	assert_int_equal(shm_create(&segment, dir, &other), SHM_OK);
	shm_close(&segment);
	run(&r, option, NULL, NULL);
	assert_int_equal(r.status, 1);
	assert_non_null(strstr(r.err, "was made by another version of tickwire; restart tickwire"));

	run(&r, "--what", NULL, NULL);
	assert_int_equal(r.status, 2);
	run(&r, "more", NULL, NULL);
	assert_int_equal(r.status, 2);
	run(&r, "--help", NULL, NULL);
	assert_int_equal(r.status, 0);
	assert_non_null(strstr(r.out, "usage: tickwire sources"));
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(plain_table, setup),
		cmocka_unit_test_setup(table_with_more, setup),
		cmocka_unit_test_setup(clock_lines, setup),
		cmocka_unit_test_setup(no_refclock, setup),
		cmocka_unit_test_setup(as_json, setup),
		cmocka_unit_test_setup(any_octets, setup),
		cmocka_unit_test_setup(command, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
