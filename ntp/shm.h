/*
 * A shared-memory segment with one writer and any number of readers in other processes.
 *
 * A segment is a file in the run directory: a head that says what it is, then two copies of the contract's
 * struct (a "latch"). The writer fills the copy that readers are not looking at and then turns `sequence`,
 * whose lowest bit says which copy is current. So a reader never waits for a writer, and a writer killed
 * half-way through an update leaves the last good copy in place; a reader retries only if the writer
 * published while it was copying.
 *
 * Barriers, each with its partner (the scheme is that of a sequence count, see DPDK's rte_seqcount.h):
 *
 * - W1, a release fence before the data stores, with R2: who sees new data in the copy that was current also
 * sees the turn of `sequence` that made it free.
 * - W2, the release store of `sequence` after the data, with R1, its acquire load: who sees the turn sees the
 * data.
 * - R2, an acquire fence after the data loads and before `sequence` is read again.
 *
 * Data words are relaxed atomics, so the accesses are defined in C11 and visible to ThreadSanitizer.
 */
#ifndef NTP_SHM_H
#define NTP_SHM_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHM_CACHE_LINE = 64, SHM_READ_TRIES = 16 };

struct shm_head {
	uint64_t magic;      /* which contract: eight ASCII letters, see SHM_MAGIC */
	uint32_t version;    /* of the contract's struct; readers refuse another */
	uint32_t size;       /* octets of one copy, a multiple of 8 */
	uint64_t generation; /* how often a writer has taken the segment over (its restarts) */
	uint64_t sequence;   /* publications; 0: nothing yet; the lowest bit chooses the copy */
	uint64_t reserved[4];
};
static_assert(sizeof(struct shm_head) == SHM_CACHE_LINE, "the head fills one cache line");

#define SHM_MAGIC(a, b, c, d, e, f, g, h)                                                 \
	((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 | \
		(uint64_t)(e) << 32 | (uint64_t)(f) << 40 | (uint64_t)(g) << 48 | (uint64_t)(h) << 56)

/* What a contract's header says of itself. */
struct shm_contract {
	const char *file; /* name in the run directory */
	uint64_t magic;
	uint32_t version;
	uint32_t size; /* octets of the struct, a multiple of 8 */
};

/* A mapped segment. The two copies follow the head, each starting on a cache line. */
struct shm {
	struct shm_head *head;
	uint32_t size;   /* of one copy, as this process was built */
	uint32_t stride; /* from one copy to the next */
};

static inline uint64_t *shm_copy_at(const struct shm *s, uint64_t sequence)
{
	return (uint64_t *)(void *)((uint8_t *)s->head + SHM_CACHE_LINE + (sequence & 1) * s->stride);
}

/*
 * The plain body behind the head, for a contract that is not published as a whole: counters, whose words each
 * have one writer and are read one by one.
 */
static inline void *shm_body(const struct shm *s)
{
	return (uint8_t *)s->head + SHM_CACHE_LINE;
}

/* The current sequence: 0 before the first publication. A reader that holds this number holds the newest
 * data. */
static inline uint64_t shm_sequence(const struct shm *s)
{
	return __atomic_load_n(&s->head->sequence, __ATOMIC_ACQUIRE);
}

/* Writer only. `data` holds s->size octets. */
static inline void shm_publish(const struct shm *s, const void *data)
{
	uint64_t sequence = __atomic_load_n(&s->head->sequence, __ATOMIC_RELAXED) + 1;
	uint64_t *to = shm_copy_at(s, sequence);
	const uint64_t *from = data;

	__atomic_thread_fence(__ATOMIC_RELEASE); /* W1 */
	for (uint32_t i = 0; i < s->size / 8; i++)
		__atomic_store_n(&to[i], from[i], __ATOMIC_RELAXED);
	__atomic_store_n(&s->head->sequence, sequence, __ATOMIC_RELEASE); /* W2 */
}

/*
 * Any reader. Copies the current data into `data` (s->size octets) and gives its sequence, or 0 where nothing
 * has been published or SHM_READ_TRIES copies were overtaken; `data` is then indeterminate, so read into a
 * spare.
 */
static inline uint64_t shm_read(const struct shm *s, void *data)
{
	uint64_t *to = data;

	for (int tries = 0; tries < SHM_READ_TRIES; tries++) {
		uint64_t sequence = __atomic_load_n(&s->head->sequence, __ATOMIC_ACQUIRE); /* R1 */
		const uint64_t *from = shm_copy_at(s, sequence);

		if (sequence == 0)
			return 0;
		for (uint32_t i = 0; i < s->size / 8; i++)
			to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_ACQUIRE); /* R2 */
		if (__atomic_load_n(&s->head->sequence, __ATOMIC_RELAXED) == sequence)
			return sequence;
	}
	return 0;
}

enum shm_error {
	SHM_OK = 0,
	SHM_SYSTEM,  /* errno says why */
	SHM_FOREIGN, /* the file is something else: wrong magic */
	SHM_VERSION, /* another version or size of the contract */
};

/*
 * Map run_dir/contract->file for writing, making it (mode 0600) where it is missing or foreign. A good
 * segment is taken over with its data, so that readers that have it mapped see the new writer. One writer at
 * a time: the caller sees to it.
 */
enum shm_error shm_create(struct shm *s, const char *run_dir, const struct shm_contract *contract);

/* Map an existing segment for reading. Any thread or process. */
enum shm_error shm_open_reader(struct shm *s, const char *run_dir, const struct shm_contract *contract);

/* Unmap; the file stays. Harmless on a zeroed struct. */
void shm_close(struct shm *s);

/* A sentence for an error of the above, with the file's name and the remedy; into text[size]. */
void shm_explain(enum shm_error error, const char *run_dir, const struct shm_contract *contract, char *text,
	size_t size);

#endif
