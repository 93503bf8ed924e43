#include "nts/ke_record.h"

#include <string.h>

#include "ntp/octets.h"

bool ke_cursor_next(struct ke_cursor *cursor, struct ke_record *record)
{
	const size_t rest = cursor->size - cursor->at;
	const uint8_t *octets;
	uint16_t head, size;

	if (rest < KE_RECORD_HEADER)
		return false;
	octets = cursor->octets + cursor->at;
	head = load_be16(octets);
	size = load_be16(octets + 2);
	if (size > rest - KE_RECORD_HEADER)
		return false;
	record->critical = head & KE_CRITICAL;
	record->type = head & (KE_CRITICAL - 1);
	record->size = size;
	record->body = octets + KE_RECORD_HEADER;
	cursor->at += KE_RECORD_HEADER + (size_t)size;
	return true;
}

bool ke_cursor_to_end(struct ke_cursor *cursor, struct ke_record *end)
{
	while (ke_cursor_next(cursor, end))
		if (end->type == KE_END_OF_MESSAGE)
			return true;
	return false;
}

bool ke_record_is_list(const struct ke_record *record)
{
	return record->size > 0 && record->size % 2 == 0;
}

/* Letters are ASCII's, whatever the locale. */
static bool is_of_name(uint8_t octet)
{
	const uint8_t lower = octet | 0x20;

	return (lower >= 'a' && lower <= 'z') || (octet >= '0' && octet <= '9') || octet == '-' ||
	       octet == '.' || octet == '_' || octet == ':';
}

bool ke_record_is_name(const struct ke_record *record)
{
	for (size_t i = 0; i < record->size; i++)
		if (!is_of_name(record->body[i]))
			return false;
	return record->size > 0 && record->size <= KE_NAME_MAX;
}

bool ke_record_is_port(const struct ke_record *record)
{
	return record->size == 2 && load_be16(record->body) != 0;
}

void ke_write(struct ke_writer *writer, bool critical, uint16_t type, const void *body, uint16_t size)
{
	uint8_t *octets;

	if (writer->full || KE_RECORD_HEADER + (size_t)size > writer->size - writer->used) {
		writer->full = true;
		return;
	}
	octets = writer->octets + writer->used;
	store_be16(octets, (uint16_t)(type | (critical ? KE_CRITICAL : 0)));
	store_be16(octets + 2, size);
	if (size > 0)
		memcpy(octets + KE_RECORD_HEADER, body, size);
	writer->used += KE_RECORD_HEADER + (size_t)size;
}

void ke_write_16(struct ke_writer *writer, bool critical, uint16_t type, uint16_t value)
{
	uint8_t body[2];

	store_be16(body, value);
	ke_write(writer, critical, type, body, sizeof(body));
}
