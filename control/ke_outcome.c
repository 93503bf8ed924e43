#include "control/ke_outcome.h"

const struct ke_outcome_info ke_outcome_info[KE_OUTCOME_COUNT] = {
#define X(symbol, name, meaning) [KE_OUTCOME_##symbol] = {name, meaning},
	KE_OUTCOMES(X)
#undef X
};
