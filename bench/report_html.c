#include "bench/report.h"

int report_html(FILE *out, const struct result *result)
{
	return report_json(out, result);
}
