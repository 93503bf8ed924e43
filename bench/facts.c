#include "bench/facts.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bench/figures.h"
#include "bench/quantity.h"
#include "bench/text.h"
#include "nts/ke_aeads.h"

struct teller {
	facts_tell *tell;
	void *to;
};

__attribute__((format(printf, 3, 4))) static void say(
	const struct teller *teller, const char *label, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	teller->tell(teller->to, label, text);
}

static const char *version_text(unsigned version)
{
	return version == 34 ? "NTPv3 and NTPv4 in turn" : version == 3 ? "NTPv3" : "NTPv4";
}

static void say_rate(const struct teller *teller, const struct result *r, const struct result_step *figures)
{
	const char *arrival = r->arrival[0] ? r->arrival : "steady";

	if (r->kind == RESULT_LOAD || r->steps == 0)
		say(teller, "asked", "%s, %s, for %s, %s", quantity_rate(figures->rate_wanted).text, arrival,
			quantity_of(figures->seconds, QUANTITY_TIME, 6).text, version_text(r->version));
	else
		say(teller, "asked", "%s of %u %s from %s, %s, for %s each, %s",
			r->kind == RESULT_KNEE ? "a search" : "a ramp", r->steps,
			r->steps == 1 ? "step" : "steps", quantity_rate(r->step[0].rate_wanted).text, arrival,
			quantity_of(r->step[0].seconds, QUANTITY_TIME, 6).text, version_text(r->version));
}

static void say_asked(const struct teller *teller, const struct result *r, const struct result_step *figures)
{
	if (r->host[0] && strcmp(r->host, r->target) != 0)
		say(teller, "target", "%s (%s)", r->target, r->host);
	else
		say(teller, "target", "%s", r->target);
	say_rate(teller, r, figures);
	if (r->garbage_share > 0)
		say(teller, "beside", "garbage, %s of what was sent", quantity_share(r->garbage_share).text);
}

static void say_clients(const struct teller *teller, const struct result *r)
{
	char zipf[64] = "";

	if (r->zipf > 0)
		snprintf(zipf, sizeof(zipf), ", by Zipf's law with exponent %.3g", r->zipf);
	say(teller, "clients", "%s%s%s%s", quantity_count(r->clients).text, r->sources[0] ? " of " : "",
		r->sources, zipf);
	if (r->nts_share > 0)
		say(teller, "NTS", "%s of the requests, of %s clients, by %s; %s of the replies verified",
			quantity_share(r->nts_share).text, quantity_count(r->nts_clients).text,
			ke_aead_name(r->nts_aead), quantity_share(r->tag_share).text);
}

static void say_link(const struct teller *teller, const struct result *r)
{
	char vlan[32] = "";

	if (r->vlan)
		snprintf(vlan, sizeof(vlan), ", VLAN %u", r->vlan);
	say(teller, "link", "%s%s%s%s%s, %u %s", r->interface, r->driver[0] ? " (" : "", r->driver,
		r->driver[0] ? ")" : "", vlan, r->cores, r->cores == 1 ? "core" : "cores");
	if (r->request_size && r->nts_request_size)
		say(teller, "requests", "of %u octets, with NTS of %u", r->request_size, r->nts_request_size);
	else
		say(teller, "requests", "of %u octets",
			r->request_size ? r->request_size : r->nts_request_size);
	if (r->stamps[0])
		say(teller, "times", "%s", r->stamps);
}

void facts_of_load(const struct result *r, const struct result_step *figures, facts_tell *tell, void *to)
{
	const struct teller teller = {tell, to};

	say_asked(&teller, r, figures);
	say_clients(&teller, r);
	say_link(&teller, r);
}

static void say_if(const struct teller *teller, const char *label, const char *text)
{
	if (text[0])
		teller->tell(teller->to, label, text);
}

