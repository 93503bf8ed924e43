#include "bench/crew.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct member {
	struct crew *crew;
	unsigned core, cpu;
	struct generator *generator;
	struct generator_step step;
	struct result_step *result;
	pthread_t thread;
	bool failed, done; /* done: written by the thread, read by the main thread */
};

struct crew {
	struct link *link;
	unsigned count;
	struct member member[LINK_CORES_MAX];
};

static bool hire(struct crew *crew, struct member *m, const struct generator_settings *settings, unsigned cpu,
	char *text, unsigned size)
{
	struct generator_settings own = *settings;

	own.core = (unsigned)(m - crew->member);
	m->crew = crew;
	m->core = own.core;
	m->cpu = cpu;
	m->generator = generator_new(&own, text, size);
	m->result = calloc(1, sizeof(*m->result));
	return m->generator && m->result;
}

struct crew *crew_new(
	const struct generator_settings *settings, const unsigned *cpu, char *text, unsigned size)
{
	struct crew *crew = calloc(1, sizeof(*crew));

	snprintf(text, size, "not enough memory");
	if (!crew)
		return NULL;
	crew->link = settings->link;
	for (; crew->count < settings->cores && crew->count < LINK_CORES_MAX; crew->count++)
		if (!hire(crew, &crew->member[crew->count], settings, cpu[crew->count], text, size)) {
			crew->count++;
			crew_free(crew);
			return NULL;
		}
	return crew;
}

void crew_free(struct crew *crew)
{
	for (unsigned i = 0; crew && i < crew->count; i++) {
		generator_free(crew->member[i].generator);
		free(crew->member[i].result);
	}
	free(crew);
}

static void *work(void *argument)
{
	struct member *m = argument;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(m->cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	m->failed = !link_begin(m->crew->link, m->core);
	if (!m->failed) {
		generator_run(m->generator, &m->step, m->result);
		link_end(m->crew->link, m->core);
	}
	__atomic_store_n(&m->done, true, __ATOMIC_RELEASE);
	return NULL;
}

bool crew_start(struct crew *crew, const struct generator_step *step, char *text, unsigned size)
{
	for (unsigned i = 0; i < crew->count; i++) {
		struct member *m = &crew->member[i];
		int error;

		m->step = *step;
		m->step.count = step->count ? (step->count + crew->count - 1 - i) / crew->count : 0;
		m->done = false;
		*m->result = (struct result_step){0};
		if (step->count && m->step.count == 0) {
			m->done = true;
			m->thread = 0;
			continue;
		}
		error = pthread_create(&m->thread, NULL, work, m);
		if (error == 0)
			continue;
		snprintf(text, size, "a thread for core %u: %s", m->cpu, strerror(error));
		while (i-- > 0)
			pthread_join(crew->member[i].thread, NULL);
		return false;
	}
	return true;
}

bool crew_is_busy(const struct crew *crew)
{
	for (unsigned i = 0; i < crew->count; i++)
		if (!__atomic_load_n(&crew->member[i].done, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

void crew_live(const struct crew *crew, struct generator_live *live)
{
	*live = (struct generator_live){0};
	for (unsigned i = 0; i < crew->count; i++) {
		struct generator_live one;

		generator_live(crew->member[i].generator, &one);
		live->sent += one.sent;
		live->valid += one.valid;
		live->wrong += one.wrong;
		live->lost += one.lost;
	}
}

void crew_finish(struct crew *crew, struct result_step *step)
{
	for (unsigned i = 0; i < crew->count; i++) {
		if (crew->member[i].thread)
			pthread_join(crew->member[i].thread, NULL);
		if (i == 0)
			*step = *crew->member[i].result;
		else
			generator_merge(step, crew->member[i].result);
	}
}
