/* Runs the discipline in virtual time against references and an oscillator that are known, and says how far
 * off its time was, and whether it knew. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/sim/plots.h"
#include "tests/sim/world.h"

struct options {
	uint64_t seed;
	const char *scenario; /* NULL: all in turn */
	double hours;         /* 0: the scenario's own */
	unsigned count;       /* of scenarios */
	const char *csv, *plots;
	bool verbose, pi;
};

/* Of all scenarios of a kind. */
struct summary {
	unsigned runs, outside, broken;
	double worst, rms, hours;
	struct series ratio, bound, settled;
};

static int usage(FILE *out, int status)
{
	fputs("usage: sim [options]\n"
	      "Runs the clock's discipline in virtual time. Exit status 1: its bound did not hold.\n\n"
	      "  --scenario NAME   this one alone; `list` lists them (default: all in turn)\n"
	      "  --seed N          the first seed (default 1)\n"
	      "  --count N         scenarios to run (default: each once)\n"
	      "  --hours H         of virtual time (default: what the scenario needs)\n"
	      "  --csv FILE        of one scenario: time, error, bound, rates\n"
	      "  --plots FILE      of one scenario: a page of its error, bound and deviations\n"
	      "  --pi              beside plain PI loops and a straight line on the same pulses\n"
	      "  --verbose         events, and a line a scenario\n",
		out);
	return status;
}

static void write_row(void *opaque, const struct world_row *r)
{
	fprintf(opaque, "%.3f,%.3e,%.3e,%.3e,%.6e,%.6e,%d\n", r->now, r->error, r->bound, r->disciplined,
		r->oscillator, r->estimated, r->synchronised);
}

static double cpu_seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static void print_deviations(const char *name, const struct series *s, size_t from)
{
	struct deviations d;

	deviations_of(s, from, &d);
	printf("%-14s", name);
	for (unsigned i = 0; i < d.count; i += 2)
		printf(" %8.2g", d.tdev[i]);
	printf("\n%-14s", "  adev");
	for (unsigned i = 0; i < d.count; i += 2)
		printf(" %8.2g", d.adev[i]);
	printf("\n");
}

static void print_base_lines(const struct world *w)
{
	size_t from = (size_t)w->measures.settle;

	printf("tau / s       ");
	for (unsigned i = 0; i < MEASURES_TAUS; i += 2)
		printf(" %8u", 1U << i);
	printf("\n");
	print_deviations("free running", &w->measures.free_running, from);
	print_deviations("served", &w->measures.error, 0);
	print_deviations("PI, the best", &pi_best(w->pi, from)->error, from);
	for (int i = 0; i < PI_LOOPS; i++)
		printf("PI loop, %3.0f s: rms %.3g s\n", w->pi->loop[i].constant,
			series_rms(&w->pi->loop[i].error, from));
	printf("straight line:  rms %.3g s\n", series_rms(&w->line->error, from));
}

static bool is_broken(const struct world *w)
{
	bool synchronised = timebase_is_synchronised(&w->published, w->published.counter);
	double rms = sqrt(w->measures.squares / fmax((double)w->measures.late, 1));

	return w->jumps > 0 || (w->scenario->rms > 0 && rms > w->scenario->rms) ||
	       (w->scenario->unsynchronised_ends && synchronised) ||
	       (w->scenario->synchronised_ends && !synchronised);
}

static void print_run(const struct world *w, double cpu)
{
	const struct measures *m = &w->measures;

	printf("%-12s seed %-20llu %5.2f h in %.2f s: first %.0f s, settled %.0f s, rms %.3g s, max %.3g s, "
	       "bound %.3g s, "
	       "outside %.1f s, worst %.2f at %.0f s%s\n",
		w->scenario->name, (unsigned long long)w->scenario->seed, w->scenario->seconds / 3600, cpu,
		m->first, measures_settled(m), sqrt(m->squares / fmax((double)m->late, 1)), m->max,
		m->bounds / fmax((double)m->late, 1), m->outside, m->worst, m->worst_at,
		is_broken(w) ? ", and that is WRONG" : "");
}

static void sum_up(struct summary *s, const struct world *w)
{
	const struct measures *m = &w->measures;

	s->runs++;
	s->outside += m->worst > 1;
	s->broken += is_broken(w);
	s->worst = fmax(s->worst, m->worst);
	s->hours += w->scenario->seconds / 3600;
	if (m->late)
		s->rms = fmax(s->rms, sqrt(m->squares / (double)m->late));
	series_add(&s->settled, measures_settled(m));
	series_add(&s->ratio, series_median(&m->ratio));
	series_add(&s->bound, series_median(&m->bound));
}

