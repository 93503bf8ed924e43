/*
 * What a daemon gives up once its devices are open: first its user and capabilities, then system calls. All
 * of it is for good and for every thread of the process, those started before included.
 */
#ifndef DATAPLANE_SANDBOX_H
#define DATAPLANE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/capability.h>
#include <sys/types.h>

struct sandbox_user {
	uid_t uid;
	gid_t gid;
	char name[33];
};

/*
 * Find the user to run as: `name`, or where that is "" the first of _tickwire and nobody. False, with a
 * sentence in text[size], where there is none such.
 */
bool sandbox_find_user(struct sandbox_user *user, const char *name, char *text, size_t size);

/*
 * Become the user, without supplementary groups, and keep only `keep` (count of them, 0 for none) in the
 * effective and permitted sets; set no_new_privs. A process that is not root keeps its user and only sheds
 * capabilities. Call it before other threads start, or from libc's threads (glibc carries setuid to all of
 * them; capabilities are per thread, so this must come before threads that should lack them). False with a
 * sentence in text[size].
 */
bool sandbox_drop_privileges(
	const struct sandbox_user *user, const cap_value_t *keep, int count, char *text, size_t size);

/*
 * Get SIGTERM when the parent dies; false where it is not `parent` any more. To be called at the start, and
 * again after sandbox_drop_privileges, because becoming another user undoes it: an orphan would be in the
 * next supervisor's way.
 */
bool sandbox_follow_parent(pid_t parent);

/*
 * Close all descriptors but the first three and those of keep[count], which ascend. For helpers: a device
 * that one of them holds, too, does not go when its daemon closes it, and comes back under another name.
 */
void sandbox_keep_descriptors(const int *keep, size_t count);

enum sandbox_mode { SANDBOX_KILL = 0, SANDBOX_ERRNO, SANDBOX_OFF };

/* "kill", "errno", "off". False for another word. */
bool sandbox_parse_mode(const char *word, enum sandbox_mode *mode);

/* One system call that is allowed: by number (SCMP_SYS or __NR_*), and where `argument` >= 0 only with that
 * value there. */
struct sandbox_rule {
	int syscall;
	int argument; /* index, or -1 for any */
	uint64_t value;
};

/*
 * Allow what every daemon of ours needs (memory, threads, signals, time, exit, read, write, close, poll) and
 * the rules given; opening a file fails with EACCES; all else kills the process (SANDBOX_KILL) or fails with
 * EPERM (SANDBOX_ERRNO). For all threads. SANDBOX_OFF does nothing. False with a sentence in text[size].
 */
bool sandbox_filter(
	enum sandbox_mode mode, const struct sandbox_rule *rules, size_t count, char *text, size_t size);

#endif
