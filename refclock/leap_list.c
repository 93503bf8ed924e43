/* The text of leap-seconds.list: refclock/leap.h. */
#include <openssl/evp.h>

#include "ntp/octets.h"
#include "refclock/leap.h"

enum { HASH_WORDS = 5, HASH_SIZE = 4 * HASH_WORDS };

/* What is left of the text. Invariant: at <= end, and nothing is read at or behind end. */
struct cursor {
	const char *at, *end;
};

struct list {
	struct leap_table *table;
	EVP_MD_CTX *digest;
	uint32_t hash[HASH_WORDS];
	bool hashed; /* there was a #h line */
	bool failed; /* libcrypto did not do its part */
};

/* The next line without its end; false where there is none. */
static bool take_line(struct cursor *text, struct cursor *line)
{
	line->at = line->end = text->at;
	if (text->at == text->end)
		return false;
	while (line->end < text->end && *line->end != '\n')
		line->end++;
	text->at = line->end < text->end ? line->end + 1 : line->end;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct cursor *line)
{
	while (line->at < line->end && is_blank(*line->at))
		line->at++;
}

static bool at_end(const struct cursor *line)
{
	return line->at == line->end;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

/* A number up to `most`, and the blanks before it. What follows must be a blank, a comment or nothing. */
static bool take_number(struct cursor *line, int base, uint64_t most, uint64_t *number)
{
	const char *first;

	skip_blanks(line);
	first = line->at;
	*number = 0;
	for (; !at_end(line) && digit_value(*line->at) < base; line->at++) {
		const uint64_t digit = (uint64_t)digit_value(*line->at);

		if (*number > (most - digit) / (uint64_t)base)
			return false;
		*number = *number * (uint64_t)base + digit;
	}
	return line->at > first && (at_end(line) || is_blank(*line->at) || *line->at == '#');
}

/* The hash covers the digits of the numbers, in the file's order, and nothing between them. */
static void digest(struct list *list, const char *from, const char *to)
{
	while (from < to && is_blank(*from))
		from++;
	if (EVP_DigestUpdate(list->digest, from, (size_t)(to - from)) != 1)
		list->failed = true;
}

/* Of a line #$ or #@. */
static bool take_instant(struct list *list, struct cursor *line, uint64_t *seconds)
{
	const char *from = line->at;

	if (!take_number(line, 10, INT64_MAX, seconds))
		return false;
	digest(list, from, line->at);
	return true;
}

/* Five words in hexadecimal; some lists leave out their leading zeros. */
static bool take_hash(struct list *list, struct cursor *line)
{
	for (int i = 0; i < HASH_WORDS; i++) {
		uint64_t word;

		if (!take_number(line, 16, UINT32_MAX, &word))
			return false;
		list->hash[i] = (uint32_t)word;
	}
	skip_blanks(line);
	list->hashed = true;
	return at_end(line);
}

static bool follows(const struct leap_table *table, uint64_t seconds, uint64_t tai)
{
	const struct leap_entry *last;

	if (table->entries == 0)
		return true;
	last = &table->entry[table->entries - 1];
	return seconds > last->seconds && ((int64_t)tai == last->tai + 1 || (int64_t)tai == last->tai - 1);
}

static enum leap_list_verdict take_entry(struct list *list, struct cursor *line)
{
	struct leap_table *table = list->table;
	const char *from = line->at;
	uint64_t seconds, tai;

	if (!take_number(line, 10, INT64_MAX, &seconds))
		return LEAP_LIST_SYNTAX;
	digest(list, from, line->at);
	from = line->at;
	if (!take_number(line, 10, LEAP_TAI_MAX, &tai))
		return LEAP_LIST_SYNTAX;
	digest(list, from, line->at);
	skip_blanks(line);
	if ((!at_end(line) && *line->at != '#') || !follows(table, seconds, tai))
		return LEAP_LIST_SYNTAX;
	if (table->entries == LEAP_TABLE_MAX)
		return LEAP_LIST_LARGE;
	table->entry[table->entries++] = (struct leap_entry){.seconds = seconds, .tai = (int32_t)tai};
	return LEAP_LIST_GOOD;
}

/* #$ when the list was made, #@ when it ends, #h its hash; other comments say nothing. */
static enum leap_list_verdict take_comment(struct list *list, struct cursor *line)
{
	const char kind = line->end - line->at > 2 && is_blank(line->at[2]) ? line->at[1] : '\0';
	bool good = true;

	if (kind != '$' && kind != '@' && kind != 'h')
		return LEAP_LIST_GOOD;
	line->at += 2;
	if (kind == '$')
		good = take_instant(list, line, &list->table->updated);
	else if (kind == '@')
		good = take_instant(list, line, &list->table->expires);
	else
		good = take_hash(list, line);
	return good ? LEAP_LIST_GOOD : LEAP_LIST_SYNTAX;
}

static enum leap_list_verdict take_lines(struct list *list, struct cursor text, int *number)
{
	enum leap_list_verdict verdict = LEAP_LIST_GOOD;
	struct cursor line;

	for (*number = 0; verdict == LEAP_LIST_GOOD && take_line(&text, &line); ++*number) {
		skip_blanks(&line);
		if (at_end(&line))
			continue;
		verdict = *line.at == '#' ? take_comment(list, &line) : take_entry(list, &line);
	}
	return verdict;
}

static enum leap_list_verdict check_hash(struct list *list)
{
	uint8_t computed[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	if (EVP_DigestFinal_ex(list->digest, computed, &size) != 1 || size != HASH_SIZE || list->failed)
		return LEAP_LIST_NO_DIGEST;
	if (!list->hashed)
		return LEAP_LIST_NO_HASH;
	for (int i = 0; i < HASH_WORDS; i++)
		if (load_be32(computed + (ptrdiff_t)4 * i) != list->hash[i])
			return LEAP_LIST_HASH;
	return list->table->entries ? LEAP_LIST_GOOD : LEAP_LIST_EMPTY;
}

static enum leap_list_verdict parse(struct list *list, const char *text, size_t size, int *line)
{
	enum leap_list_verdict verdict;

	if (!list->digest || EVP_DigestInit_ex(list->digest, EVP_sha1(), NULL) != 1)
		return LEAP_LIST_NO_DIGEST;
	verdict = take_lines(list, (struct cursor){.at = text, .end = text + size}, line);
	if (verdict != LEAP_LIST_GOOD)
		return verdict;
	*line = 0;
	return check_hash(list);
}

enum leap_list_verdict leap_list_parse(struct leap_table *table, const char *text, size_t size, int *line)
{
	struct list list = {.table = table};
	enum leap_list_verdict verdict = LEAP_LIST_LARGE;

	*table = (struct leap_table){0};
	*line = 0;
	if (size <= LEAP_LIST_SIZE) {
		list.digest = EVP_MD_CTX_new();
		verdict = parse(&list, text, size, line);
		EVP_MD_CTX_free(list.digest);
	}
	if (verdict != LEAP_LIST_GOOD)
		*table = (struct leap_table){0};
	return verdict;
}
