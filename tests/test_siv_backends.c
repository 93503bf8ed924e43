/* All back-ends of nts/siv.h against the portable one: the same octets from random bursts, and the same
 * refusals. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/random.h"
#include "tests/each_backend.h"

enum { BURSTS = 20000, JOBS_MAX = 20, TEXT_MAX = 700, STRING_MAX = 300, CMACS = 5000 };

/* Sizes that end where a text's or a string's block does are drawn as often as all others. */
struct message {
	uint8_t own_key[SIV_KEY];
	uint8_t string[SIV_STRINGS_MAX][STRING_MAX];
	uint8_t plain[TEXT_MAX], sealed[TEXT_MAX];
	uint8_t tag[SIV_TAG];
	uint8_t *text; /* a block of just its size, so that AddressSanitizer sees an octet too many */
	bool turned;
};

static struct siv *siv, *portable;
static struct message message[JOBS_MAX];
static uint8_t shared_key[2][SIV_KEY];
static uint64_t random_state;
static uint8_t before[1 << 15]; /* what the siv's own memory held */

static uint64_t draw(void)
{
	return random_next(&random_state);
}

static size_t below(size_t limit)
{
	return (size_t)(draw() % limit);
}

static void fill(uint8_t *octets, size_t size)
{
	for (; size >= 8; size -= 8, octets += 8)
		memcpy(octets, &(uint64_t){draw()}, 8);
	for (; size > 0; size--)
		*octets++ = (uint8_t)draw();
}

static size_t size_below(size_t limit)
{
	switch (below(4)) {
	case 0:
		return below(limit / SIV_BLOCK + 1) * SIV_BLOCK;
	case 1:
		return below(2 * SIV_BLOCK + 2);
	default:
		return below(limit + 1);
	}
}

static int make(void **state)
{
	(void)state;
	random_state = 5297;
	siv = siv_new(backend);
	portable = siv_new(&siv_openssl);
	if (!siv || !portable || malloc_usable_size(siv) > sizeof(before))
		return -1;
	memcpy(before, siv, malloc_usable_size(siv));
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	siv_free(siv);
	siv_free(portable);
	return 0;
}

static void draw_job(struct message *m, struct siv_job *job)
{
	const size_t key = below(4);

	fill(m->own_key, sizeof(m->own_key));
	*job = (struct siv_job){.key = key < 2 ? shared_key[key] : m->own_key,
		.size = size_below(TEXT_MAX),
		.strings = (unsigned)below(SIV_STRINGS_MAX + 1),
		.tag = m->tag};
	for (unsigned s = 0; s < job->strings; s++) {
		job->string[s] = (struct siv_span){m->string[s], size_below(STRING_MAX)};
		fill(m->string[s], job->string[s].size);
	}
	fill(m->plain, job->size);
	job->text = m->text = malloc(job->size ? job->size : 1);
	assert_non_null(m->text);
	memcpy(m->text, m->plain, job->size);
}

/* By one, and then by the other; both have to come to the same. */
static void seal_by_both(struct siv_job *jobs, size_t count)
{
	uint8_t tag[JOBS_MAX][SIV_TAG];

	siv_seal(siv, jobs, count);
	for (size_t i = 0; i < count; i++) {
		assert_true(jobs[i].done);
		memcpy(tag[i], jobs[i].tag, SIV_TAG);
		memcpy(message[i].sealed, jobs[i].text, jobs[i].size);
		memcpy(jobs[i].text, message[i].plain, jobs[i].size);
	}
	siv_seal(portable, jobs, count);
	for (size_t i = 0; i < count; i++) {
		assert_memory_equal(jobs[i].tag, tag[i], SIV_TAG);
		assert_memory_equal(jobs[i].text, message[i].sealed, jobs[i].size);
	}
}

/* One bit, of the tag, the ciphertext, or a string, of every other message. */
static void turn_bits(const struct siv_job *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct message *m = &message[i];
		const size_t part = below(2 + SIV_STRINGS_MAX);
		uint8_t *octets = part == 0 ? m->tag : part == 1 ? m->sealed : m->string[part - 2];
		const size_t size = part == 0                    ? SIV_TAG
				    : part == 1                  ? jobs[i].size
				    : part - 2 < jobs[i].strings ? jobs[i].string[part - 2].size
								 : 0;

		m->turned = size > 0 && below(2);
		if (m->turned)
			octets[below(size)] ^= (uint8_t)(1 << below(8));
	}
}

static void open_by(struct siv *which, struct siv_job *jobs, size_t count)
{
	static const uint8_t zeros[TEXT_MAX];

	for (size_t i = 0; i < count; i++)
		memcpy(jobs[i].text, message[i].sealed, jobs[i].size);
	siv_open(which, jobs, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(jobs[i].done, !message[i].turned);
		assert_memory_equal(jobs[i].text, message[i].turned ? zeros : message[i].plain, jobs[i].size);
	}
}

static void test_bursts(void **state)
{
	struct siv_job jobs[JOBS_MAX];
	unsigned refused = 0, opened = 0;

	(void)state;
	for (int burst = 0; burst < BURSTS; burst++) {
		const size_t count = 1 + below(JOBS_MAX);

		fill(shared_key[0], sizeof(shared_key));
		for (size_t i = 0; i < count; i++)
			draw_job(&message[i], &jobs[i]);
		seal_by_both(jobs, count);
		turn_bits(jobs, count);
		assert_memory_equal(siv, before, malloc_usable_size(siv));
		open_by(siv, jobs, count);
		assert_memory_equal(siv, before, malloc_usable_size(siv));
		open_by(portable, jobs, count);
		for (size_t i = 0; i < count; i++) {
			refused += message[i].turned;
			opened += !message[i].turned;
			free(message[i].text);
		}
	}
	assert_true(refused > BURSTS && opened > BURSTS);
}

static void test_cmacs(void **state)
{
	(void)state;
	for (int i = 0; i < CMACS; i++) {
		uint8_t key[SIV_BLOCK], octets[TEXT_MAX], mac[2][SIV_BLOCK];
		const size_t size = size_below(TEXT_MAX);

		fill(key, sizeof(key));
		fill(octets, size);
		assert_true(siv_cmac(siv, key, octets, size, mac[0]));
		assert_true(siv_cmac(portable, key, octets, size, mac[1]));
		assert_memory_equal(mac[0], mac[1], SIV_BLOCK);
	}
}

/* A text of many blocks, over which the counter carries. */
static void test_long_text(void **state)
{
	enum { LONG = 1 << 20 };
	uint8_t *text = malloc(LONG + 5), *other = malloc(LONG + 5), key[SIV_KEY], tag[2][SIV_TAG];
	struct siv_job job = {.key = key, .text = text, .size = LONG + 5, .tag = tag[0]};

	(void)state;
	assert_true(text && other);
	fill(key, sizeof(key));
	fill(text, LONG + 5);
	memcpy(other, text, LONG + 5);
	siv_seal(siv, &job, 1);
	job.text = other;
	job.tag = tag[1];
	siv_seal(portable, &job, 1);
	assert_memory_equal(tag[0], tag[1], SIV_TAG);
	assert_memory_equal(text, other, LONG + 5);
	free(text);
	free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bursts),
		cmocka_unit_test(test_cmacs),
		cmocka_unit_test(test_long_text),
	};

	return run_each_backend("siv backends", tests, sizeof(tests) / sizeof(tests[0]), make, unmake);
}
