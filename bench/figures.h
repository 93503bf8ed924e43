/* The figures of a load that all of its reports tell (bench/report.h), and the sentences about them. Pure. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/result.h"

enum { FIGURES_SENTENCE = 400 };

/*
 * What the figures without a step are of. `*of` is "knee" for a search that found one: the last passed step
 * at that rate; else "all": the sum of the steps, its rate_wanted the mean by time and its series theirs, one
 * after the other. A copy that the caller frees; NULL where memory is short.
 */
struct result_step *figures_of(const struct result *result, const char **of);

uint64_t figures_valid(const struct judge_counts *counts);
uint64_t figures_kisses(const struct judge_counts *counts);

/* A second of sending; 0 where there was none. */
double figures_rate(const struct result_step *step, uint64_t count);

/* Seconds, where `d` is of ns: distribution_at and distribution_mean. */
double figures_at(const struct distribution *d, double share);
double figures_mean(const struct distribution *d);

/* The same with a sign; 0 where there are none. A share of 0 is the least, of 1 the greatest. */
uint64_t figures_offsets(const struct result_offsets *offsets);
double figures_offset_at(const struct result_offsets *offsets, double share);
double figures_offset_mean(const struct result_offsets *offsets);

/* Which side was the limit, and what came: a sentence without a full stop. Returns `text`. */
const char *figures_sentence(char text[FIGURES_SENTENCE], const struct result_step *step);

/* What a search has found, likewise. */
const char *figures_knee(char text[FIGURES_SENTENCE], const struct result_knee *knee);

/* "load", "ramp", "knee". */
const char *figures_kind(enum result_kind kind);

/* One word or two of what became of a step. */
const char *figures_outcome(const struct result *result, const struct result_step *step);

#endif
