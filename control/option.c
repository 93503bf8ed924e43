#include "control/option.h"

#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool option_complain(const char *command, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "%s: ", command);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "; see %s --help\n", command);
	return false;
}

bool option_parse_number(const char *text, enum option_kind kind, double *value)
{
	static const char units[] = "kMG";
	double number;
	char *end;

	/* strtod would take white space, hexadecimal, infinity and NaN, too */
	if (!*text || text[strspn(text, "0123456789.eEkMG+-%")])
		return false;
	number = strtod(text, &end);
	if (end == text)
		return false;
	if (kind == OPTION_SHARE && *end == '%') {
		number /= 100;
		end++;
	} else if (*end && strchr(units, *end)) {
		number *= pow(1000, (double)(strchr(units, *end) - units + 1));
		end++;
	}
	*value = number;
	return *end == '\0';
}

bool option_number(const char *command, const struct option_number *number, const char *text, double *value)
{
	double found;

	if (option_parse_number(text, number->kind, &found) && found >= number->low &&
		found <= number->high && (number->kind != OPTION_WHOLE || found == floor(found))) {
		*value = found;
		return true;
	}
	if (number->kind == OPTION_SHARE)
		return option_complain(command,
			"%s is '%.60s'; expected a share from %.10g to %.10g, or in percent", number->name,
			text, number->low, number->high);
	return option_complain(command, "%s is '%.60s'; expected a %snumber from %.10g to %.10g",
		number->name, text, number->kind == OPTION_WHOLE ? "whole " : "", number->low, number->high);
}

bool option_aeads(const char *command, const char *text, struct ke_aeads *aeads)
{
	return ke_aeads_parse(aeads, text) || option_complain(command,
						      "--aead is '%.60s'; expected 15 (AES-SIV-CMAC-256), 30 "
						      "(AES-128-GCM-SIV), or both with "
						      "the better first, as 30,15",
						      text);
}

/* A short option is in optopt, a long one only in the word itself. */
bool option_refused(const char *command, int option, char *const argv[])
{
	const char shown[] = {'-', (char)optopt, '\0'};
	const char *word = optopt > 0 && optopt < OPTION_LONG_FIRST ? shown : argv[optind - 1];

	if (option == ':')
		return option_complain(command, "%.60s needs an argument", word);
	return option_complain(command, "%.60s is no option of this command, or takes no argument", word);
}
