/* The directive `refclock`: chrony's syntax, option names and ranges. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "control/directive_subjects.h"
#include "control/value.h"
#include "ntp/packet.h"
#include "refclock/driver_parameter.h"
#include "refclock/gpsd_address.h"
#include "refclock/serial_parameter.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member) offsetof(struct source_options, member)

enum { SHM_UNITS = 256 };

enum option_type { FLAG, REFID, INT8, UINT8, UINT16, WHOLE, REAL, IDLE }; /* WHOLE: a double's */

/* The order is that of the question whether one was there before: a bit each. */
static const struct refclock_option {
	const char *name;
	enum option_type type;
	size_t at; /* the member, of the type named */
	const char *what;
	double least, most;
} options[] = {
	{"refid", REFID, AT(refid), NULL, 0, 0},
	{"lock", REFID, AT(lock), NULL, 0, 0},
	{"poll", INT8, AT(poll), "a power of 2 in seconds", -6, 17},
	{"dpoll", INT8, AT(dpoll), "a power of 2 in seconds", -6, 17},
	{"filter", UINT16, AT(filter), "a number of samples", 1, 256},
	{"offset", REAL, AT(offset), "seconds", -1e9, 1e9},
	{"delay", REAL, AT(delay), "seconds", 0, 1000},
	{"precision", REAL, AT(precision), "seconds", 1e-12, 10},
	{"maxdispersion", REAL, AT(max_dispersion), "seconds", 0, 1000},
	{"rate", WHOLE, AT(rate), "pulses a second", 1, 1000},
	{"width", REAL, AT(width), "seconds", 0, 1},
	{"stratum", UINT8, AT(stratum), "a stratum", 0, NTP_STRATUM_MAX - 1},
	{"minsamples", UINT16, AT(min_samples), "a number of samples", 0, 1000},
	{"noselect", FLAG, AT(noselect), NULL, 0, 0},
	{"prefer", FLAG, AT(prefer), NULL, 0, 0},
	{"trust", FLAG, AT(trust), NULL, 0, 0},
	{"require", FLAG, AT(require), NULL, 0, 0},
	{"pps", FLAG, AT(pps), NULL, 0, 0},
	{"tai", FLAG, AT(tai), NULL, 0, 0},
	{"local", FLAG, AT(local), NULL, 0, 0},
	{"maxsamples", IDLE, 0, "a number of samples", 0, 999999999},
	{"maxunreach", IDLE, 0, "a number of polls", 0, 999999999},
	{"maxlockage", IDLE, 0, "a number of pulses", 0, 999999999},
};

static bool set_refid(uint8_t refid[SOURCE_REFID], const char *word, char *text, size_t size)
{
	const size_t length = strlen(word);
	bool printable = true;

	for (const char *c = word; *c; c++)
		printable &= *c > 0x20 && *c < 0x7f;
	if (length < 1 || length > SOURCE_REFID || !printable)
		return value_refuse(text, size, word, "a reference ID of 1-4 printable characters");
	memset(refid, 0, SOURCE_REFID);
	memcpy(refid, word, length);
	return true;
}

static bool set_option(struct source_options *source, const struct refclock_option *option, const char *word,
	char *text, size_t size)
{
	uint8_t *member = (uint8_t *)source + option->at;
	double real;
	long whole = 0;

	if (option->type == REFID)
		return set_refid(member, word, text, size);
	if (option->type == REAL) {
		if (!value_real(word, option->what, option->least, option->most, &real, text, size))
			return false;
		real += 0.0; /* -0 is 0 */
		memcpy(member, &real, sizeof(real));
		return true;
	}
	if (!value_integer(word, option->what, (long)option->least, (long)option->most, &whole, text, size))
		return false;
	if (option->type == UINT16)
		memcpy(member, &(uint16_t){(uint16_t)whole}, sizeof(uint16_t));
	else if (option->type == WHOLE)
		memcpy(member, &(double){(double)whole}, sizeof(double));
	else if (option->type != IDLE)
		*member = (uint8_t)whole; /* of an int8_t, the same octet */
	return true;
}