static bool run(const struct options *o, unsigned kind, uint64_t seed, struct summary *summary)
{
	struct scenario s;
	struct world w;
	struct pi_bank pi;
	struct line_fit line;
	FILE *csv = o->csv ? fopen(o->csv, "w") : NULL;
	FILE *plots = o->plots ? fopen(o->plots, "w") : NULL;
	double start = cpu_seconds();

	scenario_make(&s, kind, seed, o->hours);
	if (!world_open(&w, &s))
		return false;
	w.verbose = o->verbose;
	if (csv) {
		fputs("seconds,error,bound,disciplined error,oscillator,estimated,synchronised\n", csv);
		w.watch = write_row;
		w.opaque = csv;
	}
	if (o->pi) {
		pi_start(&pi, s.hz);
		w.pi = &pi;
		line_fit_start(&line, s.hz);
		w.line = &line;
	}
	world_run(&w);
	if (o->verbose || w.measures.worst > 1 || is_broken(&w)) {
		printf("%llu: ", (unsigned long long)seed);
		print_run(&w, cpu_seconds() - start);
	}
	sum_up(summary, &w);
	if (plots) {
		plots_write(plots, &w);
		fclose(plots);
	}
	if (o->pi) {
		print_base_lines(&w);
		pi_free(&pi);
		line_fit_free(&line);
	}
	if (csv)
		fclose(csv);
	world_close(&w);
	return true;
}

static bool print_summary(const struct summary *all)
{
	struct summary total = {0};

	printf("%-14s %5s %7s %6s %6s %6s %9s %9s %9s %7s\n", "scenario", "runs", "hours", "broken", "wrong",
		"worst", "rms, most", "bound", "ratio", "settled");
	for (unsigned i = 0; i < SCENARIO_KINDS; i++) {
		const struct summary *s = &all[i];

		if (!s->runs)
			continue;
		printf("%-14s %5u %7.1f %6u %6u %6.2f %9.2g %9.2g %9.3g %7.0f\n", scenario_name(i), s->runs,
			s->hours, s->outside, s->broken, s->worst, s->rms, series_median(&s->bound),
			series_median(&s->ratio), series_median(&s->settled));
		total.runs += s->runs;
		total.hours += s->hours;
		total.outside += s->outside;
		total.broken += s->broken;
	}
	printf("%u scenarios, %.0f hours of virtual time in %.1f s of CPU: %u left their bound, %u ended "
	       "wrong\n",
		total.runs, total.hours, cpu_seconds(), total.outside, total.broken);
	return total.outside == 0 && total.broken == 0;
}

static int list(void)
{
	for (unsigned i = 0; i < SCENARIO_KINDS; i++)
		puts(scenario_name(i));
	return 0;
}

static int run_all(const struct options *o)
{
	static struct summary all[SCENARIO_KINDS];
	unsigned found = 0;
	bool good;

	for (unsigned n = 0; n < o->count * (o->scenario ? SCENARIO_KINDS : 1); n++) {
		unsigned kind = n % SCENARIO_KINDS;

		if (o->scenario && strcmp(o->scenario, scenario_name(kind)) != 0)
			continue;
		found++;
		if (!run(o, kind, o->seed + n / SCENARIO_KINDS, &all[kind]))
			return 1;
	}
	if (found == 0)
		return usage(stderr, 2);
	good = print_summary(all);
	for (unsigned i = 0; i < SCENARIO_KINDS; i++) {
		series_free(&all[i].ratio);
		series_free(&all[i].bound);
		series_free(&all[i].settled);
	}
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct option table[] = {
		{"scenario", required_argument, NULL, 's'},
		{"seed", required_argument, NULL, 'r'},
		{"count", required_argument, NULL, 'n'},
		{"hours", required_argument, NULL, 't'},
		{"csv", required_argument, NULL, 'c'},
		{"plots", required_argument, NULL, 'g'},
		{"pi", no_argument, NULL, 'p'},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct options o = {.seed = 1};
	int option;

	setlinebuf(stdout);
	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (option == 's')
			o.scenario = optarg;
		else if (option == 'r')
			o.seed = strtoull(optarg, NULL, 0);
		else if (option == 'n')
			o.count = (unsigned)strtoul(optarg, NULL, 0);
		else if (option == 't')
			o.hours = strtod(optarg, NULL);
		else if (option == 'c')
			o.csv = optarg;
		else if (option == 'g')
			o.plots = optarg;
		else if (option == 'p')
			o.pi = true;
		else if (option == 'v')
			o.verbose = true;
		else
			return option == 'h' ? usage(stdout, 0) : usage(stderr, 2);
	}
	if (o.scenario && strcmp(o.scenario, "list") == 0)
		return list();
	if (o.count == 0)
		o.count = o.scenario ? 1 : SCENARIO_KINDS;
	return run_all(&o);
}
