/*
 * What stands between the wire and the TLS library: octets on their way, and where TLS records end in them
 * (RFC 8446 section 5.1). The library is shown whole records only: it would hold 16 KiB to wait for the rest
 * of one, and try again for each octet of it.
 *
 * Pure; no memory is held while there are no octets.
 */
#ifndef NTS_TLS_RECORDS_H
#define NTS_TLS_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed before use. */
struct tls_queue {
	uint8_t *octets;
	size_t at, used, room;
};

/* False, with nothing put in, where memory is short. */
bool tls_queue_put(struct tls_queue *queue, const void *octets, size_t size);

/* At most size octets, which is how many there were. */
size_t tls_queue_take(struct tls_queue *queue, void *octets, size_t size);

static inline size_t tls_queue_size(const struct tls_queue *queue)
{
	return queue->used - queue->at;
}

/* Drop what has been taken, and the memory when that is all. */
void tls_queue_trim(struct tls_queue *queue);
void tls_queue_clear(struct tls_queue *queue);

/* Zeroed before use; octets are put into the queue, and looked through then. */
struct tls_records {
	struct tls_queue queue;
	size_t whole;    /* octets of the queue, from its `at`, that are whole records */
	size_t promised; /* octets yet to come of a message in clear, by its header */
	bool is_strange; /* what has come are no records */
};

/*
 * Look through what has come. What cannot be a record is taken for whole, so that the library refuses it at
 * once. False where a client's hello claims more than any client needs, or does not hold its header in one
 * piece.
 */
bool tls_records_find(struct tls_records *records, bool from_client);

/* At most size octets of whole records. */
size_t tls_records_take(struct tls_records *records, void *octets, size_t size);

#endif
