/*
 * NTP's shared memory: "SHM 0[:perm=0600]". The segment is made where it is not there yet, and kept when we
 * end: others are attached to it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>

#include "refclock/driver_parameter.h"
#include "refclock/drivers.h"
#include "refclock/shm_sample.h"
#include "refclock/stamped.h"

/* s: between two looks whether the segment under the key is still ours. */
static const double check_interval = 1;

struct shm_source {
	const struct driver_world *world;
	long unit;
	int id;
	volatile struct shm_sample *segment; /* others write it at any time */
	uint64_t checked;                    /* counter value */
	struct stamped sample;
};

static key_t key_of(const struct shm_source *shm)
{
	return (key_t)(SHM_SAMPLE_KEY + shm->unit);
}

static bool parse(struct shm_source *shm, const char *words, long *mode, char *text, size_t size)
{
	struct driver_parameter parameter;
	struct driver_option option;

	driver_parameter_split(&parameter, words);
	if (!driver_parameter_number(parameter.name, 10, 0, SHM_SAMPLE_UNITS - 1, &shm->unit)) {
		snprintf(text, size, "SHM \"%s\": expected a unit from 0 to %d", parameter.name,
			SHM_SAMPLE_UNITS - 1);
		return false;
	}
	while (driver_parameter_next(&parameter, &option)) {
		if (strcmp(option.name, "perm") == 0 &&
			driver_parameter_number(option.value, 8, 0, 0777, mode))
			continue;
		snprintf(text, size, "SHM %ld: option \"%s=%s\": expected perm=MODE, octal, at most 0777",
			shm->unit, option.name, option.value);
		return false;
	}
	return true;
}

/* Warns of a segment that anybody may write: so may he set the clock of all our clients. */
static void look_at_mode(const struct shm_source *shm, char *text, size_t size)
{
	struct shmid_ds status;

	if (shmctl(shm->id, IPC_STAT, &status) != 0 || !(status.shm_perm.mode & S_IWOTH))
		return;
	snprintf(text, size,
		"SHM %ld: everybody on this machine may write the segment 0x%x (mode %03o) and so set the "
		"time; remove it (ipcrm -M 0x%x) and start tickwire before its writer",
		shm->unit, (unsigned)key_of(shm), (unsigned)status.shm_perm.mode & 0777,
		(unsigned)key_of(shm));
}

static bool attach(struct shm_source *shm, long mode, char *text, size_t size)
{
	void *at;

	shm->id = shmget(key_of(shm), sizeof(struct shm_sample), (int)(IPC_CREAT | mode));
	if (shm->id < 0) {
		snprintf(text, size,
			"SHM %ld: cannot get the segment 0x%x: %s; if another program has made it, look with "
			"ipcs -m, remove it with ipcrm -M 0x%x",
			shm->unit, (unsigned)key_of(shm), strerror(errno), (unsigned)key_of(shm));
		return false;
	}
	at = shmat(shm->id, NULL, 0);
	if (at == (void *)-1) {
		snprintf(text, size, "SHM %ld: cannot attach the segment 0x%x: %s", shm->unit,
			(unsigned)key_of(shm), strerror(errno));
		return false;
	}
	shm->segment = at;
	look_at_mode(shm, text, size);
	return true;
}

static void *shm_open_source(
	const struct source_options *options, const struct driver_world *world, char *text, size_t size)
{
	struct shm_source *shm = calloc(1, sizeof(*shm));
	long mode = 0600;

	snprintf(text, size, "%s", "");
	if (!shm) {
		snprintf(text, size, "out of memory");
		return NULL;
	}
	*shm = (struct shm_source){.world = world};
	if (parse(shm, options->parameter, &mode, text, size) && attach(shm, mode, text, size)) {
		/* What is there already may be from yesterday. */
		shm->segment->valid = 0;
		return shm;
	}
	free(shm);
	return NULL;
}

static void shm_close_source(void *state)
{
	struct shm_source *shm = state;

	/* `volatile` is for those who read; the call only takes the address. */
	shmdt((const void *)(uintptr_t)shm->segment);
	free(shm);
}

static int shm_descriptor(const void *state)
{
	(void)state;
	return -1;
}

/*
 * Once: everything is judged on the copy, since what is there may change at any time. The writer raises the
 * count before and after its fields, with `valid` cleared meanwhile; ours are read in the reverse order, so
 * that a count that is the same on both sides, and a `valid` that is still set, mean that no field was
 * touched.
 */
static void copy_segment(
	const struct shm_source *shm, struct shm_sample *copy, struct shm_sample_after *after)
{
	int32_t count = shm->segment->count;

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	*copy = *shm->segment;
	copy->count = count;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	*after = (struct shm_sample_after){shm->segment->count, shm->segment->valid};
}

/* Whether the key still leads to our segment: no rights are needed for asking that. */
static bool is_current(struct shm_source *shm)
{
	uint64_t now = shm->world->counter_now(shm->world->opaque);

	if ((double)(now - shm->checked) < check_interval * shm->world->counter_hz)
		return true;
	shm->checked = now;
	return shmget(key_of(shm), 0, 0) == shm->id;
}

static void take_sample(struct shm_source *shm, char *text, size_t size)
{
	enum shm_sample_verdict verdict;
	struct shm_sample copy;
	struct measurement m;
	struct shm_sample_after after;
	ntp64 kernel;

	if (!shm->segment->valid)
		return;
	__atomic_thread_fence(__ATOMIC_ACQUIRE); /* the fields are as old as `valid`, or newer */
	copy_segment(shm, &copy, &after);
	verdict = shm_sample_parse(&copy, &after, &kernel, &m);
	/* One that is torn, or is being renewed, is whole in a moment. */
	if (verdict != SHM_SAMPLE_TORN && verdict != SHM_SAMPLE_EMPTY)
		shm->segment->valid = 0;
	if (verdict == SHM_SAMPLE_GOOD)
		stamped_put(&shm->sample, shm->world, kernel, &m);
	else if (verdict != SHM_SAMPLE_EMPTY && verdict != SHM_SAMPLE_TORN)
		snprintf(text, size, "SHM %ld: %s", shm->unit, shm_sample_text(verdict));
}

static enum driver_news shm_take(void *state, struct measurement *m, char *text, size_t size)
{
	struct shm_source *shm = state;
	enum driver_news news;

	snprintf(text, size, "%s", "");
	news = stamped_take(&shm->sample, shm->world, m, text, size);
	if (news != DRIVER_SILENT || text[0])
		return news;
	if (!is_current(shm)) {
		snprintf(text, size, "SHM %ld: the segment 0x%x was removed, or made anew by another program",
			shm->unit, (unsigned)key_of(shm));
		return DRIVER_GONE;
	}
	take_sample(shm, text, size);
	return stamped_take(&shm->sample, shm->world, m, text, size);
}

const struct driver_functions driver_shm = {
	.open = shm_open_source, .close = shm_close_source, .descriptor = shm_descriptor, .take = shm_take};
