/*
 * The records of NTS key establishment (RFC 8915 section 4): a critical bit, a type of 15 bits, the length of
 * the body, the body; all integers big-endian. Pure; callable from any thread.
 */
#ifndef NTS_KE_RECORD_H
#define NTS_KE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ke_record_type {
	KE_END_OF_MESSAGE = 0,
	KE_NEXT_PROTOCOL = 1,
	KE_ERROR = 2,
	KE_WARNING = 3,
	KE_AEAD = 4,
	KE_COOKIE = 5,
	KE_SERVER = 6, /* NTPv4 server negotiation: ASCII name or address */
	KE_PORT = 7,   /* NTPv4 port negotiation */
	/* chrony's, empty: the sender exports keys for AEAD_AES_128_GCM_SIV as RFC 8915 says; see
	 * ke_export_context. */
	KE_COMPLIANT_GCM_SIV = 1024,
};

/* Bodies of KE_ERROR (RFC 8915 section 4.1.3). */
enum ke_error {
	KE_ERROR_UNRECOGNIZED_CRITICAL = 0,
	KE_ERROR_BAD_REQUEST = 1,
	KE_ERROR_INTERNAL = 2,
	KE_ERROR_NONE = 0xffff, /* never on the wire */
};

enum {
	KE_RECORD_HEADER = 4,
	KE_CRITICAL = 0x8000,
	KE_PROTOCOL_NTPV4 = 0,
	KE_MESSAGE_MIN = 1024,         /* of a request, what a server must take (section 4) */
	KE_MESSAGE_MAX = 16384,        /* of a request, what we take */
	KE_CLIENT_MESSAGE_MAX = 65536, /* of a response, what a client must take, and we do */
	KE_COOKIES = 8,                /* in a response */
	KE_PORT_DEFAULT = 4460,
	KE_NAME_MAX = 255, /* of a Server record's body that we send or believe */
};

#define KE_ALPN "ntske/1"

/*
 * A walk over the records of octets[0..size). Invariant: at <= size, and all before `at` is whole records.
 */
struct ke_cursor {
	const uint8_t *octets;
	size_t at, size;
};

struct ke_record {
	bool critical;
	uint16_t type;
	uint16_t size;       /* of the body */
	const uint8_t *body; /* within the octets */
};

/* The next record that is there as a whole; false where there is none (at the end, or cut off). */
bool ke_cursor_next(struct ke_cursor *cursor, struct ke_record *record);

/*
 * Go on to End of Message. True with the record where it is there, `at` behind it; false where it is still to
 * come, `at` behind the last whole record: with more octets, the walk goes on from there.
 */
bool ke_cursor_to_end(struct ke_cursor *cursor, struct ke_record *end);

/* Whether the body is a list of 16-bit integers, at least one. */
bool ke_record_is_list(const struct ke_record *record);

/*
 * Whether the body of a Server record can be what it has to be, a domain name or a numeric address without a
 * zone: 1 to KE_NAME_MAX letters, digits and "-._:". It has no NUL then, and nothing that a terminal heeds.
 */
bool ke_record_is_name(const struct ke_record *record);

/* Whether the body of a Port record is a UDP port: two octets, not 0. */
bool ke_record_is_port(const struct ke_record *record);

/* A message being written. Invariant: used <= size; once `full` nothing is written any more. */
struct ke_writer {
	uint8_t *octets;
	size_t used, size;
	bool full; /* a record did not fit; the message must not be sent */
};

/* Append a record of a type below KE_CRITICAL; its body, which may be NULL where size is 0, is copied. */
void ke_write(struct ke_writer *writer, bool critical, uint16_t type, const void *body, uint16_t size);

/* Append a record whose body is one 16-bit integer. */
void ke_write_16(struct ke_writer *writer, bool critical, uint16_t type, uint16_t value);

#endif
