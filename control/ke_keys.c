#include "control/ke_keys.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <openssl/crypto.h>

enum { TRIES = 8 /* of an id that nobody has; 30 of its bits are random */ };

/* Of keys that we make where somebody else should have: long enough that it is not they who end them. */
static const uint64_t kept_period = UINT64_C(1) << 59;

void ke_keys_init(struct ke_keys *keys, uint32_t rotate_s)
{
	memset(keys, 0, sizeof(*keys));
	keys->period = rotate_s * NTP64_SECOND;
	(void)mlock(keys, sizeof(*keys)); /* without it the system's swap has to be trusted */
}

void ke_keys_end(struct ke_keys *keys)
{
	OPENSSL_cleanse(keys, sizeof(*keys));
}

static bool draw(void *octets, size_t size)
{
	return getrandom(octets, size, 0) == (ssize_t)size;
}

static void take_over(struct ke_keys *keys, const struct keyring *ring)
{
	keys->ring = *ring;
	keys->changes++;
	keys->in_use = true;
	keys->ended = false;
}

/* A turn of any ring. False where the kernel gives no random octets. */
static bool turn(struct keyring *ring, ntp64 now, uint64_t period)
{
	struct keyring_fresh fresh;
	bool done = false;

	for (unsigned i = 0; !done && i < TRIES && draw(&fresh, sizeof(fresh)); i++) {
		fresh.id = key_file_next_id(ring, fresh.id);
		done = keyring_rotate(ring, &fresh, now, period);
	}
	OPENSSL_cleanse(&fresh, sizeof(fresh));
	return done;
}

/* A full ring, as if it had turned for long: a key file has to have all four keys. */
static bool make_fresh(struct ke_keys *keys, ntp64 now)
{
	const uint64_t period = keys->period > 0 ? keys->period : kept_period;
	struct keyring ring = {0};
	bool done = true;

	for (unsigned i = KEYRING_KEYS; done && i-- > 0;)
		done = turn(&ring, now - i * period, period);
	if (done)
		take_over(keys, &ring);
	OPENSSL_cleanse(&ring, sizeof(ring));
	return done;
}

static bool is_usable(const struct keyring *ring, ntp64 now)
{
	return keyring_current(ring, now) != NULL;
}

static bool read_file(struct ke_keys *keys, struct keyring *ring, const char *file, size_t size, ntp64 now,
	char *text, size_t text_size)
{
	memset(ring, 0, sizeof(*ring));
	if (!key_file_read(ring, file, size, now, keys->period, text, text_size))
		return false;
	if (is_usable(ring, now))
		return true;
	snprintf(text, text_size, "the keys in the key file have all ended; %s",
		keys->period ? "fresh ones are needed" : "bring a newer file, or let `ntsrotate` make keys");
	return false;
}

/* Which of two usable rings to go on with. */
static bool is_newer(const struct keyring *a, const struct keyring *b)
{
	return ntp64_diff(a->key[0].not_before, b->key[0].not_before) > 0;
}

bool ke_keys_begin(struct ke_keys *keys, const struct keyring *left, const char *file, size_t size, ntp64 now,
	enum ke_keys_origin *origin, char *text, size_t text_size)
{
	struct keyring ring;
	const bool from_file = size > 0 && read_file(keys, &ring, file, size, now, text, text_size);
	bool good = size == 0 || from_file;

	*origin = KE_KEYS_FRESH;
	if (from_file) {
		take_over(keys, &ring);
		*origin = KE_KEYS_FILE;
	}
	if (left && is_usable(left, now) && (!from_file || (keys->period && is_newer(left, &ring)))) {
		take_over(keys, left);
		*origin = KE_KEYS_SEGMENT;
	}
	OPENSSL_cleanse(&ring, sizeof(ring));
	if (*origin == KE_KEYS_FRESH && !make_fresh(keys, now)) {
		snprintf(text, text_size, "cannot make keys: the kernel gives no random octets");
		good = false;
	}
	return good;
}

bool ke_keys_import(
	struct ke_keys *keys, const char *file, size_t size, ntp64 now, char *text, size_t text_size)
{
	struct keyring ring;
	bool good = false;

	if (size == 0)
		snprintf(text, text_size, "there is no key file; keys stay as they are");
	else
		good = read_file(keys, &ring, file, size, now, text, text_size);
	if (good)
		take_over(keys, &ring);
	OPENSSL_cleanse(&ring, sizeof(ring));
	return good;
}

