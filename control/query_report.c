#include "control/query_report.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 12, CELL = 264 };

static const char *const titles[COLUMNS] = {"HOST", "ADDRESS", "STRATUM", "REFID", "LEAP", "OFFSET", "±ERROR",
	"DELAY", "JITTER", "ROOTDELAY", "ROOTDISP", "ANSWERED"};

struct row {
	char cell[COLUMNS][CELL];
};

static const char *const leap_names[4] = {"none", "insert", "delete", "unsync"};

static bool is_answer(const struct exchange *x)
{
	return x->status == EXCHANGE_REPLY &&
	       (x->reply.verdict == CLIENT_ANSWERED || x->reply.verdict == CLIENT_UNSYNCHRONISED);
}

/* A synchronised server's reply is better than any other; then the one that was least on its way. */
static bool is_better(const struct exchange *x, const struct exchange *than)
{
	if (!than || x->reply.verdict != than->reply.verdict)
		return !than || x->reply.verdict == CLIENT_ANSWERED;
	return x->reply.delay < than->reply.delay;
}

static double jitter_about(const struct query_result *result, const struct exchange *best)
{
	double sum = 0;
	size_t others = 0;

	for (size_t i = 0; best && i < result->sent; i++) {
		const struct exchange *x = &result->sample[i];

		if (x == best || !is_answer(x) || x->reply.verdict != best->reply.verdict)
			continue;
		sum += (x->reply.offset - best->reply.offset) * (x->reply.offset - best->reply.offset);
		others++;
	}
	return others ? sqrt(sum / (double)others) : (double)NAN;
}

static void add_sample(struct query_summary *s, const struct exchange *x)
{
	for (size_t v = 0; v < CLIENT_VERDICT_COUNT; v++)
		s->refused[v] += x->ignored[v];
	s->last = x;
	if (x->status != EXCHANGE_REPLY)
		return;
	if (x->reply.verdict == CLIENT_KISS)
		s->kiss = x->reply.kiss;
	if (!is_answer(x)) {
		s->refused[x->reply.verdict]++;
		return;
	}
	s->answered++;
	if (is_better(x, s->best))
		s->best = x;
}

struct query_summary query_summarise(const struct query_result *result)
{
	struct query_summary s = {0};

	for (size_t i = 0; i < result->sent; i++)
		add_sample(&s, &result->sample[i]);
	s.jitter = jitter_about(result, s.best);
	s.valid = s.best && s.best->reply.verdict == CLIENT_ANSWERED;
	return s;
}

void query_interval_text(char text[16], double seconds, bool sign)
{
	static const char *const unit[] = {"ns", "us", "ms", "s"};
	double magnitude = fabs(seconds) * 1e9;
	int u = 0, digits;

	if (isnan(seconds)) {
		snprintf(text, 16, "-");
		return;
	}
	/* 999.95 would be printed as 1000.0: it belongs to the next unit. */
	for (; u < 3 && magnitude >= 999.95; u++)
		magnitude /= 1000;
	digits = magnitude < 9.9995 ? 3 : magnitude < 99.995 ? 2 : magnitude < 999.95 ? 1 : 0;
	if (u == 0)
		digits = digits > 1 ? 1 : digits; /* 2^-32 s is 0.2 ns */
	snprintf(text, 16, "%s%.*f%s", signbit(seconds) ? "-" : sign ? "+" : "", digits, magnitude, unit[u]);
}

static void put_text(struct row *row, int column, const char *text)
{
	snprintf(row->cell[column], CELL, "%s", *text ? text : "-");
}

static void put_interval(struct row *row, int column, double seconds, bool sign)
{
	char text[16];

	query_interval_text(text, seconds, sign);
	put_text(row, column, text);
}

