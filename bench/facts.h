/* What the reports for people (bench/report.h) have in their rows: what was asked, what came, what was wrong.
 * Pure. */
#ifndef BENCH_FACTS_H
#define BENCH_FACTS_H

#include "bench/result.h"

/* Takes one row of two texts, not yet cleaned (bench/text.h). */
typedef void facts_tell(void *to, const char *label, const char *text);

/* Target, rate, clients, link. `figures` is figures_of's. */
void facts_of_load(
	const struct result *result, const struct result_step *figures, facts_tell *tell, void *to);

/* Processor, kernel, versions: what another run must share to be compared. */
void facts_of_machine(const struct result_machine *machine, facts_tell *tell, void *to);

/* Nothing, or what to know before the figures are believed. */
void facts_remarks(const struct result *result, facts_tell *tell, void *to);

struct facts_count {
	const char *name;
	uint64_t count;
};

enum { FACTS_COUNTS = 17 };

/* Rows of counts: sent, answered, valid, lost, wrong always, others where they are not 0. Returns how many.
 */
unsigned facts_counts(const struct result_step *step, struct facts_count row[FACTS_COUNTS]);

/* Takes a verdict that convicted replies; its meaning ends the sentence "the reply ...". */
typedef void facts_convict(void *to, const char *name, uint64_t count, const char *meaning);

/* Each verdict counted in result_wrong that came, those of HEADER and NTS followed by what they were in full.
 */
void facts_convictions(const struct judge_counts *counts, facts_convict *tell, void *to);

#endif