static bool find_option(const char *word, size_t *index)
{
	for (*index = 0; *index < COUNT(options); ++*index)
		if (strcasecmp(word, options[*index].name) == 0)
			return true;
	return false;
}

static const char *why_idle(const char *option)
{
	return strcmp(option, "maxsamples") == 0 ? "the estimator keeps no samples to look back at"
						 : "a source that gives no samples is not selected";
}

static bool apply_options(
	struct source_options *source, int words, char *const word[], char *text, size_t size)
{
	const char *idle = NULL;
	char expected[256];
	uint32_t seen = 0;
	size_t i;

	for (int at = 0; at < words; at++) {
		if (!find_option(word[at], &i))
			return value_refuse(text, size, word[at],
				"an option of chrony's `refclock`: refid, lock, poll, dpoll, filter, offset, "
				"delay, precision, stratum, noselect, prefer ...");
		snprintf(expected, sizeof(expected), "`%s` once", options[i].name);
		if (seen & 1U << i)
			return value_refuse(text, size, word[at], expected);
		seen |= 1U << i;
		if (options[i].type == FLAG) {
			*((uint8_t *)source + options[i].at) = 1;
			continue;
		}
		snprintf(expected, sizeof(expected), "a value after `%s`", options[i].name);
		if (++at == words)
			return value_refuse(text, size, NULL, expected);
		if (!set_option(source, &options[i], word[at], text, size))
			return false;
		if (options[i].type == IDLE)
			idle = options[i].name;
	}
	if (idle)
		snprintf(text, size, "option `%s` has no effect: %s", idle, why_idle(idle));
	return true;
}

/* "0" or "0:perm=0600". */
static bool is_shm_unit(const char *parameter)
{
	const size_t digits = strspn(parameter, "0123456789");
	const char *mode = parameter + digits;
	int unit = 0;

	if (digits < 1 || digits > 3 || sscanf(parameter, "%3d", &unit) != 1 || unit >= SHM_UNITS)
		return false;
	if (!*mode)
		return true;
	if (strncmp(mode, ":perm=", 6) != 0)
		return false;
	mode += 6;
	return strlen(mode) >= 1 && strlen(mode) <= 4 && strspn(mode, "01234567") == strlen(mode);
}

/* The options behind a device's path, which its driver understands in the same way. */
static bool are_options(const char *parameter, const char *const *flags, const char *const *numbers)
{
	struct driver_parameter rest;
	struct driver_option option;
	bool known = true;
	long number;

	driver_parameter_split(&rest, parameter);
	while (known && driver_parameter_next(&rest, &option)) {
		known = false;
		for (size_t i = 0; flags[i] && !known; i++)
			known = strcmp(option.name, flags[i]) == 0 && !option.value[0];
		for (size_t i = 0; numbers[i] && !known; i++)
			known = strcmp(option.name, numbers[i]) == 0 &&
				driver_parameter_number(option.value, 10, 0, 1023, &number);
	}
	return known;
}

/* What the parameter of a device looks like, or NULL where it looks like that. */
static const char *device_flaw(enum source_kind kind, const char *parameter)
{
	static const char *const none[] = {NULL}, *const of_pps[] = {"clear", NULL},
				 *const of_phc[] = {"extpps", "clear", "nocrossts", NULL},
				 *const numbers_of_phc[] = {"pin", "channel", NULL};
	char path[SOURCE_PARAMETER];
	unsigned baud = 9600;

	if (kind == SOURCE_PPS && !are_options(parameter, of_pps, none))
		return "nothing but :clear behind the path of the device";
	if (kind == SOURCE_PHC && !are_options(parameter, of_phc, numbers_of_phc))
		return "nothing but :extpps, :pin=N, :channel=N, :clear and :nocrossts behind the path of "
		       "the device";
	if ((kind == SOURCE_NMEA || kind == SOURCE_DCF77 || kind == SOURCE_MEINBERG) &&
		!serial_parameter(parameter, path, sizeof(path), &baud))
		return "a rate that lines have, 50 to 921600, behind the path of the device";
	return NULL;
}