static void put_reply(struct row *row, const struct client_reply *r, double jitter)
{
	char refid[CLIENT_REFID_TEXT];

	client_refid_text(refid, r);
	snprintf(row->cell[2], CELL, "%u", r->stratum);
	put_text(row, 3, refid);
	put_text(row, 4, leap_names[r->leap & 3]);
	put_interval(row, 5, r->offset, true);
	put_interval(row, 6, client_error_bound(r), false);
	put_interval(row, 7, r->delay, false);
	put_interval(row, 8, jitter, false);
	put_interval(row, 9, ntp32_to_seconds(r->root_delay), false);
	put_interval(row, 10, ntp32_to_seconds(r->root_dispersion), false);
}

static void fill_row(struct row *row, const struct query_result *result)
{
	struct query_summary s = query_summarise(result);

	for (int c = 0; c < COLUMNS; c++)
		put_text(row, c, "");
	put_text(row, 0, result->host);
	put_text(row, 1, result->peer.text);
	if (s.best)
		put_reply(row, &s.best->reply, s.jitter);
	else if (s.kiss)
		put_text(row, 3, s.kiss);
	snprintf(row->cell[11], CELL, "%zu/%zu", s.answered, result->sent);
}

/* Characters on the screen: octets of UTF-8 but for continuations. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

static void print_row(FILE *out, const struct row *row, const int width[COLUMNS])
{
	for (int c = 0; c < COLUMNS; c++) {
		int padding = width[c] - width_of(row->cell[c]);
		bool left = c < 2 || c == 3 || c == 4;

		fprintf(out, "%s%*s%s", c ? "  " : "", left ? 0 : padding, "", row->cell[c]);
		if (left)
			fprintf(out, "%*s", padding, "");
	}
	fputc('\n', out);
}

static void print_count(FILE *out, unsigned count, const char *what)
{
	if (count > 0)
		fprintf(out, ", %u %s%s", count, what, count == 1 ? "" : "s");
}

static void print_keys(FILE *out, const struct query_nts *nts)
{
	const struct ke_exchange *ke = &nts->ke;
	char whole[16], tcp[16], tls[16];

	query_interval_text(whole, ke->time, false);
	query_interval_text(tcp, ke->connect_time, false);
	query_interval_text(tls, ke->handshake_time, false);
	fprintf(out, "keys from %s port %u in %s (TCP %s, TLS %s), %s, %u cookies got, %u held",
		ke->peer.text, nts->terms.port, whole, tcp, tls, ke_aead_name(ke->aead), ke->cookies,
		nts->client.cookies);
	if (*ke->server)
		fprintf(out, ", for server %s", ke->server);
	if (ke->port)
		fprintf(out, ", for UDP port %u", ke->port);
}

static void print_nts(FILE *out, const struct query_nts *nts)
{
	fputs("  NTS: ", out);
	if (nts->ke.status == KE_EXCHANGE_AGREED)
		print_keys(out, nts);
	else
		fprintf(out, "no keys (%s)", ke_exchange_status_name[nts->ke.status]);
	if (nts->establishments > 1)
		print_count(out, nts->establishments, "establishment");
	print_count(out, nts->judged[NTS_CLIENT_NAK], "NAK");
	print_count(out, query_nts_discarded(nts), "discarded datagram");
	fputc('\n', out);
}

void query_print_table(FILE *out, const struct query_result *results, size_t count)
{
	struct row *rows = calloc(count + 1, sizeof(*rows));
	int width[COLUMNS] = {0};

	if (!rows)
		return;
	for (int c = 0; c < COLUMNS; c++)
		put_text(&rows[0], c, titles[c]);
	for (size_t i = 0; i < count; i++)
		fill_row(&rows[i + 1], &results[i]);
	for (size_t i = 0; i <= count; i++)
		for (int c = 0; c < COLUMNS; c++)
			if (width_of(rows[i].cell[c]) > width[c])
				width[c] = width_of(rows[i].cell[c]);
	for (size_t i = 0; i <= count; i++) {
		print_row(out, &rows[i], width);
		if (i > 0 && results[i - 1].nts)
			print_nts(out, results[i - 1].nts);
	}
	free(rows);
}

static json_t *real_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *string_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

/* Unix seconds; the era is the one nearest to our own clock. */
static json_t *unix_time(ntp64 t, ntp64 now)
{
	double now_unix =
		(double)(now >> 32) - (double)NTP_UNIX_EPOCH + (double)(now & UINT32_MAX) / 4294967296.0;

	/* Our clock is past 1970: what reads as less is of the era that begins in 2036. */
	if (now_unix < 0)
		now_unix += 4294967296.0;
	return t == 0 ? json_null() : json_real(now_unix + ntp64_interval_to_seconds(ntp64_diff(t, now)));
}

