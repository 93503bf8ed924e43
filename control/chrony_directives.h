/*
 * The directives of chrony.conf, up to chrony 4.8, that have no meaning here, with what an operator has to
 * know who brings them along. IGNORED ones are a warning. REFUSED ones are an error, because who relied on
 * them would not be safe. X(name, IGNORED or REFUSED, reason); the reason goes on after "NAME has no
 * effect:".
 */
#ifndef CONTROL_CHRONY_DIRECTIVES_H
#define CONTROL_CHRONY_DIRECTIVES_H

#define CHRONY_FOLLOWS "tickwire follows no network source itself; give it to chronyd, whose clock is served"
#define CHRONY_STEERS "tickwire does not steer the system clock; give it to chronyd"
#define CHRONY_SELECTS "sources are selected by chronyd; give it to chronyd"
#define CHRONY_RTC "the real-time clock is left to chronyd"
#define CHRONY_COMMAND "tickwire has no command port; `tickwire status` reads its run directory"
#define CHRONY_NTS_CLIENT                                                                                 \
	"tickwire follows no NTS server; give it to chronyd, or ask one with `tickwire query --nts --ca " \
	"FILE`"
#define CHRONY_LOG "tickwire keeps no such log; see `tickwire status`"
#define CHRONY_GONE "chrony itself no longer uses it"