/* Likewise of any kind. */
static const char *parameter_flaw(enum source_kind kind, const char *parameter)
{
	struct gpsd_address address;

	if (kind == SOURCE_SHM)
		return is_shm_unit(parameter) ? NULL
					      : "the number of a segment from 0 to 255, with :perm=MODE "
						"(octal) where it is to be made with other rights";
	if (kind == SOURCE_GPSD)
		return gpsd_address_parse(&address, parameter) ? NULL : "[HOST][:PORT][:DEVICE]";
	if (parameter[0] == '/')
		return device_flaw(kind, parameter);
	if (kind == SOURCE_PHC)
		return "a device's absolute path (`ethtool -T` says which one an interface has)";
	return "a device's absolute path, with the driver's options behind it";
}

static bool set_parameter(struct source_options *source, const char *word, char *text, size_t size)
{
	const size_t length = strlen(word);
	const char *flaw = NULL;
	bool printable = true;

	for (const char *c = word; *c; c++)
		printable &= *c > 0x20 && *c < 0x7f;
	if (length >= sizeof(source->parameter) || !printable)
		flaw = "a parameter of at most 127 printable octets";
	else
		flaw = parameter_flaw(source->kind, word);
	if (flaw)
		return value_refuse(text, size, word, flaw);
	memcpy(source->parameter, word, length);
	return true;
}

/* How many words the parameter takes; -1 where it is not right. gpsd's may be missing, for the one on this
 * host. */
static int take_parameter(
	struct source_options *source, int words, char *const word[], char *text, size_t size)
{
	char expected[64];
	size_t option;

	if (source->kind == SOURCE_SYSTEM || source->kind == SOURCE_LOCAL ||
		(source->kind == SOURCE_GPSD && (words == 0 || find_option(word[0], &option))))
		return 0;
	snprintf(expected, sizeof(expected), "the parameter of driver %s", source_kind_name(source->kind));
	if (words == 0) {
		value_refuse(text, size, NULL, expected);
		return -1;
	}
	return set_parameter(source, word[0], text, size) ? 1 : -1;
}

/* As chrony: the driver's first three letters and the number of the directive; beyond 9 a letter. */
static void set_default_refid(struct source_options *source, unsigned number)
{
	static const char digits[] = "0123456789ABCDEF";

	if (source->refid[0])
		return;
	memcpy(source->refid, source_kind_name(source->kind), SOURCE_REFID - 1);
	source->refid[SOURCE_REFID - 1] = (uint8_t)digits[number % (sizeof(digits) - 1)];
}

static bool refid_is_new(
	const struct clock_settings *clock, const struct source_options *source, char *text, size_t size)
{
	char refid[SOURCE_REFID + 1] = "", expected[96];

	memcpy(refid, source->refid, SOURCE_REFID);
	for (unsigned i = 0; i < clock->sources; i++) {
		if (memcmp(clock->source[i].refid, source->refid, SOURCE_REFID) != 0)
			continue;
		snprintf(expected, sizeof(expected),
			"a reference ID of its own (refid) for each refclock; the first is in line %d",
			clock->source_line[i]);
		return value_refuse(text, size, refid, expected);
	}
	return true;
}

static bool find_kind(const char *word, enum source_kind *kind, char *text, size_t size)
{
	const char *names[SOURCE_KINDS];
	size_t index;

	for (unsigned i = 0; i < SOURCE_KINDS; i++)
		names[i] = source_kind_name(i);
	if (!value_choice(word, names, SOURCE_KINDS, &index, text, size))
		return false;
	*kind = (enum source_kind)index;
	return true;
}

