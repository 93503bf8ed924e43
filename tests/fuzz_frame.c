/*
 * Fuzz target: an octet that says what is done, then a frame for all that a load reads; and what must hold of
 * the outcome. Where its checksums are made right first, the fuzzer gets past them.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bench/frame.h"
#include "bench/neighbour.h"
#include "tests/frame_golden.h"

/* Of the first octet. */
enum { FUZZ_CHECKED = 1, FUZZ_REPAIR = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct population population;

/* Aborts, so that the fuzzer keeps the input. */
static void require(bool condition)
{
	if (!condition)
		abort();
}

static void prepare(void)
{
	char text[200];

	if (population.count == 0)
		require(population_init(
			&population, FRAME_GOLDEN_PREFIXES, FRAME_GOLDEN_CLIENTS, 0, text, sizeof(text)));
}

static void require_view(const struct frame_view *view, const uint8_t *frame, size_t size)
{
	require(view->vlan <= 4095 && (view->vlan == 0 || (frame[12] == 0x81 && frame[13] == 0)));
	if (view->kind != FRAME_UDP)
		return;
	require(view->payload >= frame + 14 + 20 + 8 && view->payload <= frame + size);
	require(view->size <= frame + size - view->payload);
}

/* Read by another load, it must be what it is written as; and nobody answers it. */
static void require_answer(uint8_t *answer, size_t size, const uint8_t *frame)
{
	uint8_t again[NEIGHBOUR_FRAME_MAX];
	struct frame_view view;

	require(size >= 14 + 28 && size <= NEIGHBOUR_FRAME_MAX);
	require(frame_read(&view, answer, size, false) == FRAME_NEIGHBOUR);
	require(memcmp(answer + 6, frame_golden_mac, 6) == 0 && memcmp(frame + 6, frame_golden_mac, 6) != 0);
	require(neighbour_answer(again, answer, size, frame_golden_peer, &population) == 0);
}

static void read_neighbours(const uint8_t *frame, size_t size, enum frame_kind kind)
{
	static const uint8_t addresses[][16] = {
		{[10] = 0xff, 0xff, 10, 0, 0, 1}, {0xfe, 0x80, [15] = 2}, {[15] = 0}};
	uint8_t answer[NEIGHBOUR_FRAME_MAX], mac[6];
	size_t answer_size = neighbour_answer(answer, frame, size, frame_golden_mac, &population);

	require(answer_size == 0 || kind == FRAME_NEIGHBOUR);
	if (answer_size != 0)
		require_answer(answer, answer_size, frame);
	for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		if (neighbour_reply(frame, size, addresses[i], mac))
			require(kind == FRAME_NEIGHBOUR && answer_size == 0 && !(mac[0] & 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame_view view;
	uint8_t *frame, *copy;
	size_t length;

	prepare();
	if (size < 1 || size - 1 > UINT16_MAX)
		return 0;
	length = size - 1;
	frame = malloc(length ? length : 1);
	copy = malloc(size);
	require(frame && copy);
	memcpy(frame, data + 1, length);
	if (data[0] & FUZZ_REPAIR)
		frame_golden_repair(frame, length);
	memcpy(copy, frame, length);
	require(frame_read(&view, frame, length, data[0] & FUZZ_CHECKED) == view.kind);
	require(view.kind <= FRAME_OTHER);
	require_view(&view, frame, length);
	read_neighbours(frame, length, view.kind);
	require(memcmp(copy, frame, length) == 0);
	free(copy);
	free(frame);
	return 0;
}
