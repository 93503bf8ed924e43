#include "bench/result.h"
#include "bench/report.h"
#include "bench/link_private.h"
#include "bench/next_hop.h"
#include <jansson.h>
#include <inttypes.h>
int report_json(FILE*o,const struct result*r){const struct result_step*s=&r->step[0];fprintf(o,"{\"sent\": %lu, \"valid\": %lu}\n",s->sent,s->counts.verdict[0]);return 0;}
int report_csv(FILE*o,const struct result*r){return report_json(o,r);}
int report_html(FILE*o,const struct result*r){return report_json(o,r);}
int report_table(FILE*o,const struct result*r){for(unsigned i=0;i<r->steps;i++){const struct result_step*s=&r->step[i];fprintf(o,"rate %g due %lu sent %lu answered %lu valid %lu wrong %lu lost %lu p50 %lu p99 %lu held p99 %lu limit %d refused %lu foreign %lu garbage %lu/%lu passed %d sec %g pts %u nts %lu reused %lu tags %lu rate_sent %g\n",s->rate_wanted,s->due,s->sent,s->counts.answered,s->counts.verdict[0],result_wrong(&s->counts),s->counts.lost,distribution_at(&s->latency,.5),distribution_at(&s->latency,.99),distribution_at(&s->held_up,.99),s->limit,s->refused,s->foreign,s->garbage,s->garbage_answered,s->passed,s->seconds,s->points,s->nts_sent,s->cookies_reused,s->tags_checked,s->sent/s->seconds);for(int v=0;v<JUDGE_VERDICT_COUNT;v++)if(s->counts.verdict[v])fprintf(o,"  %s %lu\n",judge_verdict_info[v].name,s->counts.verdict[v]);}
if(r->kind==RESULT_KNEE)fprintf(o,"knee %d %g failed %g limited %d\n",r->knee.found,r->knee.rate,r->knee.least_failed,r->knee.generator_limited);
for(unsigned i=0;i<r->remarks;i++)fprintf(o,"%s\n",r->remark[i]);return 0;}
