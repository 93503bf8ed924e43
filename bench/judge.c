#include "bench/judge.h"

#include <assert.h>
#include <endian.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/population.h"

enum slot_state { SLOT_FREE, SLOT_UNDER_WAY, SLOT_ANSWERED, SLOT_LOST };

/* Times are cut to 48 bits: the reply's own tell the rest, as they are less than half a period away. */
enum { CUT_BITS = 48, HELD_BITS = 40, CLIENT_BITS = 24 };

struct slot {
	ntp64 floor; /* latest transmit timestamp of all replies before; 0: none */
	uint64_t t1 : CUT_BITS, size : 16;
	uint64_t intended : CUT_BITS, version : 3, nts : 1, state : 2;
	uint64_t held_up : HELD_BITS, client : CLIENT_BITS;
};
static_assert(sizeof(struct slot) == 32, "bench/judge.h promises it");
static_assert(
	JUDGE_CLIENTS == 1 << CLIENT_BITS && (int)POPULATION_MAX <= (int)JUDGE_CLIENTS, "every client fits");
static_assert(JUDGE_PATIENCE_MAX == UINT64_C(1) << HELD_BITS, "as the header says");

enum { STAMPS_LOG2 = 12, WINDOW = 64, KEYS = 3, HUGE_PAGE = 2 << 20 };

/* A transmit timestamp that was given to a client; 0: none yet. */
struct stamp {
	ntp64 transmit;
	uint32_t client;
};

/* What all timestamps of a window are multiples of. */
struct ticks {
	unsigned seen;
	ntp64 last;
	ntp64 any;        /* all bits that were set in one */
	uint32_t decimal; /* microseconds, a power of ten; 0: none */
	int finest;       /* precision that those of the window before may claim */
};

struct judge {
	struct slot *slot;
	uint64_t mask, patience_ns, key[KEYS];
	uint64_t next, tail; /* numbers: of the next request, and of the first that may be under way */
	double offset_limit;
	ntp64 latest; /* transmit timestamp; 0: none yet */
	uint8_t stratum;
	struct ticks ticks;
	struct judge_counts counts;
	struct stamp stamp[1 << STAMPS_LOG2];
};

const struct judge_verdict_info judge_verdict_info[JUDGE_VERDICT_COUNT] = {
#define X(symbol, name, meaning) [JUDGE_##symbol] = {name, meaning},
	JUDGE_VERDICTS(X)
#undef X
};

/*
 * The permutation: a key is added before, between and after two passes of a mixer without a key (Even,
 * Mansour 1991; the mixer is the finaliser of splitmix64: Steele, Lea, Flood 2014). No cipher to keep secrets
 * with, but who has seen other cookies has no short way to the next.
 */
#define MIX_1 UINT64_C(0xbf58476d1ce4e5b9)
#define MIX_2 UINT64_C(0x94d049bb133111eb)
#define UNMIX_1 UINT64_C(0x96de1b173f119089)
#define UNMIX_2 UINT64_C(0x319642b2d24d8ec3)
static_assert(MIX_1 * UNMIX_1 == 1 && MIX_2 * UNMIX_2 == 1, "inverse modulo 2^64");

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * MIX_1;
	x = (x ^ x >> 27) * MIX_2;
	return x ^ x >> 31;
}

static uint64_t unmix(uint64_t x)
{
	x = (x ^ x >> 31 ^ x >> 62) * UNMIX_2;
	x = (x ^ x >> 27 ^ x >> 54) * UNMIX_1;
	return x ^ x >> 30 ^ x >> 60;
}

static uint64_t cookie_of(const struct judge *judge, uint64_t number)
{
	return mix(mix(number ^ judge->key[0]) ^ judge->key[1]) ^ judge->key[2];
}

static uint64_t number_of(const struct judge *judge, uint64_t cookie)
{
	return unmix(unmix(cookie ^ judge->key[2]) ^ judge->key[1]) ^ judge->key[0];
}

static bool is_in_range(const struct judge_settings *settings)
{
	return settings->slots_log2 >= JUDGE_SLOTS_LOG2_MIN && settings->slots_log2 <= JUDGE_SLOTS_LOG2_MAX &&
	       settings->patience_ns >= 1 && settings->patience_ns <= JUDGE_PATIENCE_MAX &&
	       isfinite(settings->offset_limit) && settings->offset_limit >= 0;
}

/* The cookie 0 belongs to the number before the first, so that 2^64 - 1 requests have another. */
static void begin(struct judge *judge, const struct judge_settings *settings)
{
	judge->mask = (UINT64_C(1) << settings->slots_log2) - 1;
	judge->patience_ns = settings->patience_ns;
	judge->offset_limit = settings->offset_limit;
	for (unsigned i = 0; i < KEYS; i++)
		judge->key[i] = mix(settings->key + (i + 1) * UINT64_C(0x9e3779b97f4a7c15));
	judge->ticks.finest = INT_MIN;
	judge->next = judge->tail = number_of(judge, 0) + 1;
}

