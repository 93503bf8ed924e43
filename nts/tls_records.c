#include "nts/tls_records.h"

#include <stdlib.h>
#include <string.h>

#include "ntp/octets.h"

enum {
	RECORD_HEADER = 5,
	BODY_MAX = 16384 + 256, /* RFC 8446 section 5.2 */
	TYPE_FIRST = 20,
	TYPE_LAST = 23,
	TYPE_HANDSHAKE = 22,
	MESSAGE_HEADER = 4,
	MESSAGE_MAX = 16384, /* of a client's hello with its header */
	ROOM_STEP = 1024,
};

bool tls_queue_put(struct tls_queue *queue, const void *octets, size_t size)
{
	if (queue->room - queue->used < size && queue->at > 0)
		tls_queue_trim(queue);
	if (queue->room - queue->used < size) {
		const size_t room = (queue->used + size + ROOM_STEP - 1) / ROOM_STEP * ROOM_STEP;
		uint8_t *grown = realloc(queue->octets, room);

		if (!grown)
			return false;
		queue->octets = grown;
		queue->room = room;
	}
	if (size)
		memcpy(queue->octets + queue->used, octets, size);
	queue->used += size;
	return true;
}

size_t tls_queue_take(struct tls_queue *queue, void *octets, size_t size)
{
	const size_t left = tls_queue_size(queue);
	const size_t n = size < left ? size : left;

	if (n)
		memcpy(octets, queue->octets + queue->at, n);
	queue->at += n;
	return n;
}

void tls_queue_trim(struct tls_queue *queue)
{
	const size_t left = tls_queue_size(queue);

	if (left == 0) {
		tls_queue_clear(queue);
		return;
	}
	if (queue->at > 0)
		memmove(queue->octets, queue->octets + queue->at, left);
	queue->at = 0;
	queue->used = left;
}

void tls_queue_clear(struct tls_queue *queue)
{
	free(queue->octets);
	memset(queue, 0, sizeof(*queue));
}

static bool is_header(const uint8_t *header)
{
	return header[0] >= TYPE_FIRST && header[0] <= TYPE_LAST && header[1] == 3 &&
	       load_be16(header + 3) <= BODY_MAX;
}

/*
 * The library takes room for a message by the length that its header claims, 128 KiB for a client's hello, on
 * the word of 9 octets. MESSAGE_MAX is what the buffer that it begins with has room for.
 */
static bool claims_too_much(struct tls_records *records, const uint8_t *message, size_t size)
{
	if (records->promised == 0) {
		if (size < MESSAGE_HEADER)
			return true;
		records->promised = MESSAGE_HEADER + (load_be32(message) & 0xffffff);
		if (records->promised > MESSAGE_MAX)
			return true;
	}
	records->promised -= size < records->promised ? size : records->promised;
	return false;
}

bool tls_records_find(struct tls_records *records, bool from_client)
{
	const struct tls_queue *queue = &records->queue;

	while (!records->is_strange && tls_queue_size(queue) - records->whole >= RECORD_HEADER) {
		const uint8_t *record = queue->octets + queue->at + records->whole;
		const size_t size = RECORD_HEADER + (size_t)load_be16(record + 3);

		records->is_strange = !is_header(record);
		if (records->is_strange)
			break;
		if (tls_queue_size(queue) - records->whole < size)
			return true;
		if (from_client && record[0] == TYPE_HANDSHAKE &&
			claims_too_much(records, record + RECORD_HEADER, size - RECORD_HEADER))
			return false;
		records->whole += size;
	}
	if (records->is_strange)
		records->whole = tls_queue_size(queue);
	return true;
}

size_t tls_records_take(struct tls_records *records, void *octets, size_t size)
{
	const size_t n =
		tls_queue_take(&records->queue, octets, size < records->whole ? size : records->whole);

	records->whole -= n;
	return n;
}
