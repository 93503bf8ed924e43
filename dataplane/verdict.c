#include "dataplane/verdict.h"

const struct verdict_info verdict_info[VERDICT_COUNT] = {
#define X(symbol, disposition, name, meaning) [VERDICT_##symbol] = {DISPOSITION_##disposition, name, meaning},
	VERDICTS(X)
#undef X
};