/* Touched now and in huge pages where there are any, so that a load does not pay for page after page. */
static struct slot *slots_new(size_t size)
{
	struct slot *slots = aligned_alloc(size < HUGE_PAGE ? sizeof(struct slot) : HUGE_PAGE, size);

	if (!slots)
		return NULL;
	madvise(slots, size, MADV_HUGEPAGE);
	memset(slots, 0, size);
	return slots;
}

struct judge *judge_new(const struct judge_settings *settings)
{
	struct judge *judge;

	if (!is_in_range(settings))
		return NULL;
	judge = calloc(1, sizeof(*judge));
	if (!judge)
		return NULL;
	judge->slot = slots_new((sizeof(*judge->slot) << settings->slots_log2));
	if (!judge->slot) {
		free(judge);
		return NULL;
	}
	begin(judge, settings);
	return judge;
}

void judge_free(struct judge *judge)
{
	if (judge)
		free(judge->slot);
	free(judge);
}

static struct slot *slot_of(struct judge *judge, uint64_t number)
{
	return &judge->slot[number & judge->mask];
}

static void give_up(struct judge *judge, struct slot *slot)
{
	if (slot->state != SLOT_UNDER_WAY)
		return;
	slot->state = SLOT_LOST;
	judge->counts.lost++;
}

/* Nothing where it was sent too early. */
static uint64_t held_up(int64_t ns)
{
	if (ns < 0)
		return 0;
	return (uint64_t)ns < JUDGE_PATIENCE_MAX ? (uint64_t)ns : JUDGE_PATIENCE_MAX - 1;
}

uint64_t judge_ask(struct judge *judge, const struct judge_request *request, ntp64 t1)
{
	uint64_t number = judge->next++;
	struct slot *slot = slot_of(judge, number);

	if (number - judge->tail > judge->mask) {
		give_up(judge, slot);
		judge->tail++;
	}
	*slot = (struct slot){
		.floor = judge->latest,
		.t1 = t1 & (~UINT64_C(0) >> (64 - CUT_BITS)),
		.size = request->size,
		.intended = request->intended_ns & (~UINT64_C(0) >> (64 - CUT_BITS)),
		.version = request->version & 7,
		.nts = request->nts,
		.state = SLOT_UNDER_WAY,
		.held_up = held_up((int64_t)(request->sent_ns - request->intended_ns)),
		.client = request->client & (JUDGE_CLIENTS - 1),
	};
	judge->counts.asked++;
	return cookie_of(judge, number);
}

/* What has passed since a time that was cut. */
static int64_t since(uint64_t now, uint64_t cut)
{
	return (int64_t)((now - cut) << (64 - CUT_BITS)) >> (64 - CUT_BITS);
}

void judge_resend(struct judge *judge, uint64_t cookie, uint64_t sent_ns, ntp64 t1)
{
	struct slot *slot = slot_of(judge, number_of(judge, cookie));

	slot->t1 = t1 & (~UINT64_C(0) >> (64 - CUT_BITS));
	slot->held_up = held_up(since(sent_ns, slot->intended));
}

void judge_retract(struct judge *judge, unsigned count)
{
	for (; count > 0 && judge->counts.asked > 0; count--) {
		slot_of(judge, --judge->next)->state = SLOT_FREE;
		judge->counts.asked--;
	}
}

/* How many requests ago it was made; 0 or more than were asked where it was not. */
static uint64_t age_of(const struct judge *judge, uint64_t cookie)
{
	return judge->next - number_of(judge, cookie);
}

bool judge_awaits(const struct judge *judge, uint64_t cookie)
{
	const uint64_t age = age_of(judge, cookie);

	return age > 0 && age <= judge->counts.asked && age <= judge->mask + 1 &&
	       judge->slot[(judge->next - age) & judge->mask].state == SLOT_UNDER_WAY;
}

/* Counted from when it was really sent: a generator that was held up has not used up the server's time. */
static bool is_too_late(const struct judge *judge, const struct slot *slot, uint64_t now_ns)
{
	return since(now_ns, slot->intended) - (int64_t)slot->held_up > (int64_t)judge->patience_ns;
}

/* Whose reply it is, and whether it may still be: sets *found where the request is kept. */
static enum judge_verdict find_request(
	struct judge *judge, const struct judge_datagram *datagram, uint64_t cookie, struct slot **found)
{
	const uint64_t age = age_of(judge, cookie);
	struct slot *slot = slot_of(judge, judge->next - age);

