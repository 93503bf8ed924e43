/*
 * The kernels of nts/siv_lanes.h for one width of vectors. The file that includes this has defined
 *
 *   vec      the vector, of WIDTH lanes
 *   DEPTH    how many are in work at once, to hide the latency of an AES round
 *   v_*      its instructions
 *   KERNEL   the name of the back-end
 */
enum {
	LANES = WIDTH * DEPTH,
	BLOCK = SIV_LANES_BLOCK,
	ROUNDS = SIV_LANES_ROUNDS,
	/* of a cookie, from its nonce */
	COOKIE_TAG = BLOCK,
	COOKIE_TEXT = 2 * BLOCK,
	KEYS = 4,
	CHAINED = KEYS - 1,
	CLEARED_1 = 8, /* octets of a tag whose first bit CTR clears, RFC 5297 section 2.5 */
	CLEARED_2 = 12,
};

/*
 * All vectors take a step together, and that loop is gone when this is compiled; with sanitizers, which would
 * take minutes over what is left, it stays. Rounds and blocks are loops: unrolled, they are more than the
 * instruction cache holds.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(SANITIZED) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define EACH for (unsigned i = 0; i < DEPTH; i++)
#else
#define EACH _Pragma("GCC unroll 16") for (unsigned i = 0; i < DEPTH; i++)
#endif
#define ROLLED _Pragma("GCC unroll 1")
#define INLINE static inline __attribute__((always_inline))

struct kernel {
	struct siv_lanes lanes;
	vec mac[ROUNDS + 1][DEPTH], ctr[ROUNDS + 1][DEPTH];
	vec whole[DEPTH], cut[DEPTH], sum[DEPTH];
	uint8_t *base[LANES];
	uint8_t *keys[LANES];
	/* What lanes without work read and write. */
	struct siv_lanes_keys spare_keys;
	uint8_t spare[SIV_LANES_REACH + BLOCK];
};

/* A block of every lane, as far from its base. */
INLINE vec load(uint8_t *const *base, unsigned i, size_t at)
{
	return v_load(base + (size_t)i * WIDTH, at);
}

INLINE void store(uint8_t *const *base, unsigned i, size_t at, vec block)
{
	v_store(base + (size_t)i * WIDTH, at, block);
}

INLINE vec constant(const void *block)
{
	return v_broadcast(block);
}

INLINE void encrypt(vec s[DEPTH], const vec k[ROUNDS + 1][DEPTH])
{
	EACH s[i] = v_xor(s[i], k[0][i]);
	ROLLED for (unsigned r = 1; r < ROUNDS; r++) EACH s[i] = v_aesenc(s[i], k[r][i]);
	EACH s[i] = v_aesenclast(s[i], k[ROUNDS][i]);
}

/* Under a key that all lanes share. */
INLINE void encrypt_shared(vec s[DEPTH], const uint8_t k[ROUNDS + 1][BLOCK])
{
	vec round = constant(k[0]);

	EACH s[i] = v_xor(s[i], round);
	ROLLED for (unsigned r = 1; r < ROUNDS; r++)
	{
		round = constant(k[r]);
		EACH s[i] = v_aesenc(s[i], round);
	}
	round = constant(k[ROUNDS]);
	EACH s[i] = v_aesenclast(s[i], round);
}

static const uint8_t reversed[BLOCK] = {15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0};

/* Times x in GF(2^128), RFC 5297 section 2.3: each word of 32 bits takes in the bit that the next loses. */
INLINE vec doubled(vec block)
{
	static const uint8_t carries[BLOCK] = {0x87, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0};
	const vec reverse = constant(reversed);
	const vec number = v_shuffle(block, reverse);
	const vec lost = v_rotate_words(v_sign_words(number));

	return v_shuffle(v_xor(v_double_words(number), v_and(lost, constant(carries))), reverse);
}

/* FIPS 197's key expansion: see aes_expand of nts/aes_x86.h. */
INLINE void expand(vec schedule[ROUNDS + 1][DEPTH], uint8_t *const *keys, unsigned which)
{
	static const uint8_t rotate[BLOCK] = {13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12};
	static const uint32_t added[ROUNDS][4] = {
#define WORDS(c) {c, c, c, c}
		WORDS(1), WORDS(2), WORDS(4), WORDS(8), WORDS(16), WORDS(32), WORDS(64), WORDS(128),
		WORDS(0x1b), WORDS(0x36)
#undef WORDS
	};
	vec k[DEPTH];

	EACH k[i] = schedule[0][i] = load(keys, i, (size_t)which * BLOCK);
	ROLLED for (unsigned r = 0; r < ROUNDS; r++)
	{
		const vec turn = constant(rotate), add = constant(added[r]);

		EACH
		{
			const vec word = v_aesenclast(v_shuffle(k[i], turn), add);

			k[i] = v_xor(k[i], v_up4(k[i]));
			k[i] = v_xor(k[i], v_up8(k[i]));
			k[i] = v_xor(k[i], word);
			schedule[r + 1][i] = k[i];
		}
	}
}

