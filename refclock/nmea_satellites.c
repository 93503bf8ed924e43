#include "refclock/nmea_satellites.h"

#include <string.h>

enum {
	GSA_SATELLITES = 12,
	GSV_FIELDS = 24, /* more than four satellites and a signal id, as the standard has it */
	USED_EPOCHS = 3, /* for which a system's GSA stands */
	VIEW_SECONDS = 30,
};

/* By the numbers that NMEA 0183 gives to all systems, and those in use before it did. */
static char system_of_number(unsigned number)
{
	static const struct {
		unsigned first, last;
		char system;
	} ranges[] = {{1, 32, 'G'}, {33, 64, 'S'}, {65, 99, 'R'}, {120, 158, 'S'}, {193, 200, 'J'},
		{201, 263, 'C'}, {301, 336, 'E'}, {401, 463, 'C'}};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (number >= ranges[i].first && number <= ranges[i].last)
			return ranges[i].system;
	}
	return '?';
}

static char system_of(const char *talker, unsigned number)
{
	static const struct {
		char talker[3], system;
	} systems[] = {
		{"GL", 'R'}, {"GA", 'E'}, {"GB", 'C'}, {"BD", 'C'}, {"GQ", 'J'}, {"QZ", 'J'}, {"GI", 'I'}};

	for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++) {
		if (memcmp(talker, systems[i].talker, 2) == 0)
			return systems[i].system;
	}
	return system_of_number(number);
}

/* Of GSA's system id, as of NMEA 4.10; 0: not said. */
static const char *talker_of_id(unsigned id, const char *talker)
{
	static const char talkers[][3] = {"", "GP", "GL", "GA", "GB", "GQ", "GI"};

	return id > 0 && id < sizeof(talkers) / sizeof(talkers[0]) ? talkers[id] : talker;
}

/* One GSA lists at most twelve of a system; more come in further ones of the same second. */
static void use(struct nmea *n, char system, unsigned number)
{
	for (int i = 0; i < n->used; i++) {
		if (n->use[i].system == system && n->use[i].number == number) {
			n->use[i].epoch = n->epochs;
			return;
		}
	}
	if (n->used < NMEA_USED)
		n->use[n->used++] = (struct nmea_used){n->epochs, (uint16_t)number, system};
}

/* A system's satellites of earlier seconds make way for those of this one. */
static void forget_used(struct nmea *n, char system)
{
	int kept = 0;

	for (int i = 0; i < n->used; i++) {
		uint32_t age = n->epochs - n->use[i].epoch;

		if (age <= USED_EPOCHS && (age == 0 || n->use[i].system != system))
			n->use[kept++] = n->use[i];
	}
	n->used = kept;
}

/* Satellites of several systems may stand in one GSA of talker GN. */
static void use_all(struct nmea *n, const char *talker, const unsigned *numbers, int count)
{
	for (int i = 0; i < count; i++)
		forget_used(n, system_of(talker, numbers[i]));
	for (int i = 0; i < count; i++)
		use(n, system_of(talker, numbers[i]), numbers[i]);
	if (count == 0 && memcmp(talker, "GN", 2) != 0)
		forget_used(n, system_of(talker, 1));
}

/* Of one system at a time; a fix is what the best of them says within a second. */
static void take_fix(struct nmea *n, unsigned fix)
{
	if (fix > n->fix_kind || n->gsa_epoch != n->epochs)
		n->fix_kind = (uint8_t)fix;
	n->gsa_epoch = n->epochs;
}

static void take_dilution(struct comma_field field, float *dilution)
{
	double value;

	/* 99.99 and the like are said for "none". */
	if (nmea_decimal(field, &value))
		*dilution = value < 99 ? (float)value : 0;
}

enum nmea_verdict nmea_take_gsa(struct nmea *n, const char *talker, struct comma_fields *fields)
{
	struct comma_field f, pdop, hdop;
	unsigned numbers[GSA_SATELLITES], fix, id = 0;
	int count = 0;

	if (!nmea_next_after(fields, 1, &f) || !nmea_number(f, &fix) || fix < RECEIVER_FIX_NONE ||
		fix > RECEIVER_FIX_3D)
		return NMEA_MALFORMED;
	for (int i = 0; i < GSA_SATELLITES; i++) {
		if (!comma_next(fields, &f) || (f.length && !nmea_number(f, &numbers[count])))
			return NMEA_MALFORMED;
		count += f.length > 0;
	}
	if (!comma_next(fields, &pdop) || !comma_next(fields, &hdop) || !comma_next(fields, &f))
		return NMEA_MALFORMED;
	if (comma_next(fields, &f) && f.length && !nmea_number(f, &id))
		id = 0;
	take_fix(n, fix);
	take_dilution(pdop, &n->pdop);
	take_dilution(hdop, &n->hdop);
	use_all(n, talker_of_id(id, talker), numbers, count);
	return NMEA_STATUS;
}

static bool is_of_group(const struct nmea_satellite *s, const char *talker, unsigned signal)
{
	return s->signal == signal && memcmp(s->talker, talker, 2) == 0;
}

static void age_group(struct nmea *n, const char *talker, unsigned signal)
{
	for (int i = 0; i < n->viewed; i++)
		n->view[i].old |= is_of_group(&n->view[i], talker, signal);
}

/* What the whole cycle did not have. */
static void drop_old(struct nmea *n, const char *talker, unsigned signal)
{
	int kept = 0;

	for (int i = 0; i < n->viewed; i++) {
		if (!n->view[i].old || !is_of_group(&n->view[i], talker, signal))
			n->view[kept++] = n->view[i];
	}
	n->viewed = kept;
}

