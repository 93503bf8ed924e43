#include "control/metrics_out.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void put(struct metrics_out *out, const char *octets, size_t count)
{
	if (out->full || count > out->size - out->used) {
		out->full = true;
		return;
	}
	memcpy(out->text + out->used, octets, count);
	out->used += count;
}

static void say(struct metrics_out *out, const char *text)
{
	put(out, text, strlen(text));
}

static void put_value(struct metrics_out *out, const struct metrics_label *label)
{
	for (size_t i = 0; i < label->most && label->value[i]; i++) {
		const char c = label->value[i];

		if (c == '\\' || c == '"')
			put(out, "\\", 1);
		put(out, c >= 0x20 && c < 0x7f ? &c : "?", 1);
	}
}

void metrics_family(struct metrics_out *out, enum metrics_type type, const char *name, const char *help)
{
	out->type = type;
	out->name = name;
	out->help = help;
	out->begun = false;
}

static void begin(struct metrics_out *out)
{
	say(out, "# HELP tickwire_");
	say(out, out->name);
	say(out, " ");
	say(out, out->help);
	say(out, "\n# TYPE tickwire_");
	say(out, out->name);
	say(out, out->type == METRICS_COUNTER ? " counter\n" : " gauge\n");
	out->begun = true;
}

static void sample(
	struct metrics_out *out, const char *number, const struct metrics_label *labels, size_t count)
{
	if (!out->begun)
		begin(out);
	say(out, "tickwire_");
	say(out, out->name);
	for (size_t i = 0; i < count; i++) {
		say(out, i == 0 ? "{" : ",");
		say(out, labels[i].name);
		say(out, "=\"");
		put_value(out, &labels[i]);
		say(out, "\"");
	}
	say(out, count > 0 ? "} " : " ");
	say(out, number);
	say(out, "\n");
}

void metrics_real(struct metrics_out *out, double value, const struct metrics_label *labels, size_t count)
{
	char number[32];

	if (!isfinite(value))
		return;
	snprintf(number, sizeof(number), "%.12g", value);
	sample(out, number, labels, count);
}

void metrics_whole(struct metrics_out *out, uint64_t value, const struct metrics_label *labels, size_t count)
{
	char number[32];

	snprintf(number, sizeof(number), "%" PRIu64, value);
	sample(out, number, labels, count);
}

void metrics_gauge(struct metrics_out *out, const char *name, const char *help, double value)
{
	metrics_family(out, METRICS_GAUGE, name, help);
	metrics_real(out, value, NULL, 0);
}