/* CMAC's subkeys, and S2V's D as it is when the next string is to be added. */
INLINE void subkeys(struct kernel *w)
{
	vec s[DEPTH];

	EACH s[i] = v_zero();
	encrypt(s, w->mac);
	EACH
	{
		w->whole[i] = s[i] = doubled(s[i]);
		w->cut[i] = doubled(s[i]);
	}
	encrypt(s, w->mac);
	EACH w->sum[i] = doubled(s[i]);
}

/* Octets that go `by` places up, or down where it is negative, with zeros in their stead. */
INLINE vec shift_of(int by)
{
	static const int8_t places[3 * BLOCK] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
		-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1,
		-1, -1, -1, -1, -1, -1, -1};

	return constant(places + BLOCK - by);
}

/* The padding of a block of `size` octets, less than BLOCK. */
INLINE vec padding_of(size_t size)
{
	static const uint8_t bit[2 * BLOCK] = {[BLOCK] = 0x80};

	return constant(bit + BLOCK - size);
}

/* Add the associated data's CMAC to S2V's D. */
INLINE void add_ad(struct kernel *w, size_t size)
{
	const size_t over = size % BLOCK, last = over ? size - over : size - BLOCK;
	vec s[DEPTH];

	EACH s[i] = v_zero();
	for (size_t at = 0; at < last; at += BLOCK) {
		EACH s[i] = v_xor(s[i], load(w->base, i, at));
		encrypt(s, w->mac);
	}
	if (over == 0) {
		EACH s[i] = v_xor(v_xor(s[i], load(w->base, i, last)), w->whole[i]);
	} else {
		const vec shift = shift_of((int)over - BLOCK), padding = padding_of(over);

		EACH
		{
			const vec end = v_shuffle(load(w->base, i, size - BLOCK), shift);

			s[i] = v_xor(v_xor(s[i], v_xor(end, padding)), w->cut[i]);
		}
	}
	encrypt(s, w->mac);
	EACH w->sum[i] = doubled(v_xor(w->sum[i], s[i]));
}

INLINE void add_nonce(struct kernel *w, size_t at)
{
	vec s[DEPTH];

	EACH s[i] = v_xor(load(w->base, i, at), w->whole[i]);
	encrypt(s, w->mac);
	EACH w->sum[i] = v_xor(w->sum[i], s[i]);
}

/* The next so many requests; lanes that are left over have work that nobody sees. */
INLINE void take_group(
	struct kernel *w, uint8_t *const *base, struct siv_lanes_keys *const *keys, unsigned count)
{
	for (unsigned l = 0; l < LANES; l++) {
		w->base[l] = base && l < count ? base[l] : w->spare;
		w->keys[l] = l < count ? keys[l]->c2s : w->spare_keys.c2s;
	}
}

INLINE void compare(struct kernel *w, const vec s[DEPTH], size_t tag_at, bool *good, unsigned count)
{
	if (count >= LANES) {
		EACH v_compare(good + (size_t)i * WIDTH, s[i], load(w->base, i, tag_at));
	} else {
		bool same[LANES];

		EACH v_compare(same + (size_t)i * WIDTH, s[i], load(w->base, i, tag_at));
		for (unsigned l = 0; l < count; l++)
			good[l] = same[l];
	}
}

/* CTR's first block, as a number: its 32 lowest bits never overflow. */
INLINE vec counter_of(vec tag)
{
	static const uint8_t clear[BLOCK] = {255, 255, 255, 255, 255, 255, 255, 255, [CLEARED_1] = 127, 255,
		255, 255, [CLEARED_2] = 127, 255, 255, 255};

	return v_shuffle(v_and(tag, constant(clear)), constant(reversed));
}

/* The next block of each lane: w->cut has the counters then. */
INLINE void count_on(struct kernel *w, vec s[DEPTH])
{
	static const uint32_t one[4] = {1, 0, 0, 0};

	EACH
	{
		s[i] = v_shuffle(w->cut[i], constant(reversed));
		w->cut[i] = v_add_words(w->cut[i], constant(one));
	}
}

