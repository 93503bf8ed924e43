/*
 * What a load has given: filled by bench/load.c, told to people and programs by bench/report.h. Plain data;
 * one thread.
 *
 * A search or a ramp is made of steps at one rate each, and a step repeated is another step. Counts are of
 * datagrams unless said otherwise, times are seconds since the start of the first step unless said otherwise.
 */
#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/distribution.h"
#include "bench/judge.h"

enum {
	RESULT_STEPS_MAX = 256,
	RESULT_POINTS_MAX = 600, /* of a time series: when full, two neighbours become one */
	RESULT_TEXT = 256,
};

/* Offsets have a sign: a distribution each, of ns; 0 counts as positive. */
struct result_offsets {
	struct distribution negative, positive;
};

/* What happened from `at` on, until the next point. */
struct result_point {
	double at;      /* s since the step began */
	double seconds; /* that it stands for */
	uint64_t due, sent, valid, wrong, lost;
	uint64_t p50_ns, p99_ns, most_ns; /* latency */
};

/* Why a load could not keep to its schedule: the first that was met. */
enum result_limit {
	RESULT_LIMIT_NONE,
	RESULT_LIMIT_PORT, /* the port took no more: its ring or the socket's buffer was full */
	RESULT_LIMIT_CORE, /* the core had no time left to make more */
};

struct result_step {
	double at;          /* when it began */
	double rate_wanted; /* requests a second, the mean of the schedule */
	double seconds;     /* of sending */
	/*
	 * due: requests that the schedule had for these seconds; sent: handed to the port; due - sent was
	 * never sent, as generator_limited says. Each that was sent is answered or lost in the end:
	 * counts.answered + counts.lost is counts.asked is sent.
	 */
	uint64_t due, sent;
	enum result_limit limit;   /* of a generator-limited step (due - sent above 0.1 % of due) */
	uint64_t garbage;          /* sent beside, which nobody should answer */
	uint64_t garbage_answered; /* but was */
	uint64_t nts_sent;         /* of sent, with NTS */
	uint64_t cookies_reused; /* of nts_sent: with a cookie that had been sent before, for want of a fresh
				    one */
	uint64_t tags_checked;   /* replies whose authenticator was verified */
	uint64_t refused;        /* ICMP unreachable for a request of ours */
	uint64_t foreign;        /* came, but were no replies of the target's */
	uint64_t octets_sent, octets_received; /* of NTP, requests and what came */
	struct judge_counts counts;
	struct distribution latency;   /* ns, from the intended time; of all that judge_finding.found says */
	struct distribution held_up;   /* ns, of these before it was really sent */
	struct distribution residence; /* ns, T3 - T2; negative ones are none */
	struct result_offsets offset;  /* of valid replies */
	uint8_t stratum;               /* of the last valid reply; 0: none */
	int8_t precision;              /* log2 s, likewise */
	uint8_t refid[4];
	unsigned repeat; /* of the same rate, from 0 */
	bool passed;  /* a search's: its loss was within the bound and the generator kept to its schedule */
	bool stopped; /* by a signal, before its time */
	unsigned points;
	struct result_point point[RESULT_POINTS_MAX];
};

enum result_kind { RESULT_LOAD, RESULT_RAMP, RESULT_KNEE };

/* The highest rate that a search found good, RFC 2544 section 26.1. */
struct result_knee {
	bool found;
	bool generator_limited; /* a higher one could not be made: the knee is the generator's */
	double rate;            /* asked and answered within the bound in each repeat */
	double least_failed;    /* 0: none failed */
	double loss_bound;      /* share, 0 to 1 */
	unsigned repeats;
};

struct result_machine {
	char cpu[128], kernel[128], compiler[64], version[32] /* of tickwire */, dpdk[64] /* "": not used */;
	unsigned cores;      /* that may be used */
	double counter_hz;   /* of COUNTER_CPU or what stands for it */
	double clk_per_tick; /* core clocks, bench/clocks.h; 0: not measured */
};

struct result {
	char command[1024];          /* as it was typed */
	char started[40];            /* RFC 3339, UTC */
	char target[128];            /* address and port */
	char host[RESULT_TEXT];      /* as given */
	char interface[RESULT_TEXT]; /* "sockets" or the port's name */
	char driver[64];
	char sources[RESULT_TEXT]; /* prefixes of the clients */
	char arrival[32];          /* "steady", ... */
	char stamps[128];          /* where the times of replies come from, a clause for people */
	uint32_t clients;
	double zipf;                             /* exponent; 0: uniform */
	unsigned cores;                          /* that made the load */
	unsigned version;                        /* of requests: 3, 4, or 34 for both in turn */
	unsigned vlan;                           /* 0: none */
	uint16_t request_size, nts_request_size; /* octets of NTP; 0: none of these */
	uint32_t nts_clients;
	uint16_t nts_aead;                          /* 0: none */
	double nts_share, garbage_share, tag_share; /* 0 to 1 */
	double timeout;                             /* s */
	double clock_step; /* s by which the system's clock was set during the load; 0: it was not */
	struct result_machine machine;
	enum result_kind kind;
	struct result_knee knee;
	bool stopped; /* by a signal */
	unsigned remarks;
	char remark[8][RESULT_TEXT]; /* for people: what to know before the figures are believed */
	unsigned steps;
	struct result_step *step; /* RESULT_STEPS_MAX */
};

/* Sums over the steps, or one step: what the JSON object has at its top. */

/* Datagrams that convict the server; kisses, UNSYNCHRONISED and LATE do not, and are none of the valid
 * either. */
uint64_t result_wrong(const struct judge_counts *counts);

/* Share of the sent that are lost, 0 to 1; 0 where none was sent. */
double result_loss(const struct result_step *step);

bool result_generator_limited(const struct result_step *step);

/* The time series: add a point, halving the resolution where there is no room. */
void result_add_point(struct result_step *step, const struct result_point *point);

/* Add what another point counts, at another time or on another core; `at` and `seconds` stay. */
void result_merge_point(struct result_point *point, const struct result_point *next);

#endif