	if (age == 0 || age > judge->counts.asked)
		return JUDGE_UNSOLICITED;
	if (age > judge->mask + 1)
		return JUDGE_LATE;
	*found = slot;
	if (is_too_late(judge, slot, datagram->received_ns))
		give_up(judge, slot);
	if (slot->state == SLOT_LOST)
		return JUDGE_LATE;
	if (slot->state == SLOT_ANSWERED)
		return JUDGE_DUPLICATE;
	if (datagram->client != slot->client)
		return JUDGE_WRONG_CLIENT;
	return datagram->from_target ? JUDGE_VALID : JUDGE_WRONG_SOURCE;
}

static bool is_echo(const struct client_reply *reply, uint64_t cookie)
{
	ntp64 ours = be64toh(cookie);

	return reply->reference == ours || reply->receive == ours || reply->transmit == ours;
}

static enum judge_verdict judge_header(struct judge_finding *finding, const struct slot *slot,
	const struct judge_datagram *datagram, uint64_t cookie)
{
	const struct client_request request = {.cookie = cookie, .version = slot->version};
	struct client_reply *reply = &finding->reply;
	ntp64 t1 = datagram->t4 - (ntp64)since(datagram->t4, slot->t1);

	client_judge(reply, &request, datagram->octets, datagram->size, t1, datagram->t4);
	finding->residence = ntp64_interval_to_seconds(ntp64_diff(reply->transmit, reply->receive));
	if (reply->verdict == CLIENT_KISS)
		return strcmp(reply->kiss, "RATE") == 0 ? JUDGE_KISS_RATE : JUDGE_KISS_OTHER;
	if (is_echo(reply, cookie))
		return JUDGE_COOKIE_ECHOED;
	if (reply->verdict == CLIENT_UNSYNCHRONISED)
		return JUDGE_UNSYNCHRONISED;
	return reply->verdict == CLIENT_ANSWERED ? JUDGE_VALID : JUDGE_HEADER;
}

/* Microseconds, the greatest power of ten to a second that t is a multiple of, give or take its last bit. */
static uint32_t decimal_tick(ntp64 t)
{
	uint64_t scaled = (t & UINT32_MAX) * 1000000;
	uint32_t whole = (uint32_t)((scaled + (UINT64_C(1) << 31)) >> 32), tick = 1;
	int64_t off = (int64_t)(scaled - ((uint64_t)whole << 32));

	if (off < -1000000 || off > 1000000)
		return 0;
	while (tick < 1000000 && whole % (tick * 10) == 0)
		tick *= 10;
	return tick;
}

/* Within a factor of two a claim may be rounded either way. */
static int finest_claim(const struct ticks *ticks)
{
	double tick = fmax(ticks->decimal / 1e6, ldexp((double)(ticks->any & -ticks->any), -32));

	return (int)ceil(log2(tick)) - 1;
}

/* Stamps of one burst may be alike by right; a microsecond apart they are not. */
static void note_tick(struct ticks *ticks, ntp64 transmit)
{
	int64_t apart = ntp64_diff(transmit, ticks->last);
	uint32_t decimal;

	if (apart >= 0 && apart < (int64_t)(NTP64_SECOND / 1000000 + 1))
		return;
	decimal = decimal_tick(transmit);
	ticks->decimal = ticks->seen == 0 || decimal < ticks->decimal ? decimal : ticks->decimal;
	ticks->any = ticks->seen == 0 ? transmit : ticks->any | transmit;
	ticks->last = transmit;
	if (++ticks->seen < WINDOW)
		return;
	ticks->finest = finest_claim(ticks);
	ticks->seen = 0;
}

static struct stamp *stamp_of(struct judge *judge, ntp64 transmit, uint32_t client)
{
	return &judge->stamp[mix(transmit + client) >> (64 - STAMPS_LOG2)];
}

static bool is_repeated(struct judge *judge, const struct slot *slot, ntp64 transmit)
{
	const struct stamp *stamp = stamp_of(judge, transmit, slot->client);

	return (stamp->transmit == transmit && stamp->client == slot->client) || slot->floor == transmit;
}

/* The bits below a server's precision are random, so that order means nothing there. */
static bool is_backwards(const struct slot *slot, const struct client_reply *reply)
{
	int precision = reply->precision > -6 ? -6 : reply->precision < -32 ? -32 : reply->precision;

	return slot->floor != 0 &&
	       ntp64_diff(reply->transmit, slot->floor) < -(INT64_C(1) << (32 + precision));
}

static enum judge_verdict judge_beside_others(
	struct judge *judge, const struct slot *slot, const struct client_reply *reply)
{
	double off = fabs(reply->offset) - fmax(reply->delay, 0) / 2;