static void open_group(struct kernel *w, const struct siv_lanes_master *master, bool *good, unsigned count)
{
	vec s[DEPTH];

	EACH s[i] = v_xor(load(w->base, i, 0), constant(master->whole));
	encrypt_shared(s, master->mac);
	EACH w->sum[i] = v_xor(v_xor(s[i], constant(master->sum)), constant(master->whole));
	EACH w->cut[i] = counter_of(load(w->base, i, COOKIE_TAG));
	EACH w->whole[i] = v_zero();
	ROLLED for (unsigned b = 0; b < KEYS; b++)
	{
		count_on(w, s);
		encrypt_shared(s, master->ctr);
		EACH
		{
			s[i] = v_xor(s[i], load(w->base, i, COOKIE_TEXT + (size_t)b * BLOCK));
			store(w->keys, i, (size_t)b * BLOCK, s[i]);
			s[i] = v_xor(s[i], w->whole[i]);
			if (b == CHAINED)
				s[i] = v_xor(s[i], w->sum[i]);
		}
		encrypt_shared(s, master->mac);
		EACH w->whole[i] = s[i];
		if (b + 1 == CHAINED)
			EACH store(w->keys, i, (size_t)KEYS * BLOCK, s[i]);
	}
	compare(w, s, COOKIE_TAG, good, count);
}

static void KERNEL_(open)(struct siv_lanes *lanes, const struct siv_lanes_master *master,
	uint8_t *const *cookie, struct siv_lanes_keys *const *keys, bool *good, unsigned count)
{
	struct kernel *w = (struct kernel *)lanes;

	for (unsigned at = 0; at < count; at += LANES) {
		take_group(w, cookie + at, keys + at, count - at);
		open_group(w, master, good + at, count - at);
	}
}

static void verify_group(struct kernel *w, const struct siv_lanes_shape *shape, bool *good, unsigned count)
{
	vec s[DEPTH];

	expand(w->mac, w->keys, 0);
	subkeys(w);
	add_ad(w, shape->ad_size);
	add_nonce(w, shape->nonce_at);
	EACH s[i] = v_xor(v_xor(doubled(w->sum[i]), padding_of(0)), w->whole[i]);
	encrypt(s, w->mac);
	compare(w, s, shape->tag_at, good, count);
}

static void KERNEL_(verify)(struct siv_lanes *lanes, const struct siv_lanes_shape *shape,
	uint8_t *const *request, struct siv_lanes_keys *const *keys, bool *good, unsigned count)
{
	struct kernel *w = (struct kernel *)lanes;

	for (unsigned at = 0; at < count; at += LANES) {
		take_group(w, request + at, keys + at, count - at);
		verify_group(w, shape, good + at, count - at);
	}
}

static void chain_group(struct kernel *w, const struct siv_lanes_master *master)
{
	vec s[DEPTH];

	EACH s[i] = load(w->keys, i, 0);
	encrypt_shared(s, master->mac);
	for (unsigned b = 1; b < CHAINED; b++) {
		EACH s[i] = v_xor(s[i], load(w->keys, i, (size_t)b * BLOCK));
		encrypt_shared(s, master->mac);
	}
	EACH store(w->keys, i, (size_t)KEYS * BLOCK, s[i]);
}

static void KERNEL_(chain)(struct siv_lanes *lanes, const struct siv_lanes_master *master,
	struct siv_lanes_keys *const *keys, unsigned count)
{
	struct kernel *w = (struct kernel *)lanes;

	for (unsigned at = 0; at < count; at += LANES) {
		take_group(w, NULL, keys + at, count - at);
		chain_group(w, master);
	}
}

static void bake_group(struct kernel *w, const struct siv_lanes_master *master)
{
	vec s[DEPTH];

	EACH s[i] = v_xor(load(w->base, i, 0), constant(master->whole));
	encrypt_shared(s, master->mac);
	EACH
	{
		const vec sum = v_xor(v_xor(s[i], constant(master->sum)), constant(master->whole));

		s[i] = v_xor(v_xor(load(w->keys, i, (size_t)KEYS * BLOCK), sum),
			load(w->keys, i, (size_t)CHAINED * BLOCK));
	}
	encrypt_shared(s, master->mac);
	EACH
	{
		store(w->base, i, COOKIE_TAG, s[i]);
		w->cut[i] = counter_of(s[i]);
	}
	for (unsigned b = 0; b < KEYS; b++) {
		count_on(w, s);
		encrypt_shared(s, master->ctr);
		EACH store(w->base, i, COOKIE_TEXT + (size_t)b * BLOCK,
			v_xor(s[i], load(w->keys, i, (size_t)b * BLOCK)));
	}
}

