#include "bench/ke_reason.h"

const struct ke_reason_info ke_reason_info[KE_REASON_COUNT] = {
#define X(symbol, name, meaning, remedy) [KE_REASON_##symbol] = {name, meaning, remedy},
	KE_REASONS(X)
#undef X
#define X(symbol, name, meaning)                                                                          \
	[(int)KE_REASON_RESPONSE + (int)KE_CLIENT_##symbol] = {"response-" name, "the response " meaning, \
		"the server errs: RFC 8915 section 4 says how responses are made"},
		KE_CLIENT_VERDICTS(X)
#undef X
};
