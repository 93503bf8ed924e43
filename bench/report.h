#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H
#include <stdio.h>
#include "bench/result.h"
int report_json(FILE*o,const struct result*r);int report_csv(FILE*o,const struct result*r);int report_html(FILE*o,const struct result*r);int report_table(FILE*o,const struct result*r);
#endif