void facts_of_machine(const struct result_machine *m, facts_tell *tell, void *to)
{
	const struct teller teller = {tell, to};

	say_if(&teller, "processor", m->cpu);
	if (m->cores)
		say(&teller, "cores", "%u that may be used", m->cores);
	say_if(&teller, "kernel", m->kernel);
	say_if(&teller, "tickwire", m->version);
	say_if(&teller, "compiler", m->compiler);
	say_if(&teller, "DPDK", m->dpdk);
	if (m->counter_hz > 0)
		say(&teller, "counter", "%sHz%s", quantity_of(m->counter_hz, QUANTITY_NUMBER, 5).text,
			m->clk_per_tick > 0 ? "" : ", core clocks not measured");
	if (m->clk_per_tick > 0)
		say(&teller, "core clocks", "%.4g for a tick of the counter", m->clk_per_tick);
}

void facts_remarks(const struct result *r, facts_tell *tell, void *to)
{
	const struct teller teller = {tell, to};

	if (r->clock_step != 0)
		say(&teller, "clock", "was set by %s during the load: the offsets are of before and after",
			quantity_time(r->clock_step).text);
	for (unsigned i = 0; i < r->remarks && i < sizeof(r->remark) / sizeof(r->remark[0]); i++)
		tell(to, i ? "" : "remarks", r->remark[i]);
}

unsigned facts_counts(const struct result_step *s, struct facts_count row[FACTS_COUNTS])
{
	const struct facts_count always[] = {{"sent", s->sent}, {"answered", s->counts.answered},
		{"valid", figures_valid(&s->counts)}, {"lost", s->counts.lost},
		{"wrong", result_wrong(&s->counts)}};
	const struct facts_count others[] = {{"kisses", figures_kisses(&s->counts)},
		{"unsynchronised", s->counts.verdict[JUDGE_UNSYNCHRONISED]},
		{"late", s->counts.verdict[JUDGE_LATE]}, {"refused (ICMP)", s->refused},
		{"foreign", s->foreign}, {"with NTS", s->nts_sent}, {"cookies reused", s->cookies_reused},
		{"tags checked", s->tags_checked}, {"garbage", s->garbage},
		{"of it answered", s->garbage_answered}};
	unsigned rows = 0;

	static_assert(
		1 + sizeof(always) / sizeof(always[0]) + sizeof(others) / sizeof(others[0]) <= FACTS_COUNTS,
		"");
	if (s->due > s->sent)
		row[rows++] = (struct facts_count){"due", s->due};
	for (unsigned i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		row[rows++] = always[i];
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i].count > 0)
			row[rows++] = others[i];
	return rows;
}

static void tell_header(const struct judge_counts *counts, facts_convict *tell, void *to)
{
	for (unsigned i = 0; i < CLIENT_VERDICT_COUNT; i++)
		if (counts->header[i] > 0)
			tell(to, client_verdict_info[i].name, counts->header[i],
				client_verdict_info[i].meaning);
}

static void tell_nts(const struct judge_counts *counts, facts_convict *tell, void *to)
{
	for (unsigned i = 0; i < NTS_CLIENT_VERDICT_COUNT; i++)
		if (counts->nts[i] > 0)
			tell(to, nts_client_verdict_info[i].name, counts->nts[i],
				nts_client_verdict_info[i].meaning);
}

static bool convicts(unsigned verdict)
{
	struct judge_counts one = {0};

	one.verdict[verdict] = 1;
	return result_wrong(&one) > 0;
}

void facts_convictions(const struct judge_counts *counts, facts_convict *tell, void *to)
{
	for (unsigned i = 0; i < JUDGE_VERDICT_COUNT; i++) {
		if (!convicts(i) || counts->verdict[i] == 0)
			continue;
		tell(to, judge_verdict_info[i].name, counts->verdict[i], judge_verdict_info[i].meaning);
		if (i == JUDGE_HEADER)
			tell_header(counts, tell, to);
		if (i == JUDGE_NTS)
			tell_nts(counts, tell, to);
	}
}