static const char *sample_verdict(const struct exchange *x)
{
	return x->status == EXCHANGE_REPLY ? client_verdict_info[x->reply.verdict].name
					   : exchange_status_name[x->status];
}

static json_t *sample_json(const struct exchange *x)
{
	bool answer = is_answer(x);
	double offset = answer ? x->reply.offset : (double)NAN, delay = answer ? x->reply.delay : (double)NAN;

	return json_pack("{s:s, s:o, s:o, s:o, s:b}", "verdict", sample_verdict(x), "sent_at",
		unix_time(x->t1, x->t1), "offset", real_or_null(offset), "delay", real_or_null(delay),
		"kernel_stamp", (int)x->kernel_stamp);
}

static json_t *samples_json(const struct query_result *result)
{
	json_t *array = json_array();

	for (size_t i = 0; i < result->sent; i++)
		json_array_append_new(array, sample_json(&result->sample[i]));
	return array;
}

static json_t *refused_json(const struct query_summary *s)
{
	json_t *object = json_object();

	for (size_t v = 0; v < CLIENT_VERDICT_COUNT; v++)
		if (s->refused[v])
			json_object_set_new(
				object, client_verdict_info[v].name, json_integer((json_int_t)s->refused[v]));
	return object;
}

static json_t *reply_json(const struct exchange *x, double jitter)
{
	const struct client_reply *r = &x->reply;
	char refid[CLIENT_REFID_TEXT];

	client_refid_text(refid, r);
	return json_pack("{s:i, s:s, s:i, s:f, s:f, s:o, s:f, s:f, s:f, s:i, s:i, s:i, s:o}", "stratum",
		(int)r->stratum, "refid", refid, "leap", (int)r->leap, "offset", r->offset, "delay", r->delay,
		"jitter", real_or_null(jitter), "error_bound", client_error_bound(r), "root_delay",
		ntp32_to_seconds(r->root_delay), "root_dispersion", ntp32_to_seconds(r->root_dispersion),
		"precision", (int)r->precision, "poll", (int)r->poll, "version", (int)r->version,
		"reference_time", unix_time(r->reference, x->t4));
}

/* The same fields, so that a script need not ask which are there. */
static json_t *no_reply_json(void)
{
	static const char *const fields[] = {"stratum", "refid", "leap", "offset", "delay", "jitter",
		"error_bound", "root_delay", "root_dispersion", "precision", "poll", "version",
		"reference_time"};
	json_t *object = json_object();

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		json_object_set_new(object, fields[i], json_null());
	return object;
}

/* Cookies are counted, never shown. */
static json_t *nts_json(const struct query_nts *nts)
{
	const struct ke_exchange *ke;
	bool agreed;

	if (!nts)
		return json_null();
	ke = &nts->ke;
	agreed = ke->status == KE_EXCHANGE_AGREED;
	return json_pack("{s:s, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:o, s:i, s:i, s:i, s:i}",
		"status", ke_exchange_status_name[ke->status], "ke_address",
		string_or_null(*ke->peer.text ? ke->peer.text : NULL), "ke_port", (int)nts->terms.port,
		"ke_time", real_or_null(ke->time), "connect_time", real_or_null(ke->connect_time),
		"handshake_time", real_or_null(ke->handshake_time), "aead",
		string_or_null(agreed ? ke_aead_name(ke->aead) : NULL), "cookies",
		agreed ? json_integer((json_int_t)ke->cookies) : json_null(), "cookies_held",
		(int)nts->client.cookies, "server", string_or_null(*ke->server ? ke->server : NULL), "port",
		ke->port ? json_integer(ke->port) : json_null(), "establishments", (int)nts->establishments,
		"naks", (int)nts->judged[NTS_CLIENT_NAK], "unauthenticated",
		(int)nts->judged[NTS_CLIENT_UNAUTHENTICATED], "discarded", (int)query_nts_discarded(nts));
}

