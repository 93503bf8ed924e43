/*
 * The daemon's keyring: where it comes from at the start, when it turns, and who is told. What it is, and a
 * key's life, is in nts/keyring.h.
 *
 * Times are handed in; fresh keys come from the kernel. One thread: workers get copies.
 */
#ifndef CONTROL_KE_KEYS_H
#define CONTROL_KE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ntp/shm.h"
#include "nts/key_file.h"
#include "nts/keyring.h"

/* Seconds of a period, so that four of them fit into the 2^31 s that NTP times tell apart. */
enum { KE_KEYS_ROTATE_MAX = (1 << 29) - 1 };

struct ke_keys {
	struct keyring ring;
	uint64_t period;    /* units of 2^-32 s; 0: keys are kept by somebody else, and never turn here */
	uint64_t changes;   /* of the ring; after each it is to be published and kept */
	bool in_use;        /* ke_keys_begin has chosen a ring */
	bool ended;         /* there is no current key, and it has been said */
	bool behind;        /* the clock says that no key has begun yet ... */
	ntp64 behind_since; /* ... and since when, by itself */
};

/* Where the ring of ke_keys_begin comes from. */
enum ke_keys_origin { KE_KEYS_FRESH = 0, KE_KEYS_FILE, KE_KEYS_SEGMENT };

/* An empty ring that is to turn every rotate_s seconds (0: never), locked in memory where that is allowed. */
void ke_keys_init(struct ke_keys *keys, uint32_t rotate_s);

/* Erase the ring. */
void ke_keys_end(struct ke_keys *keys);

/*
 * Choose the first ring: of what a predecessor left in the segment (NULL for nothing) and the key file (size
 * 0: none) the one whose newest key begins later; with keys kept by somebody else the file. Either has to
 * have a current key, else there are fresh ones. False where the file is no good or no keys can be had, with
 * a sentence in text[text_size]; where keys->in_use is set nevertheless, a ring has been found without it.
 */
bool ke_keys_begin(struct ke_keys *keys, const struct keyring *left, const char *file, size_t size, ntp64 now,
	enum ke_keys_origin *origin, char *text, size_t text_size);

/* Replace the ring by a key file's. False with a sentence, and the ring as it was. */
bool ke_keys_import(
	struct ke_keys *keys, const char *file, size_t size, ntp64 now, char *text, size_t text_size);

/* Turn the ring, now. False with a sentence. */
bool ke_keys_rotate(struct ke_keys *keys, ntp64 now, char *text, size_t size);

/* What ke_keys_tick has done; a set. */
enum ke_keys_news {
	KE_KEYS_ROTATED = 1,
	KE_KEYS_ERASED = 2,  /* keys whose time was over */
	KE_KEYS_RENEWED = 4, /* all keys had ended: the clock has jumped. Others are there */
	KE_KEYS_ENDED = 8,   /* all keys have ended, and it is somebody else who has to bring others. Once */
	KE_KEYS_FAILED = 16, /* the kernel gives no random octets */
};

/*
 * Do what is due. A future key that begins more than two periods from now, because the period became shorter,
 * is not waited for. Where the clock says that no key has begun yet, it is the clock that is doubted, for a
 * period: a machine may start in 1970, and its clients' cookies are to open when the time has come in.
 */
unsigned ke_keys_tick(struct ke_keys *keys, ntp64 now);

/* Milliseconds until something is due, at most `most`. */
int ke_keys_due_ms(const struct ke_keys *keys, ntp64 now, int most);

/* Publish the ring in both copies of the segment: what is no more in the ring is then in neither. */
void ke_keys_publish(const struct ke_keys *keys, const struct shm *segment);

/* The ring as a key file; its size, 0 where there is none. The caller erases it. */
size_t ke_keys_write(const struct ke_keys *keys, char text[KEY_FILE_MAX], ntp64 now);

/* "future", "current", "old" or "expired". */
const char *ke_keys_state(const struct ke_keys *keys, const struct keyring_key *key, ntp64 now);

#endif
