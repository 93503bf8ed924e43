/*
 * What a load has given, told to people and to programs. Each returns 0, or -1 where writing failed or memory
 * was short; the stream is flushed. Strings of the result may be any octets: what is no UTF-8 or is a control
 * character is told as '?'.
 *
 * Figures without a step are of the sum of the steps ("of": "all"), or for a search that found a knee of the
 * last passed step at that rate ("of": "knee"). Rates are by the seconds of sending. Where nothing was
 * measured a percentile is null in JSON, empty in CSV, "-" for people.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdio.h>

#include "bench/result.h"

/* At most 100 columns. */
int report_table(FILE *out, const struct result *result);

/*
 * One object on a line. Times in seconds, rates a second, shares 0 to 1; counts above 2^63 - 1 are told as
 * that. of, sent, due, answered, valid, lost, wrong, loss, rate_sent, rate_answered, rate_valid, rate_wanted,
 * seconds, latency {count, min, p50, p90, p99, p999, p9999, max, mean}, held_up, residence {the same}, offset
 * {count, min, p1, p10, p50, p90, p99, max, mean}, generator_limited, limit (null, "port", "core"), kisses,
 * unsynchronised, late, duplicates, unsolicited, garbage, garbage_answered, refused, foreign, octets_sent,
 *   octets_received, nts {sent, cookies_reused, tags_checked}, verdicts, header, nts_verdicts {name: count},
 *   stratum (null before a valid reply), precision, stopped;
 *   once: target, host, command, started, machine {}, settings {}, clock_step, remarks [], knee {} or null,
 *   steps [{the figures, and at, repeat, passed (null but in a search), outcome, series [{at, seconds, due,
 * sent, valid, wrong, lost, p50, p99, max}]}].
 */
int report_json(FILE *out, const struct result *result);

/*
 * RFC 4180: a line of names, then one a step. Columns are the names above, latency_p50_s and so on for
 * percentiles, all times in seconds; kind is load, ramp or knee. target, started, kind, step (from 1), at,
 * repeat, rate_wanted, seconds, due, sent, answered, valid, lost, wrong, loss, rate_sent, rate_answered,
 * rate_valid, outcome, generator_limited (0 or 1), kisses, unsynchronised, late, garbage, garbage_answered,
 * refused, foreign, nts_sent, latency_{p50,p90,p99,p999,max,mean}_s, held_up_{p50,p99,max}_s,
 *   residence_{p50,p99,max}_s, offset_{p1,p50,p99}_s
 */
int report_csv(FILE *out, const struct result *result);

/* One page that needs nothing else: no script, no network, at most some hundred KB. */
int report_html(FILE *out, const struct result *result);

#endif