bool ke_keys_rotate(struct ke_keys *keys, ntp64 now, char *text, size_t size)
{
	if (keys->period == 0) {
		snprintf(text, size,
			"keys do not turn here (`ntsrotate 0`); whoever keeps the key file has to turn them");
		return false;
	}
	if (!keys->in_use) {
		snprintf(text, size, "there are no keys yet; try again");
		return false;
	}
	if (!turn(&keys->ring, now, keys->period)) {
		snprintf(text, size, "cannot make a key: the kernel gives no random octets");
		return false;
	}
	keys->changes++;
	return true;
}

/* All that is left was made under a clock that has jumped since. */
static unsigned renew(struct ke_keys *keys, ntp64 now)
{
	if (keys->period == 0) {
		const bool said = keys->ended;

		keys->ended = true;
		return said ? 0 : KE_KEYS_ENDED;
	}
	return make_fresh(keys, now) ? KE_KEYS_RENEWED : KE_KEYS_FAILED;
}

/* Whether it has been said for a period that no key has begun. */
static bool is_behind_for_long(struct ke_keys *keys, ntp64 now)
{
	const bool behind = ntp64_diff(keyring_current(&keys->ring, now)->not_before, now) > 0;

	if (behind && !keys->behind)
		keys->behind_since = now;
	keys->behind = behind;
	return behind && ntp64_diff(now, keys->behind_since) >= (int64_t)keys->period;
}

static bool is_rotation_due(struct ke_keys *keys, ntp64 now)
{
	const int64_t wait = ntp64_diff(keys->ring.key[0].not_before, now);
	const bool behind_for_long = is_behind_for_long(keys, now);

	if (keys->period == 0 || wait <= 0)
		return keys->period > 0;
	return keys->behind ? behind_for_long : (uint64_t)wait > 2 * keys->period;
}

unsigned ke_keys_tick(struct ke_keys *keys, ntp64 now)
{
	unsigned news = 0;

	if (!keys->in_use)
		return 0;
	if (keyring_erase_expired(&keys->ring, now) > 0) {
		keys->changes++;
		news |= KE_KEYS_ERASED;
	}
	if (!is_usable(&keys->ring, now))
		return news | renew(keys, now);
	if (is_rotation_due(keys, now)) {
		const bool done = turn(&keys->ring, now, keys->period);

		keys->changes += done;
		news |= done ? KE_KEYS_ROTATED : KE_KEYS_FAILED;
	}
	return news;
}

static int64_t sooner(int64_t wait, ntp64 time, ntp64 now)
{
	const int64_t other = ntp64_diff(time, now);

	return other < wait ? other : wait;
}

int ke_keys_due_ms(const struct ke_keys *keys, ntp64 now, int most)
{
	const int64_t longest = (int64_t)most * (int64_t)(NTP64_SECOND / 1000);
	int64_t wait = longest;

	if (!keys->in_use || keys->ended)
		return most;
	if (keys->period > 0)
		wait = sooner(wait, keys->ring.key[0].not_before, now);
	for (unsigned i = 0; i < KEYRING_KEYS; i++)
		if (keys->ring.key[i].algorithm != 0)
			wait = sooner(wait, keys->ring.key[i].not_after, now);
	if (wait <= 0)
		return 0;
	/* Rounded up: a timer that is early would only be set again. */
	return wait >= longest ? most : (int)((wait * 1000) >> 32) + 1;
}

void ke_keys_publish(const struct ke_keys *keys, const struct shm *segment)
{
	shm_publish(segment, &keys->ring);
	shm_publish(segment, &keys->ring);
}

size_t ke_keys_write(const struct ke_keys *keys, char text[KEY_FILE_MAX], ntp64 now)
{
	struct keyring_fresh fill[KEYRING_KEYS];
	size_t size = 0;

	if (keys->in_use && draw(fill, sizeof(fill)))
		size = key_file_write(text, &keys->ring, now, fill);
	OPENSSL_cleanse(fill, sizeof(fill));
	return size;
}

const char *ke_keys_state(const struct ke_keys *keys, const struct keyring_key *key, ntp64 now)
{
	const struct keyring_key *current = keyring_current(&keys->ring, now);

	if (keyring_is_expired(key, now))
		return "expired";
	if (current && current->id == key->id)
		return "current";
	return ntp64_diff(key->not_before, now) > 0 ? "future" : "old";
}