#define CHRONY_DIRECTIVES(X)                                                                                 \
	X(acquisitionport, IGNORED, CHRONY_FOLLOWS)                                                          \
	X(allow, IGNORED,                                                                                    \
		"ACCESS IS NOT RESTRICTED by it: every client that reaches a served address is answered, "   \
		"also "                                                                                      \
		"from outside of the subnet given; restrict access in front of tickwire")                    \
	X(authselectmode, IGNORED, CHRONY_SELECTS)                                                           \
	X(bindacqaddress, IGNORED, CHRONY_FOLLOWS)                                                           \
	X(bindacqdevice, IGNORED, CHRONY_FOLLOWS)                                                            \
	X(bindcmdaddress, IGNORED, CHRONY_COMMAND)                                                           \
	X(bindcmddevice, IGNORED, CHRONY_COMMAND)                                                            \
	X(binddevice, IGNORED, "the interfaces that are served are those of the directive `interface`")      \
	X(broadcast, IGNORED, "nothing is sent unasked: there is no broadcast mode")                         \
	X(clientloglimit, IGNORED, "clients are not recorded, and their rates are not limited")              \
	X(clockprecision, IGNORED, "the precision in replies is measured at start")                          \
	X(cmdallow, IGNORED, CHRONY_COMMAND)                                                                 \
	X(cmddeny, IGNORED, CHRONY_COMMAND)                                                                  \
	X(cmdport, IGNORED, CHRONY_COMMAND)                                                                  \
	X(cmdratelimit, IGNORED, CHRONY_COMMAND)                                                             \
	X(combinelimit, IGNORED, CHRONY_SELECTS)                                                             \
	X(commandkey, IGNORED, CHRONY_GONE)                                                                  \
	X(confdir, REFUSED,                                                                                  \
		"no other files are read, so their directives would be missing; write them into this file")  \
	X(corrtimeratio, IGNORED, CHRONY_STEERS)                                                             \
	X(deny, REFUSED,                                                                                     \
		"access is not restricted by tickwire, so the clients denied would be answered; deny them "  \
		"in front "                                                                                  \
		"of tickwire and remove this line")                                                          \
	X(dscp, IGNORED, "replies are not marked with it")                                                   \
	X(dumpdir, IGNORED, CHRONY_FOLLOWS)                                                                  \
	X(dumponexit, IGNORED, CHRONY_GONE)                                                                  \
	X(fallbackdrift, IGNORED, CHRONY_STEERS)                                                             \
	X(generatecommandkey, IGNORED, CHRONY_GONE)                                                          \
	X(hwclockfile, IGNORED, CHRONY_RTC)                                                                  \
	X(hwtimestamp, IGNORED,                                                                              \
		"hardware timestamping is not switched on by it: replies carry the stamps that the workers " \
		"take")                                                                                      \
	X(hwtstimeout, IGNORED, "no hardware transmit timestamps are waited for")                            \
	X(include, REFUSED,                                                                                  \
		"no other files are read, so their directives would be missing; write them into this file")  \
	X(initstepslew, IGNORED, CHRONY_STEERS)                                                              \
	X(keyfile, IGNORED, "no symmetric keys are read: requests with a MAC are not answered")              \
	X(leapsecmode, IGNORED, CHRONY_STEERS)                                                               \
	X(linux_freq_scale, IGNORED, CHRONY_GONE)                                                            \
	X(linux_hz, IGNORED, CHRONY_GONE)                                                                    \
	X(lock_all, IGNORED, "it does not change how the daemons hold their memory")                         \
	X(logchange, IGNORED, CHRONY_LOG)                                                                    \
	X(mailonchange, IGNORED, CHRONY_STEERS)                                                              \
	X(manual, IGNORED, CHRONY_STEERS)                                                                    \
	X(maxchange, IGNORED, CHRONY_STEERS)                                                                 \
	X(maxclockerror, IGNORED,                                                                            \
		"it does not set how fast the root dispersion in replies grows; that is derived from the "   \
		"clock's "                                                                                   \
		"keeper")                                                                                    \
	X(maxdistance, IGNORED, CHRONY_SELECTS)                                                              \
	X(maxdrift, IGNORED, CHRONY_STEERS)                                                                  \
	X(maxjitter, IGNORED, CHRONY_SELECTS)                                                                \
	X(maxsamples, IGNORED, CHRONY_FOLLOWS)                                                               \
	X(maxstratum, IGNORED, CHRONY_SELECTS)                                                               \
	X(maxtxbuffers, IGNORED, "no hardware transmit timestamps are waited for")                           \
	X(maxupdateskew, IGNORED, CHRONY_STEERS)                                                             \
	X(minsamples, IGNORED, CHRONY_FOLLOWS)                                                               \
	X(minstratum, IGNORED, CHRONY_SELECTS)                                                               \
	X(nocerttimecheck, IGNORED, CHRONY_NTS_CLIENT)                                                       \
	X(noclientlog, IGNORED, "clients are not recorded anyway")                                           \
	X(nosystemcert, IGNORED, CHRONY_NTS_CLIENT)                                                          \
	X(ntpsigndsocket, IGNORED, "MS-SNTP requests are not signed")                                        \
	X(ntscachedir, IGNORED, CHRONY_NTS_CLIENT)                                                           \
	X(ntsrefresh, IGNORED, CHRONY_NTS_CLIENT)                                                            \
	X(ntstrustedcerts, IGNORED, CHRONY_NTS_CLIENT)                                                       \
	X(opencommands, IGNORED, CHRONY_COMMAND)                                                             \
	X(peer, IGNORED, CHRONY_FOLLOWS)                                                                     \
	X(pidfile, IGNORED, "the files of a running instance are in its run directory")                      \
	X(pool, IGNORED, CHRONY_FOLLOWS)                                                                     \
	X(ptpdomain, IGNORED, "NTP over PTP is not served")                                                  \
	X(ptpport, IGNORED, "NTP over PTP is not served")                                                    \
	X(ratelimit, IGNORED, "RATES ARE NOT LIMITED by it: a client is answered as often as it asks")       \
	X(refresh, IGNORED, CHRONY_FOLLOWS)                                                                  \
	X(reselectdist, IGNORED, CHRONY_SELECTS)                                                             \
	X(rtcautotrim, IGNORED, CHRONY_RTC)                                                                  \
	X(rtcdevice, IGNORED, CHRONY_RTC)                                                                    \
	X(rtcfile, IGNORED, CHRONY_RTC)                                                                      \
	X(rtconutc, IGNORED, CHRONY_RTC)                                                                     \
	X(rtcsync, IGNORED, CHRONY_RTC)                                                                      \
	X(sched_priority, IGNORED, "it does not change how the daemons are scheduled")                       \
	X(server, IGNORED, CHRONY_FOLLOWS)                                                                   \
	X(smoothtime, IGNORED, "the time served is not smoothed: it is the system clock's as it stands")     \
	X(sourcedir, IGNORED, CHRONY_FOLLOWS)                                                                \
	X(stratumweight, IGNORED, CHRONY_SELECTS)                                                            \
	X(tempcomp, IGNORED, CHRONY_STEERS)

#endif