/* Its place: that of the same satellite, a free one, else the one not heard of for longest. */
static struct nmea_satellite *place_for(struct nmea *n, const char *talker, unsigned signal, unsigned number)
{
	struct nmea_satellite *oldest = &n->view[0];

	for (int i = 0; i < n->viewed; i++) {
		if (is_of_group(&n->view[i], talker, signal) && n->view[i].number == number)
			return &n->view[i];
		if (n->view[i].stamp < oldest->stamp)
			oldest = &n->view[i];
	}
	return n->viewed < NMEA_VIEWED ? &n->view[n->viewed++] : oldest;
}

/* An empty field, or one that is no such number, is none; receivers differ in what they print there. */
static int number_or(struct comma_field field, int none, unsigned most)
{
	unsigned value;

	return nmea_number(field, &value) && value <= most ? (int)value : none;
}

static void view(struct nmea *n, const char *talker, unsigned signal, const struct comma_field *f)
{
	unsigned number;
	struct nmea_satellite *s;

	if (!nmea_number(f[0], &number) || number == 0)
		return;
	s = place_for(n, talker, signal, number);
	*s = (struct nmea_satellite){
		.stamp = n->start,
		.talker = {talker[0], talker[1]},
		.signal = (uint8_t)signal,
		.number = (uint16_t)number,
		.satellite =
			{
				.system = system_of(talker, number),
				.prn = (uint8_t)(number < 255 ? number : 255),
				.elevation = (int16_t)number_or(f[1], -91, 90),
				.azimuth =
					(int16_t)(number_or(f[2], -1, 360) == 360 ? 0
										  : number_or(f[2], -1, 360)),
				.snr = (uint8_t)number_or(f[3], 0, 99),
			},
	};
}

/* A hexadecimal digit; receivers of NMEA 4.11 go beyond 9. */
static unsigned signal_id(struct comma_field f)
{
	char c = f.length == 1 ? f.at[0] : '0';

	return (unsigned)(c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 0);
}

enum nmea_verdict nmea_take_gsv(struct nmea *n, const char *talker, struct comma_fields *fields)
{
	struct comma_field total, number, in_view, f[GSV_FIELDS];
	unsigned sentences, this, signal = 0;
	int count = 0;

	if (!comma_next(fields, &total) || !comma_next(fields, &number) || !comma_next(fields, &in_view) ||
		!nmea_number(total, &sentences) || !nmea_number(number, &this) || this == 0 ||
		this > sentences)
		return NMEA_MALFORMED;
	while (count < GSV_FIELDS && comma_next(fields, &f[count]))
		count++;
	if (count % 4 == 1)
		signal = signal_id(f[count - 1]);
	if (this == 1)
		age_group(n, talker, signal);
	for (int i = 0; i + 4 <= count; i += 4)
		view(n, talker, signal, &f[i]);
	if (this == sentences)
		drop_old(n, talker, signal);
	return NMEA_STATUS;
}

static bool is_used(const struct nmea *n, const struct nmea_satellite *s)
{
	for (int i = 0; i < n->used; i++) {
		if (n->use[i].number == s->number && n->use[i].system == s->satellite.system &&
			n->epochs - n->use[i].epoch <= USED_EPOCHS)
			return true;
	}
	return false;
}

/* The same satellite by another of its signals: the strongest counts. */
static bool merge(struct nmea_satellite *all, int count, const struct nmea_satellite *s)
{
	for (int i = 0; i < count; i++) {
		if (all[i].number != s->number || all[i].satellite.system != s->satellite.system)
			continue;
		if (s->satellite.snr > all[i].satellite.snr)
			all[i].satellite.snr = s->satellite.snr;
		return true;
	}
	return false;
}

/* Whether a goes before b: those in the fix, then the stronger. */
static bool precedes(const struct receiver_satellite *a, const struct receiver_satellite *b)
{
	return a->used != b->used ? a->used > b->used : a->snr > b->snr;
}

static void list(struct receiver_gnss *gnss, const struct receiver_satellite *s)
{
	int at = gnss->satellites;

	while (at > 0 && precedes(s, &gnss->satellite[at - 1])) {
		if (at < RECEIVER_SATELLITES)
			gnss->satellite[at] = gnss->satellite[at - 1];
		at--;
	}
	if (at < RECEIVER_SATELLITES)
		gnss->satellite[at] = *s;
	if (gnss->satellites < RECEIVER_SATELLITES)
		gnss->satellites++;
}

static bool is_fresh(const struct nmea *n, const struct nmea_satellite *s, uint64_t now)
{
	return now < s->stamp || (double)(now - s->stamp) <= VIEW_SECONDS * n->options.hz;
}

void nmea_report(const struct nmea *n, uint64_t now, struct receiver_gnss *gnss)
{
	struct nmea_satellite all[NMEA_VIEWED];
	int count = 0, used = 0;

	memset(gnss, 0, sizeof(*gnss));
	for (int i = 0; i < n->viewed; i++) {
		if (is_fresh(n, &n->view[i], now) && !merge(all, count, &n->view[i]))
			all[count++] = n->view[i];
	}
	for (int i = 0; i < count; i++) {
		all[i].satellite.used = is_used(n, &all[i]);
		used += all[i].satellite.used;
		list(gnss, &all[i].satellite);
	}
	gnss->fix = n->fix_kind;
	gnss->used = (uint8_t)(used > n->gga_used ? used : n->gga_used);
	gnss->in_view = (uint8_t)count;
	gnss->leap_offset = n->leap_offset;
	gnss->hdop = n->hdop;
	gnss->pdop = n->pdop;
	gnss->week_rollovers = n->week_rollovers;
}