	if (judge->stratum != 0 && reply->stratum != judge->stratum)
		return JUDGE_STRATUM;
	if (reply->precision > 0 || reply->precision < judge->ticks.finest)
		return JUDGE_PRECISION;
	if (is_repeated(judge, slot, reply->transmit))
		return JUDGE_REPEATED_TIME;
	if (is_backwards(slot, reply))
		return JUDGE_BACKWARDS;
	return judge->offset_limit > 0 && off > judge->offset_limit ? JUDGE_OFFSET : JUDGE_VALID;
}

/* A time known to be wrong is no measure of others, but a step back would convict for ever if it were not. */
static void remember(struct judge *judge, const struct slot *slot, const struct client_reply *reply,
	enum judge_verdict verdict)
{
	judge->stratum = reply->stratum;
	note_tick(&judge->ticks, reply->transmit);
	*stamp_of(judge, reply->transmit, slot->client) =
		(struct stamp){.transmit = reply->transmit, .client = slot->client};
	if (verdict == JUDGE_OFFSET)
		return;
	if (judge->latest == 0 || verdict == JUDGE_BACKWARDS ||
		ntp64_diff(reply->transmit, judge->latest) > 0)
		judge->latest = reply->transmit;
}

/* A reply by the right server to the right client: whatever it is, its request has no other. */
static enum judge_verdict judge_answer(struct judge *judge, struct slot *slot, struct judge_finding *finding,
	const struct judge_datagram *datagram, uint64_t cookie)
{
	enum judge_verdict verdict;

	slot->state = SLOT_ANSWERED;
	judge->counts.answered++;
	if (datagram->size > slot->size)
		return JUDGE_LONGER;
	if (slot->nts && datagram->nts != NTS_CLIENT_AUTHENTIC)
		return JUDGE_NTS;
	verdict = judge_header(finding, slot, datagram, cookie);
	if (verdict != JUDGE_VALID)
		return verdict;
	verdict = judge_beside_others(judge, slot, &finding->reply);
	remember(judge, slot, &finding->reply, verdict);
	return verdict;
}

static void set_latency(struct judge_finding *finding, const struct slot *slot, uint64_t received_ns)
{
	int64_t latency = since(received_ns, slot->intended);

	finding->found = true;
	finding->latency_ns = latency > 0 ? (uint64_t)latency : 0;
	finding->held_up_ns = slot->held_up;
}

static enum judge_verdict judge_datagram(
	struct judge *judge, const struct judge_datagram *datagram, struct judge_finding *finding)
{
	enum judge_verdict verdict;
	struct slot *slot = NULL;
	uint64_t cookie;

	if (datagram->size < NTP_HEADER_SIZE) {
		finding->reply.verdict = CLIENT_SHORT;
		return JUDGE_HEADER;
	}
	memcpy(&cookie, datagram->octets + offsetof(struct ntp_header, origin), sizeof(cookie));
	verdict = find_request(judge, datagram, cookie, &slot);
	if (slot)
		set_latency(finding, slot, datagram->received_ns);
	return verdict == JUDGE_VALID ? judge_answer(judge, slot, finding, datagram, cookie) : verdict;
}

enum judge_verdict judge_reply(
	struct judge *judge, const struct judge_datagram *datagram, struct judge_finding *finding)
{
	struct judge_counts *counts = &judge->counts;

	*finding = (struct judge_finding){0};
	finding->verdict = judge_datagram(judge, datagram, finding);
	counts->verdict[finding->verdict]++;
	if (finding->verdict == JUDGE_HEADER)
		counts->header[finding->reply.verdict]++;
	if (finding->verdict == JUDGE_NTS)
		counts->nts[datagram->nts]++;
	return finding->verdict;
}

void judge_expire(struct judge *judge, uint64_t now_ns, bool all)
{
	for (; judge->tail != judge->next; judge->tail++) {
		struct slot *slot = slot_of(judge, judge->tail);

		if (!all && slot->state == SLOT_UNDER_WAY && !is_too_late(judge, slot, now_ns))
			return;
		give_up(judge, slot);
	}
}

const struct judge_counts *judge_counts(const struct judge *judge)
{
	return &judge->counts;
}

void judge_counts_merge(struct judge_counts *counts, const struct judge_counts *from)
{
	counts->asked += from->asked;
	counts->answered += from->answered;
	counts->lost += from->lost;
	for (unsigned i = 0; i < JUDGE_VERDICT_COUNT; i++)
		counts->verdict[i] += from->verdict[i];
	for (unsigned i = 0; i < CLIENT_VERDICT_COUNT; i++)
		counts->header[i] += from->header[i];
	for (unsigned i = 0; i < NTS_CLIENT_VERDICT_COUNT; i++)
		counts->nts[i] += from->nts[i];
}