static void KERNEL_(bake)(struct siv_lanes *lanes, const struct siv_lanes_master *master,
	uint8_t *const *cookie, struct siv_lanes_keys *const *keys, unsigned count)
{
	struct kernel *w = (struct kernel *)lanes;

	for (unsigned at = 0; at < count; at += LANES) {
		take_group(w, cookie + at, keys + at, count - at);
		bake_group(w, master);
	}
}

/* S2V's last step: the sum is added to the last 16 octets, which two blocks may share. */
INLINE void mac_text(struct kernel *w, vec s[DEPTH], const struct siv_lanes_shape *shape)
{
	const size_t text = shape->text_at, size = shape->text_size, over = size % BLOCK;
	const size_t last = text + size - BLOCK;
	size_t at = text;

	EACH s[i] = v_zero();
	for (; at + BLOCK <= last; at += BLOCK) {
		EACH s[i] = v_xor(s[i], load(w->base, i, at));
		encrypt(s, w->mac);
	}
	if (over == 0) {
		EACH s[i] = v_xor(v_xor(s[i], load(w->base, i, last)), v_xor(w->sum[i], w->whole[i]));
	} else {
		const vec up = shift_of((int)over), down = shift_of((int)over - BLOCK),
			  padding = padding_of(over);

		EACH s[i] = v_xor(v_xor(s[i], load(w->base, i, at)), v_shuffle(w->sum[i], up));
		encrypt(s, w->mac);
		EACH
		{
			const vec end = v_shuffle(v_xor(load(w->base, i, last), w->sum[i]), down);

			s[i] = v_xor(v_xor(s[i], v_xor(end, padding)), w->cut[i]);
		}
	}
	encrypt(s, w->mac);
}

INLINE void encrypt_text(struct kernel *w, const struct siv_lanes_shape *shape)
{
	const size_t size = shape->text_size;
	vec s[DEPTH];
	size_t at = 0;

	for (; at + BLOCK <= size; at += BLOCK) {
		count_on(w, s);
		encrypt(s, w->ctr);
		EACH store(
			w->base, i, shape->text_at + at, v_xor(s[i], load(w->base, i, shape->text_at + at)));
	}
	if (at == size)
		return;
	count_on(w, s);
	encrypt(s, w->ctr);
	EACH v_xor_half(w->base + (size_t)i * WIDTH, shape->text_at + at, s[i]);
}

static void seal_group(struct kernel *w, const struct siv_lanes_shape *shape)
{
	vec s[DEPTH];

	expand(w->mac, w->keys, 2);
	subkeys(w);
	add_ad(w, shape->ad_size);
	add_nonce(w, shape->nonce_at);
	mac_text(w, s, shape);
	EACH
	{
		store(w->base, i, shape->tag_at, s[i]);
		w->cut[i] = counter_of(s[i]);
	}
	expand(w->ctr, w->keys, 3);
	encrypt_text(w, shape);
}

static void KERNEL_(seal)(struct siv_lanes *lanes, const struct siv_lanes_shape *shape, uint8_t *const *reply,
	struct siv_lanes_keys *const *keys, unsigned count)
{
	struct kernel *w = (struct kernel *)lanes;

	for (unsigned at = 0; at < count; at += LANES) {
		take_group(w, reply + at, keys + at, count - at);
		seal_group(w, shape);
	}
}

static void KERNEL_(forget)(struct siv_lanes *lanes)
{
	struct kernel *w = (struct kernel *)lanes;

	explicit_bzero((uint8_t *)w + offsetof(struct kernel, mac),
		offsetof(struct kernel, base) - offsetof(struct kernel, mac));
	explicit_bzero(&w->spare_keys, sizeof(w->spare_keys));
}

#define SIV_LANES_BACKEND                         \
	const struct siv_lanes_backend KERNEL = { \
		.group = LANES,                   \
		.size = sizeof(struct kernel),    \
		.master = siv_lanes_master_set,   \
		.open = KERNEL_(open),            \
		.verify = KERNEL_(verify),        \
		.chain = KERNEL_(chain),          \
		.bake = KERNEL_(bake),            \
		.seal = KERNEL_(seal),            \
		.forget = KERNEL_(forget),        \
	}
