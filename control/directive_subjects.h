/*
 * The directives, each defined in the file of its subject beside what it does with its arguments; directive.c
 * has the table of them all.
 */
#ifndef CONTROL_DIRECTIVE_SUBJECTS_H
#define CONTROL_DIRECTIVE_SUBJECTS_H

#include <stdbool.h>
#include <stddef.h>

#include "control/config.h"
#include "control/directive.h"

/* The head of a struct directive's `apply`. */
#define DIRECTIVE_APPLY(name) \
	bool name(struct config *config, int words, char *const word[], char *text, size_t size)
/* A struct directive_member. */
#define DIRECTIVE_MEMBER(name)                                                       \
	{                                                                            \
		offsetof(struct config, name), sizeof(((struct config *)NULL)->name) \
	}

extern const struct directive directive_interface;
extern const struct directive directive_workers;
extern const struct directive directive_bindaddress;
extern const struct directive directive_port;
extern const struct directive directive_minpoll;
extern const struct directive directive_local;
extern const struct directive directive_hugepages;
extern const struct directive directive_aeadbackend;
extern const struct directive directive_packetlane;
extern const struct directive directive_idle;
extern const struct directive directive_seccomp;
extern const struct directive directive_clockrefresh;
extern const struct directive directive_holdover;
extern const struct directive directive_user;
extern const struct directive directive_chronyrundir;
extern const struct directive directive_ntsservercert;
extern const struct directive directive_ntsserverkey;
extern const struct directive directive_ntsport;
extern const struct directive directive_ntsprocesses;
extern const struct directive directive_maxntsconnections;
extern const struct directive directive_ntsratelimit;
extern const struct directive directive_ntsrotate;
extern const struct directive directive_ntsdumpdir;
extern const struct directive directive_ntsntpserver;
extern const struct directive directive_ntsaeads;
extern const struct directive directive_refclock;
extern const struct directive directive_driftfile;
extern const struct directive directive_logdir;
extern const struct directive directive_log;
extern const struct directive directive_logbanner;
extern const struct directive directive_leapsectz;
extern const struct directive directive_leapseclist;
extern const struct directive directive_leapsmear;
extern const struct directive directive_makestep;
extern const struct directive directive_maxslewrate;
extern const struct directive directive_minsources;
extern const struct directive directive_clockwander;
extern const struct directive directive_serving;
extern const struct directive directive_crosscheck;
extern const struct directive directive_healthfile;
extern const struct directive directive_healthhook;
extern const struct directive directive_temperature;
extern const struct directive directive_steer_kernel;
extern const struct directive directive_metrics;

#endif