static DIRECTIVE_APPLY(apply_refclock)
{
	struct clock_settings *clock = &config->clock;
	struct source_options *source = &clock->source[clock->sources];
	char expected[64];
	enum source_kind kind;
	int parameters;

	if (!find_kind(word[0], &kind, text, size))
		return false;
	if (clock->sources == SOURCES_MAX) {
		snprintf(expected, sizeof(expected), "at most %d reference clocks", SOURCES_MAX);
		return value_refuse(text, size, word[0], expected);
	}
	source_options_init(source, kind);
	parameters = take_parameter(source, words - 1, word + 1, text, size);
	if (parameters < 0 ||
		!apply_options(source, words - 1 - parameters, word + 1 + parameters, text, size))
		return false;
	set_default_refid(source, clock->sources);
	if (!refid_is_new(clock, source, text, size))
		return false;
	/* Nothing is gained by reading more often than samples are used. */
	if (source->dpoll > source->poll)
		source->dpoll = source->poll;
	clock->source_line[clock->sources++] = config->line;
	return true;
}

const struct directive directive_refclock = {
	.name = "refclock",
	.repeatable = true,
	.least_words = 1,
	.most_words = UINT16_MAX,
	.arguments = "DRIVER [PARAMETER] [refid REFID] [lock REFID] [poll P] [dpoll P] [filter N] "
		     "[offset S] [delay S] [precision S] [maxdispersion S] [stratum N] [rate HZ] [width "
		     "S] [minsamples N] [noselect] [prefer] [trust] [require] [pps] [tai] "
		     "[local]",
	.type = "driver, parameter and options",
	.default_value = "none: the kernel clock is followed, which chronyd or another keeps",
	.range = "at most 16; refid and lock 1-4 characters, poll and dpoll -6 to 17, filter 1-256, "
		 "stratum 0-14, rate 1-1000, width 0-1, delay 0-1000",
	.unit = "seconds; poll and dpoll in log2 seconds",
	.help = "A source of time. Drivers and their parameters are `PPS /dev/pps0[:clear]`, `PHC "
		"/dev/ptp0[:extpps][:pin=N][:channel=N][:clear][:nocrossts]`, `SHM 0[:perm=0600]`, "
		"`SOCK /run/chrony.ttyS0.sock`, which are chrony's, and `GPSD "
		"[HOST][:PORT][:DEVICE]` (gpsd's own protocol), `NMEA /dev/ttyS0[:BAUD]`, `DCF77 "
		"/dev/ttyS0[:BAUD]` (raw second marks), `MEINBERG /dev/ttyS0[:BAUD]` (the standard "
		"time string), `SYSTEM` (the kernel clock that chronyd or another keeps, to be "
		"compared with) and `LOCAL` (the CPU's counter as it runs). The options are "
		"chrony's. `refid` is the name of the source and what clients are told while it is "
		"selected; by default it is made of the driver's first three letters and the number "
		"of the directive, as `PPS0`. `lock` names the source that numbers a pulse's "
		"seconds; without it any other does. `poll` (default 4, of DCF77 6) is how often "
		"the samples of the interval, of which a median filter keeps the newest `filter` "
		"(default 64, and no more than that), become one; `dpoll` (default 0) how often a device is "
		"read that does not speak by "
		"itself. `offset` is added to what the source says. `delay` is twice what it can be "
		"wrong by then: it is believed, and every bound is made of it. The default of 1e-9 "
		"is for pulses; GPSD and NMEA have 0.2, DCF77 0.1 and MEINBERG 0.02. `precision` is "
		"the noise of one sample, `maxdispersion` what samples may be apart by, `rate` "
		"(default 1) and `width` describe pulses, `stratum` (default 0, of LOCAL 9) is "
		"the source's own. `noselect` watches only; `prefer`, `trust` and `require` weigh in "
		"the "
		"selection as in chrony. `pps` takes the fraction of a second alone, `tai` is for a "
		"source that keeps TAI, and `local` for one that is stable and not right. chrony's "
		"`maxsamples`, `maxunreach` and `maxlockage` have no effect. chrony's driver RTC is not "
		"there.",
	.applied = APPLIED_BY_CLOCK_RESTART,
	.origin = "chrony",
	.apply = apply_refclock,
	.member = {DIRECTIVE_MEMBER(clock.sources), DIRECTIVE_MEMBER(clock.source)},
};