static json_t *result_json(const struct query_result *result)
{
	struct query_summary s = query_summarise(result);
	json_t *reply = s.best ? reply_json(s.best, s.jitter) : no_reply_json();
	char text[QUERY_SENTENCE];
	json_t *object;

	query_explain(result, text, sizeof(text));
	object = json_pack("{s:s, s:o, s:i, s:b, s:I, s:I, s:o, s:o, s:o}", "host", result->host, "address",
		string_or_null(*result->peer.text ? result->peer.text : NULL), "port", (int)result->port,
		"valid", (int)s.valid, "sent", (json_int_t)result->sent, "answered", (json_int_t)s.answered,
		"refused", refused_json(&s), "kiss_code", string_or_null(s.kiss), "error",
		string_or_null(*text ? text : NULL));
	json_object_update(object, reply);
	json_object_set_new(object, "nts", nts_json(result->nts));
	json_object_set_new(object, "samples", samples_json(result));
	json_decref(reply);
	return object;
}

bool query_print_json(FILE *out, const struct query_result *results, size_t count)
{
	json_t *array = json_array();
	bool good = array != NULL;

	for (size_t i = 0; i < count; i++)
		good = json_array_append_new(array, result_json(&results[i])) == 0 && good;
	if (good)
		good = json_dumpf(array, out, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) == 0 &&
		       fputc('\n', out) != EOF;
	json_decref(array);
	return good;
}

static void explain_refused(const struct query_summary *s, const char *where, char *text, size_t size)
{
	enum client_verdict v = s->last->reply.verdict;

	if (v == CLIENT_KISS && strcmp(s->kiss, "NTSN") == 0)
		snprintf(text, size,
			"%s declines our cookies by an NTS NAK (kiss code NTSN); see whether it shares the "
			"keys of the server that gave them, or somebody on the way forges or changes packets",
			where);
	else if (v == CLIENT_KISS)
		snprintf(text, size,
			"%s declines to give the time (kiss code %s); ask it less often, or another server",
			where, s->kiss);
	else
		snprintf(text, size, "%s gives no valid answer: its reply %s", where,
			client_verdict_info[v].meaning);
}

/* Nothing came in time that could be believed. */
static void explain_silence(
	const struct query_result *result, const char *where, const char *objection, char *text, size_t size)
{
	snprintf(text, size,
		"%s gives no answer on UDP port %u that its NTS keys vouch for: a reply of %u that were "
		"discarded %s",
		where, result->port, query_nts_discarded(result->nts), objection);
}

void query_explain(const struct query_result *result, char *text, size_t size)
{
	struct query_summary s = query_summarise(result);
	const char *objection = result->nts ? query_nts_objection(result->nts) : NULL;
	char where[sizeof(result->peer.text) + 256];

	snprintf(where, sizeof(where), strcmp(result->host, result->peer.text) == 0 ? "%s" : "%s (%s)",
		result->host, result->peer.text);
	if (s.valid)
		*text = '\0';
	else if (s.best)
		snprintf(text, size,
			"%s is not synchronised (leap %u, stratum %u), which counts as no valid answer; see "
			"what its clock follows",
			where, s.best->reply.leap, s.best->reply.stratum);
	else if (!s.last)
		snprintf(text, size, "%s", result->unresolved);
	else if (s.last->status == EXCHANGE_REPLY)
		explain_refused(&s, where, text, size);
	else if (s.last->status == EXCHANGE_TIMEOUT && objection)
		explain_silence(result, where, objection, text, size);
	else
		exchange_explain(s.last, where, result->port, text, size);
}
