#include "bench/quantity.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double rounded(double value, unsigned digits)
{
	char text[48];

	snprintf(text, sizeof(text), "%.*e", (int)digits - 1, value);
	return strtod(text, NULL);
}

/* Never with an exponent where it can be helped: readers compare the digits. */
static void print(char *text, size_t size, double value, unsigned digits)
{
	const double power = value == 0 ? 0 : floor(log10(fabs(value)));
	int decimals = (int)digits - 1 - (int)power;
	char *end;

	if (power > 7 || power < -QUANTITY_DIGITS_MAX) {
		snprintf(text, size, "%.*e", (int)digits - 1, value);
		return;
	}
	if (decimals < 0)
		decimals = 0;
	snprintf(text, size, "%.*f", decimals, value);
	if (decimals == 0)
		return;
	end = text + strlen(text);
	while (end[-1] == '0')
		*--end = '\0';
	if (end[-1] == '.')
		end[-1] = '\0';
}

struct prefix {
	double from;
	const char *name;
};

static const struct prefix large[] = {
	{1e18, "E"}, {1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}, {0, ""}};
static const struct prefix small[] = {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}, {0, "ns"}};

/* What the prefix of a value is, and the value in it; below the smallest there is none smaller. */
static const char *scale(const struct prefix *list, double *value)
{
	const struct prefix *p = list;

	while (p[1].from > 0 && fabs(*value) < p->from * (1 - 1e-12))
		p++;
	*value /= p->from;
	return p->name;
}

static struct quantity with_prefix(double value, enum quantity_unit unit, unsigned digits)
{
	const char *name = unit == QUANTITY_TIME ? "s" : "", *after = unit == QUANTITY_RATE ? "/s" : "";
	struct quantity quantity;
	char number[32];

	if (value != 0)
		name = scale(unit == QUANTITY_TIME ? small : large, &value);
	print(number, sizeof(number), value, digits);
	snprintf(quantity.text, sizeof(quantity.text), "%s%s%s%s", number, name[0] || after[0] ? " " : "",
		name, after);
	return quantity;
}

static struct quantity percent(double value, unsigned digits)
{
	struct quantity quantity;
	char number[32];

	print(number, sizeof(number), value, digits);
	snprintf(quantity.text, sizeof(quantity.text), "%s %%", number);
	return quantity;
}

/* 1/(1 - share) has its zeros where the share has its nines. */
static struct quantity nines(double value)
{
	const double digits = value > 1 ? ceil(log10(value) - 1e-9) + 1 : 1;

	return percent(value > 1 ? 100 - 100 / value : 0,
		digits < QUANTITY_DIGITS_MAX ? (unsigned)digits : QUANTITY_DIGITS_MAX);
}

struct quantity quantity_of(double value, enum quantity_unit unit, unsigned digits)
{
	if (!isfinite(value))
		return (struct quantity){"-"};
	if (unit == QUANTITY_NINES)
		return nines(value);
	if (unit == QUANTITY_SHARE)
		return percent(rounded(value * 100, digits), digits);
	return with_prefix(rounded(value, digits), unit, digits);
}

struct quantity quantity_count(uint64_t count)
{
	struct quantity quantity;
	char digits[24], *to = quantity.text;
	const int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);

	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			*to++ = ' ';
		*to++ = digits[i];
	}
	*to = '\0';
	return quantity;
}

struct quantity quantity_rate(double per_second)
{
	return quantity_of(per_second, QUANTITY_RATE, 3);
}

struct quantity quantity_time(double seconds)
{
	return quantity_of(seconds, QUANTITY_TIME, 3);
}

struct quantity quantity_share(double share)
{
	unsigned digits = 3;

	while (share < 1 && digits < QUANTITY_DIGITS_MAX && rounded(share * 100, digits) >= 100)
		digits++;
	return quantity_of(share, QUANTITY_SHARE, digits);
}
