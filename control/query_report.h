/*
 * What `tickwire query` has found out, as a table for people and as JSON. Not thread-safe on one struct.
 */
#ifndef CONTROL_QUERY_REPORT_H
#define CONTROL_QUERY_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "control/query_nts.h"
#include "ntp/exchange.h"

enum { QUERY_SENTENCE = 768 };

/* All that was asked of one host. */
struct query_result {
	const char *host;          /* as the user wrote it */
	struct exchange_peer peer; /* text is "" where the name did not resolve */
	uint16_t port;
	size_t sent;             /* samples, one request each */
	struct exchange *sample; /* `sent` of them; the owner frees it */
	struct query_nts *nts;   /* NULL where the exchanges were not protected; the owner frees it */
	/* Why there is nobody to ask, or nobody any more, as a sentence, or "". */
	char unresolved[QUERY_SENTENCE];
};

/* The samples of one host in a few figures. */
struct query_summary {
	const struct exchange
		*best; /* valid with the least delay; else the best unsynchronised one; else NULL */
	const struct exchange *last;          /* the newest sample, or NULL */
	size_t answered;                      /* replies that were valid or unsynchronised */
	size_t refused[CLIENT_VERDICT_COUNT]; /* replies of every other verdict, ignored datagrams included */
	const char *kiss;                     /* the newest kiss code, or NULL */
	double jitter; /* seconds, rms of the other offsets about the best one's; NAN below two samples */
	bool valid;    /* best is of a synchronised server */
};

struct query_summary query_summarise(const struct query_result *result);

/* One row per host under a row of titles; with NTS a line on it under each. */
void query_print_table(FILE *out, const struct query_result *results, size_t count);

/* An array with one object per host; seconds throughout. False where memory ran out or `out` failed. */
bool query_print_json(FILE *out, const struct query_result *results, size_t count);

/* Why a host gave no valid answer, as a sentence in text[size]; "" where it did. */
void query_explain(const struct query_result *result, char *text, size_t size);

/* An interval in ns, us, ms or s with four significant digits; "-" for NAN. With its sign where `sign`. */
void query_interval_text(char text[16], double seconds, bool sign);

#endif
