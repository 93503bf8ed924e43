#include "control/query_nts.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>

static_assert((int)NTS_CLIENT_REQUEST_MAX <= (int)EXCHANGE_OCTETS, "a guard's room");

bool query_nts_establish(struct query_nts *nts)
{
	if (ke_exchange_run(&nts->ke, &nts->client, &nts->terms) != KE_EXCHANGE_AGREED)
		return false;
	nts->establishments++;
	return true;
}

static size_t protect(void *opaque, uint8_t *octets)
{
	struct query_nts *nts = opaque;
	uint8_t random[NTS_CLIENT_IDENTIFIER_SIZE + NTS_NONCE];
	size_t size;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return 0;
	memcpy(nts->identifier, random, sizeof(nts->identifier));
	size = nts_client_protect(
		&nts->client, nts->siv, octets, nts->identifier, random + sizeof(nts->identifier));
	if (size == 0)
		errno = EPROTO;
	return size;
}

static bool admits(void *opaque, uint8_t *octets, size_t size)
{
	struct query_nts *nts = opaque;
	enum nts_client_verdict verdict =
		nts_client_judge(&nts->client, nts->siv, octets, size, nts->identifier);

	nts->judged[verdict]++;
	if (verdict == NTS_CLIENT_NAK)
		nts->nak = true;
	return verdict == NTS_CLIENT_AUTHENTIC || verdict == NTS_CLIENT_NO_COOKIE;
}

enum exchange_status query_nts_ask(struct query_nts *nts, const struct exchange_peer *peer, int8_t poll,
	double timeout, struct exchange *x)
{
	const struct exchange_guard guard = {protect, admits, nts};

	nts->nak = false;
	exchange_once_guarded(peer, NTP_VERSION_MAX, poll, timeout, &guard, x);
	if (x->status == EXCHANGE_REPLY)
		nts->nak = false;
	if (nts->nak) {
		x->status = EXCHANGE_REPLY;
		x->reply = (struct client_reply){.verdict = CLIENT_KISS, .kiss = "NTSN", .refid = "NTSN"};
	}
	return x->status;
}

bool query_nts_wants_keys(struct query_nts *nts)
{
	if (!nts->nak || nts->renewed)
		return false;
	nts->renewed = true;
	return true;
}

static bool is_useful(enum nts_client_verdict verdict)
{
	return verdict == NTS_CLIENT_AUTHENTIC || verdict == NTS_CLIENT_NO_COOKIE ||
	       verdict == NTS_CLIENT_NAK;
}

unsigned query_nts_discarded(const struct query_nts *nts)
{
	unsigned sum = 0;

	for (enum nts_client_verdict v = 0; v < NTS_CLIENT_VERDICT_COUNT; v++)
		sum += is_useful(v) ? 0 : nts->judged[v];
	return sum;
}

/* The later the check that failed, the more it tells. */
const char *query_nts_objection(const struct query_nts *nts)
{
	const char *objection = NULL;

	for (enum nts_client_verdict v = 0; v < NTS_CLIENT_VERDICT_COUNT; v++)
		if (!is_useful(v) && nts->judged[v] > 0)
			objection = nts_client_verdict_info[v].meaning;
	return objection;
}

void query_nts_end(struct query_nts *nts)
{
	OPENSSL_cleanse(&nts->client, sizeof(nts->client));
	siv_free(nts->siv);
	nts->siv = NULL;
}
